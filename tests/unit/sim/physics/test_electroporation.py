"""Pulses with and without heating feedback, arcs, and what passes for loading."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.physics import electroporation as ep
from sim.physics import loading, pulse

CUVETTE = ep.Settings(400.0, 0.004, capacitance=125e-6)
GENTLE = ep.Sample(400e-9, 0.05, particles=4e17, cargo=1e-3, trehalose=50.0)
PBS = ep.Sample(100e-9, 1.5)


def test_without_feedback_the_discharge_is_the_closed_form() -> None:
    cell = pulse.Cell(0.004, 400e-9, 0.1)
    shot = pulse.discharge(cell, 400.0, 125e-6, 4.0, rise=0.0)
    assert shot.time_constant == pytest.approx(cell.resistance * 125e-6, rel=1e-6)
    assert shot.temperature - 4.0 == pytest.approx(pulse.heating(10.0, 400e-9), rel=1e-5)
    assert shot.charge == pytest.approx(0.05, rel=2e-3)


def test_a_warming_sample_discharges_faster_but_takes_the_same_energy() -> None:
    cell = pulse.Cell(0.004, 400e-9, 0.1)
    cold, warm = (pulse.discharge(cell, 400.0, 125e-6, 4.0, rise=rise) for rise in (0.0, 0.02))
    assert warm.time_constant < 0.97 * cold.time_constant
    assert warm.temperature == pytest.approx(cold.temperature, rel=1e-4)


def test_a_parallel_resistor_takes_its_share_of_the_heat() -> None:
    cell = pulse.Cell(0.004, 400e-9, 0.1, parallel=400.0)
    shot = pulse.discharge(cell, 400.0, 125e-6, 4.0, rise=0.0)
    assert cell.resistance == pytest.approx(200.0)
    assert shot.temperature - 4.0 == pytest.approx(pulse.heating(5.0, 400e-9), rel=1e-4)


def test_square_pulses_heat_as_the_formula_says_until_the_sample_warms() -> None:
    cell = pulse.Cell(0.004, 400e-9, 0.1)
    closed = pulse.square_heating(0.1, 125000.0, 1e-4, 1, pulse.HEAT_CAPACITY)
    assert pulse.square(cell, 500.0, 1e-4, 4.0, rise=0.0).temperature - 4.0 == pytest.approx(closed)
    long = pulse.square(cell, 500.0, 0.05, 4.0)
    gain = 0.02 * 500 * closed
    assert long.temperature - 4.0 == pytest.approx(math.expm1(gain) / 0.02, rel=1e-4)


def test_phosphate_buffer_arcs_and_the_sample_is_lost() -> None:
    programme = ep.Settings(200.0, 0.002, length=0.02, count=2)
    result = ep.pulse(programme, PBS)
    assert result.arc and result.delivered == 1
    assert result.recovery == 0.0 and result.peak_temperature >= 100.0
    assert ep.predicted_warming(programme, PBS) == pytest.approx(143.973, rel=1e-4)


def test_arcs_come_as_often_as_the_hazard_says() -> None:
    settings = replace(CUVETTE, voltage=400.0)
    sample = replace(GENTLE, conductivity=0.3)
    p = ep.arc_probability(ep.arc_index(settings, sample))
    rng = Random(4)
    arcs = sum(ep.pulse(settings, sample, rng).arc for _ in range(200))
    assert 0.3 < p < 0.7
    assert arcs / 200 == pytest.approx(p, abs=0.12)


def test_the_same_seed_gives_the_same_pulse() -> None:
    assert ep.pulse(CUVETTE, GENTLE, Random(7)) == ep.pulse(CUVETTE, GENTLE, Random(7))
    assert ep.pulse(CUVETTE, GENTLE, Random(8)) != ep.pulse(CUVETTE, GENTLE, Random(7))


def test_usual_settings_load_next_to_nothing_and_look_as_if_they_did() -> None:
    result = ep.pulse(CUVETTE, GENTLE)
    ceiling = loading.loading_ceiling(4e17, 100e-9)
    assert result.protected_loading < 0.01 * ceiling
    assert result.apparent_loading > 1000 * result.protected_loading
    chelated = ep.pulse(CUVETTE, replace(GENTLE, chelator=5.0))
    assert chelated.apparent_loading == pytest.approx(chelated.protected_loading)


def test_a_field_beyond_the_pore_threshold_reaches_the_ceiling() -> None:
    assert loading.protected_loading(4e17, 100e-9, 133e5) == pytest.approx(loading.loading_ceiling(4e17, 100e-9))


def test_empty_wells_bubbles_and_trehalose() -> None:
    empty = ep.pulse(CUVETTE, replace(GENTLE, volume=0.0))
    assert empty.open_circuit and empty.delivered == 0 and empty.resistance == ep.OPEN_CIRCUIT
    bubbly = ep.resistance(CUVETTE, replace(GENTLE, bubbles=0.36))
    assert bubbly / ep.resistance(CUVETTE, GENTLE) == pytest.approx(0.64**-1.5)
    bare = ep.pulse(CUVETTE, replace(GENTLE, trehalose=0.0))
    assert ep.pulse(CUVETTE, GENTLE).recovery > bare.recovery
    assert bare.size_shift > ep.pulse(CUVETTE, GENTLE).size_shift > 1.0


def test_a_chilled_holder_cools_between_pulses() -> None:
    train = replace(CUVETTE, count=3, interval=300.0)
    assert ep.pulse(train, GENTLE).sample.temperature == pytest.approx(4.0, abs=0.1)
    hasty = replace(train, interval=1.0)
    assert ep.pulse(hasty, GENTLE).peak_temperature > ep.pulse(train, GENTLE).peak_temperature + 5


@given(field=st.floats(0, 1e7), radius=st.floats(1e-8, 1e-5))
def test_schwan_and_its_inverse(field: float, radius: float) -> None:
    volts = loading.membrane_voltage(field, radius)
    assert loading.field_for(volts, radius) == pytest.approx(field)
    assert loading.membrane_voltage(field, radius, math.pi / 2) == pytest.approx(0.0, abs=1e-12 * max(volts, 1e-3))


@given(time=st.floats(0, 1), resistance=st.floats(1, 1000))
def test_energy_delivered_stays_below_what_was_stored(time: float, resistance: float) -> None:
    given_off = pulse.delivered_energy(400.0, 125e-6, resistance, time)
    left = pulse.stored_energy(pulse.decayed(400.0, time, resistance, 125e-6), 125e-6)
    assert given_off + left == pytest.approx(10.0)
