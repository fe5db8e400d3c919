"""The small arithmetic behind the checks, against published and hand-made numbers."""

from __future__ import annotations

import math

import pytest

from protocols import pulses
from protocols.drying import TORR, Vial, primary_drying, sublimation_temperature, vapour_pressure
from protocols.stock import Content, mixed

VIAL = Vial.of(3.14e-4, 2e-6, 50.0)


def test_the_classic_recipe_collapses() -> None:
    """Shelf +20 degC at 150 mTorr peaks at -14.8 degC, far above any sugar's collapse temperature."""
    drying = primary_drying(VIAL, 20.0, 0.15 * TORR)
    assert drying
    assert drying.warmest == pytest.approx(-14.8, abs=0.1)


def test_a_cold_recipe_near_its_end() -> None:
    """Shelf -25 degC at 60 mTorr: about -32 degC while the layer is nearly dry, more than a day."""
    ice = sublimation_temperature(VIAL, 0.9 * VIAL.height, -25.0, 0.06)
    assert ice == pytest.approx(-32.0, abs=0.3)
    drying = primary_drying(VIAL, -25.0, 0.06 * TORR)
    assert drying
    assert 24 < drying.duration / 3600 < 48


def test_geometry_of_the_vial() -> None:
    assert VIAL.height == pytest.approx(0.692, abs=0.001)
    assert VIAL.water == pytest.approx(1.933, abs=0.001)
    assert vapour_pressure(-40.0) == pytest.approx(0.0966, rel=0.01)


def test_edge_vials_are_warmer_and_faster() -> None:
    centre, edge = (primary_drying(VIAL, -28.0, 8.0, share) for share in (1.0, 1.5))
    assert centre
    assert edge
    assert edge.warmest > centre.warmest
    assert edge.duration < centre.duration


def test_nothing_sublimes_below_the_ice() -> None:
    assert primary_drying(VIAL, -45.0, 8.0) is None


def test_salt_arcs_and_sugar_does_not() -> None:
    """200 V over 2 mm, 2 x 20 ms at 1.5 S/m heats by 144 K; the same pulse in 0.03 S/m by 3 K."""
    salty = pulses.square_heating(1.5, 1e5, 0.02, 2)
    assert salty == pytest.approx(144.0, rel=0.01)
    assert pulses.arcing_number(salty, 25.0, 1.5, 1e5, 2e-3) > 5
    sweet = pulses.square_heating(0.03, 1e5, 0.02, 2)
    assert pulses.arcing_number(sweet, 25.0, 0.03, 1e5, 2e-3) < 0.3


def test_a_discharge_shares_its_energy_with_the_parallel_resistor() -> None:
    sample = pulses.sample_resistance(0.05, 2e-3, 1e-7, 8)
    assert sample == pytest.approx(100.0)
    alone = pulses.exponential_heating(200.0, 125e-6, sample, 0.0, 8e-7)
    assert alone == pytest.approx(2.5 / (pulses.HEAT_CAPACITY * 8e-7))
    assert pulses.exponential_heating(200.0, 125e-6, sample, 100.0, 8e-7) == pytest.approx(alone / 2)


@pytest.mark.parametrize(("wanted", "step"), [(200.4, 200.0), (499.6, 500.0), (502.4, 500.0), (503.0, 505.0)])
def test_the_instrument_has_steps(wanted: float, step: float) -> None:
    assert pulses.instrument_step(wanted) == step


def test_diafiltration_washes_out() -> None:
    salty = Content(1e-4, 1e12, 1e-3, {"PBS": 1.0})
    after = salty.diafiltered(5.0, "pulse buffer")
    assert after.liquids["PBS"] == pytest.approx(math.exp(-5))
    assert after.conductivity == pytest.approx(1.6 * math.exp(-5) + 0.03 * (1 - math.exp(-5)))
    assert after.protein == pytest.approx(1e-3 * math.exp(-5 * 0.85))
    assert after.particles == pytest.approx(1e12, rel=0.03)


def test_mixing_and_splitting_keep_everything() -> None:
    one, two = Content(1e-4, 1e12, 1e-6, {"PBS": 1.0}), Content(3e-4, 1e11, 1e-7, {"water": 1.0})
    both = mixed(one, two)
    assert (both.volume, both.particles) == (pytest.approx(4e-4), pytest.approx(1.1e12))
    assert both.liquids == {"PBS": pytest.approx(0.25), "water": pytest.approx(0.75)}
    assert mixed(both.part(1e-4), both.take(1e-4)).particles == pytest.approx(both.particles)
    assert both.part(1.0) == both
    assert both.take(1.0).volume == 0.0
