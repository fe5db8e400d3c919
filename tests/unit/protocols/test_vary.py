"""Paths of parameters, ranges with units, and the recipe with other values."""

from __future__ import annotations

import pytest

from protocols.load import LoadError, load
from protocols.vary import variation, varied
from vesiflow.errors import ConfigError

RECIPE = load("exosome")


@pytest.mark.parametrize(
    ("text", "path", "middle"),
    [
        ("operations[5].concentrate.to=10..30 mL", "procedure[0].tff.operations[5].concentrate.to", "20 mL"),
        (
            "procedure[0].tff.operations[3].concentrate.to=50..150 mL",
            "procedure[0].tff.operations[3].concentrate.to",
            "100 mL",
        ),
        (
            "primary_drying.temperature=-35..-25 degC",
            "procedure[5].lyophilization.operations[6].primary_drying.temperature",
            "-30 degC",
        ),
        ("medium.volume = 1..2 L", "material.medium.volume", "1.5 L"),
        ("primary_drying.margin=1..3 K", "procedure[5].lyophilization.operations[6].primary_drying.margin", "2 K"),
        ("fill.vials=30..50", "procedure[5].lyophilization.operations[2].fill.vials", "40"),
        ("sec.velocity=20..40 cm/h", "procedure[1].sec.velocity", "30 cm/h"),
    ],
)
def test_a_parameter_is_found_by_any_unique_end_of_its_path(text: str, path: str, middle: str) -> None:
    found = variation(RECIPE, text)
    assert found.path == path
    assert found.written(found.value(0.5)) == middle
    assert varied(RECIPE, {found.place: middle}).recipe == "exosome"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("concentrate.to=15..30 mL", "fits more than one place"),
        ("primary_drying.temprature=1..2 degC", "did you mean primary_drying.temperature"),
        ("nothing.like.this=1..2", "is no path of this recipe"),
        ("fill.vials=30.5..50", "whole numbers"),
        ("procedure[0].tff.membrane.barcode=1..2", "is a word"),
        ("primary_drying.pressure=60..90 mL", "expected a unit like Pa"),
        ("primary_drying.pressure=90..60 mTorr", "lower end is above"),
        ("primary_drying.pressure=60 mTorr", "is not a range"),
        ("primary_drying.ratio=1.1..1.1", "same value at both ends"),
        ("primary_drying.ratio", "is not PATH=LOW..HIGH"),
        ("=1..2", "is not PATH=LOW..HIGH"),
    ],
)
def test_what_cannot_be_varied_says_why(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        variation(RECIPE, text)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_other_values_are_read_as_if_written() -> None:
    place = variation(RECIPE, "primary_drying.margin=1..3 K").place
    other = varied(RECIPE, {place: "3 K"})
    drying = other.procedure[5].value.operations[6].value
    assert drying.margin.magnitude == 3
    assert "margin: 3 K" in other.document.text
    assert "margin" not in RECIPE.document.text.split("primary_drying:")[1].split("}")[0]


def test_a_value_the_models_refuse_is_a_load_error() -> None:
    place = variation(RECIPE, "fill.vials=30..50").place
    with pytest.raises(LoadError, match="whole number"):
        varied(RECIPE, {place: "30.5"})
