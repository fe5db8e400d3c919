"""The process fails as the process fails: on the simulated plant, through the phases that would run in the lab.

Recipes that the check refuses are made all the same here: what the check says would happen must happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devices.line_file import load_line
from line.direct.line import Made, manufacture
from protocols.check import check
from protocols.load import load
from protocols.resolve import resolve
from protocols.vary import find, varied

LINE = load_line("sim")
SALTY = {
    "nacl": "137 mmol/L", "phosphate": "10 mmol/L", "ev_50": "1e14 mol/L", "ev_100": "4e14 mol/L",
}  # fmt: skip


def make(recipe: str, values: Mapping[str, str] | None = None, **simulation: Any) -> tuple[list[str], Made]:
    """(what the check refuses, the batch made in spite of it)."""
    master = load(recipe)
    other = varied(master, {find(master, path): text for path, text in (values or {}).items()})
    refused = [finding.reason for finding in check(other, LINE.profile) if finding.severity == "error"]
    return refused, manufacture(resolve(other, LINE.profile), LINE, simulation=simulation)


def measured(made: Made, assay: str) -> float:
    """The last result of an assay."""
    return [sample.value for sample in made.record.samples if sample.assay == assay][-1]


def found(made: Made) -> str:
    return " | ".join(str(finding) for finding in made.record.findings)


def judged(made: Made) -> dict[str, str]:
    return {item.name: item.verdict for item in made.record.release}


# -- freeze-drying


CLASSIC = {
    "primary_drying.temperature": "20 degC", "primary_drying.pressure": "150 mTorr", "evacuate.pressure": "150 mTorr",
}  # fmt: skip


def test_the_classic_programme_collapses_a_sugar_cake() -> None:
    """+20 degC and 0.15 Torr: the ice comes to about -15 degC, more than 13 K above collapse."""
    refused, made = make("lyophilization", CLASSIC)
    assert any("collapse is at -29.0 degC" in reason for reason in refused)
    assert made.complete
    assert all(vial.collapsed > 0.1 for vial in made.plant.dryer.dried)
    assert "product above collapse temperature" in found(made)
    assert judged(made)["recovery"] == "fail"
    assert judged(made)["residual_moisture"] == "fail"


def test_a_cold_programme_does_not() -> None:
    refused, made = make("lyophilization")
    assert not refused
    assert made.complete
    assert max(vial.collapsed for vial in made.plant.dryer.dried) == 0.0
    assert set(judged(made).values()) == {"pass"}


def test_drying_that_takes_too_long_is_held() -> None:
    refused, made = make("lyophilization", {"primary_drying.max_duration": "8 h"})
    assert any("drying takes about" in reason for reason in refused)
    assert made.failed == "1-lyophilization/8-primary_drying/1"
    assert "the gauges did not meet in the longest time allowed" in made.reason


def test_drying_that_ends_too_early_leaves_ice_that_melts() -> None:
    """Half steam on the gauge is called the end: the slow vials still hold ice, which melts in secondary drying."""
    _, made = make("lyophilization", {"primary_drying.ratio": "1.5", "primary_drying.soak": "0 min"})
    assert made.complete
    assert judged(made)["residual_moisture"] == "fail"
    assert judged(made)["recovery"] == "fail"


def test_without_sugar_vesicles_do_not_survive() -> None:
    """30-60 % come back; in salt the cake collapses as well."""
    _, made = make("lyophilization", bottles={"formulation buffer": {"nacl": "20 mmol/L", "histidine": "10 mmol/L"}})
    assert measured(made, "recovery") < 80.0
    assert judged(made)["recovery"] == "fail"


def test_a_warm_condenser_holds_the_evacuation() -> None:
    _, made = make("lyophilization", lyophilization={"condenser": "-35 degC"})
    assert "evacuate" in made.failed
    assert "condenser is not cold" in made.reason


@pytest.mark.parametrize("leak", [0.2, 2.0])
def test_a_leak_that_the_pump_bears_shows_in_the_pressure_rise_test(leak: float) -> None:
    _, made = make("lyophilization", lyophilization={"leak": leak})
    assert made.complete
    rise = next(finding for finding in made.record.findings if finding.what.startswith("pressure rise"))
    assert rise.value == pytest.approx(leak, rel=0.1)


def test_a_leak_that_the_pump_does_not_bear_holds_the_evacuation() -> None:
    _, made = make("lyophilization", lyophilization={"leak": 5.0})
    assert made.failed == "1-lyophilization/7-evacuate/1"
    assert "vacuum not reached: leak or pump" in made.reason


# -- filtration


def test_shear_above_the_limit_destroys_vesicles() -> None:
    gentle = make("tff")[1].plant.store.bottles["capture"].content
    harsh = make("tff", {"membrane.max_shear": "12000 1/s", "tff.shear": "9500 1/s"})[1]
    content = harsh.plant.store.bottles["capture"].content
    assert gentle.amount("ev_lysed") == 0.0
    assert content.amount("ev_lysed") > 0.001 * content.particles


def test_shear_above_the_membranes_limit_is_refused_by_recipe_and_phase() -> None:
    refused, made = make("tff", {"tff.shear": "7500 1/s"})
    assert any("above the membrane's limit" in reason for reason in refused)
    assert "shear above the membrane's limit" in made.reason


def test_a_loop_cannot_be_concentrated_below_its_hold_up() -> None:
    refused, made = make("tff", {"operations[5].concentrate.to": "3 mL"})
    assert any("the loop draws air" in reason for reason in refused)
    assert made.failed == "1-tff/6-concentrate/1"


def test_a_blocked_membrane_is_found_before_product_touches_it() -> None:
    """The least flux takes more pressure than the membrane bears: the flush holds."""
    _, made = make("tff", tff={"membrane": {"300 kDa": "9e12 1/m"}})
    assert made.failed == "1-tff/2-flush/1"
    assert "tff.tmp" in made.reason


# -- chromatography


def test_lipoprotein_co_elutes_with_vesicles() -> None:
    """LDL hardly enters the pores: no column of this kind removes it, and the protein assay says so."""
    clean, dirty = make("sec")[1], make("sec", medium={"ldl": "10 ug/mL"})[1]
    assert measured(dirty, "protein") > 1.3 * measured(clean, "protein")


def test_a_clogged_column_holds_by_its_pressure() -> None:
    _, made = make("sec", sec={"frit": 4e12})
    assert "sec.pressure" in made.reason


# -- electroporation


def test_salt_is_stopped_at_the_conductivity_check() -> None:
    _, made = make("electroporation", bottles={"exchange": {"nacl": "137 mmol/L", "phosphate": "10 mmol/L"}})
    assert made.failed == "1-electroporation/2-check_conductivity/1"
    assert "the sample would arc" in made.reason


def test_salt_that_nobody_checks_arcs_and_is_lost() -> None:
    values = {"check_conductivity.limit": "18 mS/cm", "pulse.field": "2000 V/cm"}
    _, made = make("electroporation", values, bottles={"exchange": SALTY})
    assert any(event.details["arc"] for event in made.plant.ledger.of("pulse"))
    assert "Aborted" in found(made) or "time constant" in found(made)


def test_standard_pulses_hardly_load_anything() -> None:
    """1 kV/cm puts 7 mV across a 100 nm vesicle: what looks loaded is not protected."""
    _, made = make("electroporation")
    assert measured(made, "cargo_apparent") > 100.0 * measured(made, "cargo_protected")
