"""Freeze drying: vapour pressure, convergence, laws, and the vial through all its phases."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.physics import cake, drying_run, freezing, secondary_drying, vacuum
from sim.physics import lyophilization as lyo
from sim.physics import primary_drying as primary
from sim.physics.schedule import Schedule, staged

POINTS = json.loads((Path(__file__).parents[3] / "data/cases/lyo_points.json").read_text())
VIAL = primary.Vial()
WARM = staged(-35.0, [20.0], [108000.0], 1 / 60)
MEDIUM = staged(0.15, [0.15], [108000.0], 1.0)
COLD = lyo.VialClass("centre", 50.0, VIAL)


@pytest.mark.parametrize("point", POINTS["vapour_pressure"], ids=lambda point: f"{point['T_C']} degC")
def test_vapour_pressure(point: dict[str, float]) -> None:
    assert primary.vapour_pressure(point["T_C"]) == pytest.approx(point["Psub_Torr"], rel=1e-3)
    assert primary.frost_point(point["Psub_Torr"]) == pytest.approx(point["T_C"], abs=1e-3)


def test_a_minute_is_short_enough_and_the_midpoint_rule_is_second_order() -> None:
    hours = [drying_run.dry(VIAL, WARM, MEDIUM, dt).duration / 3600 for dt in (10.0, 60.0, 300.0, 1200.0)]
    errors = [abs(value - hours[0]) for value in hours[1:]]
    assert errors[0] < 1e-5 and errors[1] < 2e-4 and errors[2] < 5e-3


def test_the_dry_layer_never_shrinks_and_ends_at_the_height() -> None:
    run = drying_run.dry(VIAL, WARM, MEDIUM)
    assert all(after.layer >= before.layer for before, after in pairwise(run.course))
    assert run.course[-1].layer == VIAL.height
    assert run.time_at(0.5) < run.time_at(0.9) < run.duration


def test_sublimed_mass_is_the_water() -> None:
    run = drying_run.dry(VIAL, WARM, MEDIUM)
    mass = sum((a.rate + b.rate) / 2 * (b.time - a.time) / 3600 for a, b in pairwise(run.course))
    assert mass == pytest.approx(VIAL.water, rel=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    shelf=st.floats(-50, 40),
    pressure=st.floats(0.02, 0.4),
    dry=st.floats(0, 1),
    guess=st.floats(-60, 20),
)
def test_the_root_is_found_from_any_guess(shelf: float, pressure: float, dry: float, guess: float) -> None:
    inputs = primary.Inputs(VIAL, shelf, pressure)
    layer = dry * VIAL.height
    front, bottom, rate = primary.balance(inputs, layer, 0.0, guess)
    if primary.vapour_pressure(shelf) <= pressure:
        assert (front, bottom, rate) == (shelf, shelf, 0.0)
        return
    heat_in = VIAL.heat_transfer(pressure) * VIAL.area * (shelf - bottom)
    assert heat_in == pytest.approx(primary.SUBLIMATION_HEAT * rate / 3600.0, rel=1e-6, abs=1e-9)
    assert min(primary.frost_point(pressure), shelf) - 1e-6 <= front <= bottom + 1e-9 <= shelf + 1e-6


@settings(max_examples=15, deadline=None)
@given(shelf=st.floats(-20, 20), warmer=st.floats(1, 10))
def test_a_warmer_shelf_dries_faster_and_hotter(shelf: float, warmer: float) -> None:
    shelves = (staged(-35.0, [value], [720000.0], 1 / 60) for value in (shelf, shelf + warmer))
    slow, fast = (drying_run.dry(VIAL, course, MEDIUM, 300.0) for course in shelves)
    assert fast.duration < slow.duration
    assert fast.hottest()[0] > slow.hottest()[0]


def test_a_recipe_too_short_or_too_cold_is_not_dry() -> None:
    for shelf in (staged(-35.0, [20.0], [3600.0], 1 / 60), staged(-45.0, [-44.0], [1e8], 1 / 60)):
        with pytest.raises(drying_run.NotDry):
            drying_run.dry(VIAL, shelf, Schedule((0.0, 3600.0), (0.15, 0.15)))


def test_the_warmest_moment_is_where_sublimation_sets_in() -> None:
    vial = primary.Vial(9.15, 7.52, 4.62, 0.035, 3.74, 21.6, 0.0, 8.63e-5, 0.0, 2.31)
    shelf = staged(-38.4, [-10.5, -34.2], [1884.0, 1.8e6], 1 / 120)
    pressure = staged(0.29, [0.026], [1.8e6], 1 / 6000)
    fine, usual = (drying_run.dry(vial, shelf, pressure, dt).hottest()[1] for dt in (2.0, 60.0))
    assert usual == pytest.approx(fine, abs=0.02)


def test_ramps_hold_and_ramps_too_slow_for_their_stage() -> None:
    course = staged(-35.0, [-20.0, 0.0], [600.0, 1200.0], 1 / 60)
    assert [course.at(t) for t in (0, 600, 1800, 9e9)] == pytest.approx([-35.0, -25.0, -5.0, -5.0])
    assert course.unreached == (0, 1) and course.rate(700.0) == pytest.approx(1 / 60)
    reached = staged(0.0, [10.0], [1200.0], 1 / 60)
    assert reached.times == (0.0, 600.0, 1200.0) and reached.rate(900.0) == 0.0 and reached.unreached == ()


def through(vials: lyo.VialClass, hours: float, shelf: float, pressure: float, state: lyo.State) -> lyo.State:
    for _ in range(round(hours * 60)):
        state = lyo.step(state, lyo.Inputs(vials, shelf, pressure), 60.0)
    return state


def test_a_vial_freezes_dries_and_desorbs() -> None:
    state = lyo.filled(COLD, 20.0)
    state = through(COLD, 3, -45.0, 1e5, state)
    assert state.phase == "frozen" and state.temperature == pytest.approx(-45.0, abs=0.1)
    state = through(COLD, 20, -25.0, 8.0, state)
    assert state.phase == "drying" and 0.3 < lyo.dried_share(COLD, state) < 0.9
    state = through(COLD, 40, -25.0, 8.0, state)
    assert state.phase == "dry" and state.hottest < -29.0 and state.collapsed == 0.0
    state = through(COLD, 15, 25.0, 8.0, state)
    assert state.moisture < 1.0
    assert lyo.water(COLD, state) == pytest.approx(state.moisture / 100 * COLD.solids)


def test_the_twin_freezes_as_the_closed_forms_say() -> None:
    state, seconds = lyo.filled(COLD, 15.8), 0.0
    while state.phase == "liquid":
        state, seconds = lyo.step(state, lyo.Inputs(COLD, -40.0, 1e5), 1.0), seconds + 1.0
    tau = freezing.liquid_time_constant(1000.0, 2e-6, 4000.0, COLD.conductance)
    assert seconds == pytest.approx(freezing.time_to_reach(15.8, -10.0, -40.0, tau), abs=1.0)
    begun = seconds
    while state.phase == "freezing":
        state, seconds = lyo.step(state, lyo.Inputs(COLD, -40.0, 1e5), 1.0), seconds + 1.0
    known = freezing.crystallisation_time(2e-3, 333464.8, 4000.0, 9.5, COLD.conductance, 39.5)
    assert seconds - begun == pytest.approx(known, abs=2.0)


def test_one_long_step_is_many_short_ones() -> None:
    frozen = through(COLD, 3, -45.0, 1e5, lyo.filled(COLD, 20.0))
    inputs = lyo.Inputs(COLD, -20.0, 8.0)
    long = lyo.step(frozen, inputs, 1800.0)
    short = frozen
    for _ in range(60):
        short = lyo.step(short, inputs, 30.0)
    assert long.layer == pytest.approx(short.layer, rel=2e-3)


def test_the_classic_recipe_collapses_a_trehalose_cake() -> None:
    state = through(COLD, 3, -45.0, 1e5, lyo.filled(COLD, 20.0))
    state = through(COLD, 12, 20.0, 20.0, state)
    assert state.hottest > -29.0 + 9.0
    assert state.collapsed > cake.APPEARANCE_LIMIT
    dry = through(COLD, 30, 20.0, 20.0, state)
    assert dry.moisture > 2.0


def test_air_stops_drying_and_warmth_melts() -> None:
    state = through(COLD, 3, -45.0, 1e5, lyo.filled(COLD, 20.0))
    state = through(COLD, 5, -25.0, 8.0, state)
    halted = through(COLD, 2, -25.0, 1e5, state)
    assert halted.layer == state.layer and halted.phase == "frozen" and halted.rate == 0.0
    assert through(COLD, 6, 20.0, 1e5, halted).phase == "liquid"


def test_annealing_lowers_the_resistance() -> None:
    plain = through(COLD, 3, -45.0, 1e5, lyo.filled(COLD, 20.0))
    annealed = through(COLD, 3, -45.0, 1e5, through(COLD, 3, -15.0, 1e5, plain))
    assert annealed.annealed == pytest.approx(3.0, abs=0.2)
    dried = [lyo.dried_share(COLD, through(COLD, 10, -25.0, 8.0, state)) for state in (plain, annealed)]
    assert dried[1] > 1.03 * dried[0]


def test_edge_vials_dry_first_and_colder_nucleation_slows() -> None:
    classes = lyo.vial_classes(VIAL, 50, Random(3))
    assert sum(vials.count for vials in classes) == pytest.approx(50)
    assert sum(vials.count for vials in classes if vials.name.startswith("edge")) == pytest.approx(10)
    edge = min(vials.heat_factor for vials in classes if vials.name.startswith("edge"))
    assert edge > max(vials.heat_factor for vials in classes if vials.name.startswith("centre"))
    assert cake.nucleation_resistance(-15.0) > 1.0 > cake.nucleation_resistance(-5.0)


@settings(max_examples=15, deadline=None)
@given(
    shelves=st.lists(st.floats(-50, 30), min_size=1, max_size=6),
    pressure=st.floats(3, 200),
    dt=st.floats(10, 3600),
)
def test_water_only_leaves(shelves: list[float], pressure: float, dt: float) -> None:
    state = through(COLD, 3, -45.0, 1e5, lyo.filled(COLD, 20.0))
    chamber, dryer = vacuum.State(pressure=pressure), vacuum.Dryer()
    begun = lyo.water(COLD, state)
    assert begun == pytest.approx(VIAL.water)
    for shelf in shelves:
        after = lyo.step(state, lyo.Inputs(COLD, shelf, pressure), dt)
        lost = lyo.water(COLD, state) - lyo.water(COLD, after)
        assert lost >= -1e-12
        chamber = vacuum.step(chamber, vacuum.Inputs(dryer, pressure, 50 * lost * 1e-3 / dt), dt)
        state = after
    assert chamber.ice == pytest.approx(50e-3 * (begun - lyo.water(COLD, state)), abs=1e-12)


def test_gauges_part_while_vapour_flows_and_meet_at_the_end() -> None:
    dryer, state = vacuum.Dryer(), vacuum.State(pressure=8.0)
    for vapour, ratio in ((4e-6, 1.6), (0.0, 1.0)):
        for _ in range(60):
            state = vacuum.step(state, vacuum.Inputs(dryer, 8.0, vapour), 60.0)
        assert state.pirani / state.pressure == pytest.approx(ratio, abs=0.01)


def test_pump_down_choking_leak_and_a_full_condenser() -> None:
    dryer = vacuum.Dryer()
    state, minutes = vacuum.State(), 0
    while state.pressure > 10.0:
        state, minutes = vacuum.step(state, vacuum.Inputs(dryer, 8.0), 60.0), minutes + 1
    assert 20 <= minutes <= 40
    heavy = 0.5 / 3600
    for _ in range(60):
        state = vacuum.step(state, vacuum.Inputs(dryer, 5.0, heavy), 60.0)
    assert state.pressure == pytest.approx((0.5 + 0.182) / 11.7 * vacuum.PASCAL_PER_TORR, rel=1e-3)
    shut = vacuum.step(replace(state, pressure=5.0), vacuum.Inputs(dryer, 5.0, isolated=True), 100.0)
    assert shut.pressure - 5.0 == pytest.approx(dryer.leak / dryer.volume * 100)
    assert vacuum.pressure_rise(dryer, 1e-6) > vacuum.pressure_rise(dryer, 0.0)
    assert vacuum.condenser_temperature(dryer, 5.9) == dryer.condenser
    assert vacuum.condenser_temperature(dryer, 7.6) > -40.0
    vented = vacuum.step(state, vacuum.Inputs(dryer, 5.0, pumping=False, venting=True), 3600.0)
    assert vented.pressure == pytest.approx(vacuum.ATMOSPHERE)


@given(dt=st.floats(0, 1e5), parts=st.integers(1, 20))
def test_desorption_does_not_depend_on_the_step(dt: float, parts: int) -> None:
    whole = secondary_drying.step(8.0, 0.5, 1e-4, dt)
    value = 8.0
    for _ in range(parts):
        value = secondary_drying.step(value, 0.5, 1e-4, dt / parts)
    assert value == pytest.approx(whole)


def test_sugar_saves_vesicles_and_collapse_costs_some() -> None:
    assert 0.8 < cake.vesicle_recovery(50.0, 0.0, 1.0) < 0.95
    assert 0.3 < cake.vesicle_recovery(0.0, 0.0, 1.0) < 0.6
    assert cake.vesicle_recovery(50.0, 0.5, 4.0) < cake.vesicle_recovery(50.0, 0.0, 1.0)
