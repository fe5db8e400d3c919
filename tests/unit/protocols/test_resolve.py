"""Master recipe to control recipe: numbers a person can check by hand."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import phases
from protocols.control import ControlRecipe, from_json, to_json
from protocols.load import load
from protocols.resolve import resolve, walk
from vesiflow.errors import ConfigError
from vesiflow.line_profile import LineProfile

ML = 1e-6


@pytest.fixture(scope="module")
def exosome(bench: LineProfile) -> ControlRecipe:
    return resolve(load("exosome"), bench)


def params(recipe: ControlRecipe, key: str) -> phases.PhaseParams:
    return recipe.phase(key).params


def test_six_unit_procedures_in_order(exosome: ControlRecipe) -> None:
    found = [(procedure.number, procedure.unit, procedure.name) for procedure in exosome.unit_procedures]
    assert found == [
        (1, "tff", "capture"),
        (2, "sec", "polish"),
        (3, "tff", "exchange"),
        (4, "electroporation", "loading"),
        (5, "tff", "wash"),
        (6, "lyophilization", "freeze-drying"),
    ]


def test_keys_are_unique_and_kinds_match(exosome: ControlRecipe) -> None:
    keys = [phase.key for phase in exosome.phases()]
    assert len(keys) == len(set(keys))
    for phase in exosome.phases():
        assert type(phase.params) is phases.KINDS[phase.kind]
        assert phase.duration > 0
        assert math.isfinite(phase.duration)
    assert "2-sec/3-elute/1" in keys


def test_shear_becomes_feed_flow(exosome: ControlRecipe) -> None:
    concentrate = params(exosome, "1-tff/4-concentrate/1")
    assert isinstance(concentrate, phases.Concentrate)
    assert concentrate.feed_flow == pytest.approx(88.36 * ML / 60, rel=1e-4)  # 4000 1/s in 30 fibres of 0.5 mm
    assert concentrate.membrane.length == pytest.approx(0.49869, rel=1e-4)  # 235 cm^2 / (30 pi 0.5 mm)
    assert concentrate.target_volume == pytest.approx(100 * ML)
    assert concentrate.tmp == pytest.approx(13789.5, rel=1e-4)
    assert concentrate.membrane.barcode == "HF300-235"


def test_permeability_limit_follows_the_cutoff(exosome: ControlRecipe) -> None:
    flush = params(exosome, "1-tff/2-flush/1")
    assert isinstance(flush, phases.Flush)
    assert flush.min_permeability == pytest.approx(150 / 3.6e11, rel=1e-6)  # 150 LMH/bar at 300 kDa


def test_column_volumes_and_velocity(exosome: ControlRecipe, bench: LineProfile) -> None:
    elute = params(exosome, "2-sec/3-elute/1")
    assert isinstance(elute, phases.Elute)
    assert elute.volume == pytest.approx(1.5 * 490.87 * ML, rel=1e-4)
    assert elute.flow == pytest.approx(9.817 * ML / 60, rel=1e-3)  # 30 cm/h through 19.63 cm^2
    assert elute.collect_from == pytest.approx(0.28 * 490.87 * ML, rel=1e-4)
    assert elute.uv_threshold == pytest.approx(0.002)


def test_field_becomes_volts_and_a_window(exosome: ControlRecipe) -> None:
    pulse = params(exosome, "4-electroporation/4-pulse/1")
    assert isinstance(pulse, phases.PulsePlate)
    assert pulse.pulse == phases.Pulse("exponential", 200.0, 1, 1.0, 0.002, 0.0, 125e-6, 100.0)
    assert (pulse.wells, pulse.wells_per_pulse) == (96, 8)
    assert 0 < pulse.time_constant_min < 0.008 < pulse.time_constant_max < 0.0125 * 1.2


def test_plate_volumes(exosome: ControlRecipe) -> None:
    prepare, collect = (params(exosome, f"4-electroporation/{name}/1") for name in ("2-prepare", "6-collect"))
    assert isinstance(prepare, phases.PreparePlate)
    assert isinstance(collect, phases.CollectPlate)
    assert prepare.cargo_stock == pytest.approx(0.02)
    assert collect.volume == pytest.approx(0.98 * 9.6 * ML)


def test_drying(exosome: ControlRecipe) -> None:
    drying = params(exosome, "6-lyophilization/7-primary_drying/1")
    assert isinstance(drying, phases.PrimaryDrying)
    assert drying.critical_temperature == pytest.approx(-29.0, abs=0.05)  # trehalose
    assert drying.margin == 2.0
    assert drying.pressure == pytest.approx(8.0, rel=1e-3)
    assert (drying.ratio, drying.soak, drying.max_duration) == (1.1, 1800.0, 216000.0)
    assert 24 * 3600 < exosome.phase("6-lyophilization/7-primary_drying/1").duration < 60 * 3600


def test_it_survives_json_and_keeps_its_digest(exosome: ControlRecipe) -> None:
    again = from_json(json.loads(json.dumps(to_json(exosome))))
    assert again == exosome
    assert again.digest == exosome.digest


def test_source_release_hold_times_header(exosome: ControlRecipe) -> None:
    assert exosome.source == load("exosome").document.text
    assert exosome.header["cells"] == "bone-marrow MSC"
    assert exosome.header["oxygen"] == "5 %" or exosome.header["oxygen"] == "5 percent"
    assert exosome.header["medium.liquid"] == "medium"
    assert exosome.material["medium.volume"] == 2e-3
    assert exosome.hold_times[3].limit == 7200.0
    assert {criterion.name for criterion in exosome.release} >= {"particles_per_ug", "doses", "residual_moisture"}


def test_a_batch_half_as_large(exosome: ControlRecipe, bench: LineProfile) -> None:
    half = resolve(load("exosome"), bench, volume=1e-3)
    assert half.material["medium.volume"] == pytest.approx(1e-3)
    concentrate, prepare = params(half, "1-tff/4-concentrate/1"), params(half, "4-electroporation/2-prepare/1")
    fill, flush = params(half, "6-lyophilization/3-fill/1"), params(half, "1-tff/2-flush/1")
    assert isinstance(concentrate, phases.Concentrate)
    assert isinstance(prepare, phases.PreparePlate)
    assert isinstance(fill, phases.FillVials)
    assert concentrate.target_volume == pytest.approx(50 * ML)
    assert prepare.wells == 48
    assert (fill.vials, fill.fill_volume) == (25, 2 * ML)
    assert flush == params(exosome, "1-tff/2-flush/1")
    assert half.digest != exosome.digest


@pytest.mark.parametrize("volume", [0.0, -1.0, math.nan, math.inf])
def test_a_batch_of_nothing_is_refused(volume: float, bench: LineProfile) -> None:
    with pytest.raises(ConfigError, match="greater than 0"):
        resolve(load("exosome"), bench, volume=volume)


@pytest.mark.parametrize("unit", ["sec", "electroporation", "lyophilization"])
def test_a_line_without_the_unit(unit: str, bench: LineProfile) -> None:
    poor = dataclasses.replace(bench, **{unit: None})
    with pytest.raises(ConfigError, match="has no"):
        resolve(load(unit), poor)


@settings(max_examples=25, deadline=None)
@given(volume=st.floats(1e-4, 4e-3))
def test_particles_are_never_made(volume: float, bench: LineProfile) -> None:
    """Whatever the size, particles and protein only get fewer and volumes stay positive."""
    recipe = load("exosome").scaled(volume / 2e-3)
    particles = math.inf
    for step in walk(recipe, bench):
        total = sum(content.particles for content in step.after.values())
        assert total <= particles * (1 + 1e-9)
        assert all(content.volume >= 0 for content in step.after.values())
        particles = total
