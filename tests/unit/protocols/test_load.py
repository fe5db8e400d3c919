"""Reading recipes: all errors at once, each with file, line, path and reason."""

from __future__ import annotations

import pytest

from protocols.load import LoadError, load, loads, packaged
from vesiflow.errors import ConfigError
from vesiflow.quantities import written

GOOD = """\
recipe: mine
version: 1.10
material:
  medium: {volume: 500 mL, particles: 2e9 1/mL}
procedure:
  - tff:
      membrane: {cutoff: 300 kDa, area: 235 cm^2, fibres: 30, lumen: 0.5 mm}
      operations:
        - install_module:
        - load: {source: medium}
        - concentrate: {to: 50 mL}
        - recover: {product: capture}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(LoadError) as caught:
        loads(text, "r.yaml")
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_a_recipe_keeps_its_words_and_units() -> None:
    recipe = loads(GOOD, "r.yaml")
    assert recipe.version == "1.10"
    tff = recipe.procedure[0].value
    assert written(tff.membrane.cutoff) == "300 kDa"
    assert written(tff.shear) == "4000 1/s"
    assert [name for name, _ in recipe.procedure[0].operations()] == [
        "install_module", "load", "concentrate", "recover",
    ]  # fmt: skip
    assert recipe.document.text == GOOD
    assert recipe.document.line(("procedure", 0, "tff", "operations", 2, "concentrate", "to")) == 11


def test_all_errors_at_once_in_order_of_lines() -> None:
    text = (
        GOOD.replace("cutoff: 300 kDa", "cutoff: 300 mL")
        .replace("fibres: 30", "fibres: many")
        .replace("to: 50 mL", "too: 50 mL")
        .replace("install_module:", "instal_module:")
        .replace("version: 1.10\n", "")
    )
    assert problems(text) == [
        "r.yaml:1: version: missing",
        "r.yaml:6: procedure[0].tff.membrane.cutoff: '300 mL' is in mL, expected a unit like kg; "
        "write a molecular weight cut-off like '300 kDa'",
        "r.yaml:6: procedure[0].tff.membrane.fibres: must be a whole number (got 'many')",
        "r.yaml:8: procedure[0].tff.operations[0].instal_module: unknown key; did you mean 'install_module'?",
        "r.yaml:10: procedure[0].tff.operations[2].concentrate.to: missing",
        "r.yaml:10: procedure[0].tff.operations[2].concentrate.too: unknown key; did you mean 'to'?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("mine", "../mine", 1, "cannot be a file name"),
        ("500 mL,", "nan mL,", 4, "is not a number with a unit"),
        ("500 mL,", ".inf mL,", 4, "is not a number with a unit"),
        ("500 mL,", "500,", 4, "a bare number"),
        ("500 mL,", "[500],", 4, "expected a volume like"),
        ("2e9 1/mL}", "2e9 1/mL, volume: 1 L}", 4, "key twice"),
        ("lumen: 0.5 mm", "lumen: true", 7, "is not a number with a unit"),
        ("- install_module:", "- install_module: 3", 9, "must be a mapping (got '3')"),
        ("- install_module:", "- {}", 9, "exactly one of install_module"),
        ("- install_module:", "- {load: {source: a}, recover: {product: b}}", 9, "exactly one of install_module"),
        ("medium: {", "vials: {", 3, "is a place on the line"),
    ],
)
def test_one_error(old: str, new: str, line: int, reason: str) -> None:
    (problem,) = problems(GOOD.replace(old, new, 1))
    assert problem.startswith(f"r.yaml:{line}: ")
    assert reason in problem


@pytest.mark.parametrize("text", ["", "- a\n", "just words\n", "recipe: x\nversion: 1\nprocedure: []\n"])
def test_no_recipe_at_all(text: str) -> None:
    assert problems(text)


def test_diavolumes_are_finite() -> None:
    line = "        - diafilter: {volumes: .inf, buffer: PBS}\n"
    (problem,) = problems(GOOD + line.replace(".inf", "inf"))
    assert "must be a finite number" in problem


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        ("{doses: 40}", "is no criterion"),
        ('{dosis: ">= 40"}', "did you mean 'doses'?"),
        ('{residual_moisture: "<= 3 K"}', "expected a unit like percent"),
    ],
)
def test_release_criteria(release: str, reason: str) -> None:
    (problem,) = problems(GOOD + f"release: {release}\n")
    assert problem.startswith("r.yaml:13: release.")
    assert reason in problem


def test_release_values() -> None:
    release = 'release: {size: 60..150 nm, residual_moisture: "<= 3 %", particles_per_ug: ">= 3e10"}\n'
    found = [(c.name, c.relation, c.value, c.unit) for c in loads(GOOD + release).release.criteria()]
    assert found == [
        ("particles_per_ug", ">=", 3e10, "1/ug"),
        ("size", ">=", 60.0, "nm"),
        ("size", "<=", 150.0, "nm"),
        ("residual_moisture", "<=", 3.0, "percent"),
    ]


def test_hold_times_point_forward() -> None:
    (problem,) = problems(GOOD + "hold_times: [{after: 1, before: 2, limit: 4 h}]\n")
    assert "unit procedures are numbered 1 to 1" in problem


def test_unknown_assay_is_named() -> None:
    (problem,) = problems(GOOD + "        - sample: {point: p, source: capture, assays: [particels]}\n")
    assert problem.startswith("r.yaml:13: procedure[0].tff.operations[4].sample.assays: unknown assay 'particels'")


def test_by_name_or_path(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert "exosome" in packaged()
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load(str(path)).recipe == "mine"
    with pytest.raises(ConfigError, match="did you mean 'exosome'") as caught:
        load("exosme")
    assert caught.value.exit_code == 2
    with pytest.raises(LoadError, match="is not a file"):
        load(str(tmp_path))


def test_a_flood_of_values_is_refused() -> None:
    (problem,) = problems("a: [" + "1 mL," * 200_000 + "]\n")
    assert "more than 20000 values" in problem
