"""The filtration loop against its closed forms, and laws that hold for any input."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.physics import tff, tff_flux, tff_run

LMH = 1.0 / 3.6e6
FIBRES = tff.Fibres(30, 0.5e-3, 0.5)
OPEN = tff.Membrane(
    FIBRES, 0.0235, resistance=1e10, mass_transfer=20 * LMH, sieving={"EV": 0.005, "protein": 0.85, "salt": 1.0}
)
FEED = tff.State(2e-3, {"EV": 5e12, "protein": 2e-3, "salt": 16e-3})
shares = st.floats(0.0, 1.0)
volumes = st.floats(1e-5, 1e-2)


def inputs(**changes: object) -> tff.Inputs:
    return tff.Inputs(OPEN, **{"feed_flow": 88e-6 / 60, "retentate_pressure": 1e5, **changes})  # type: ignore[arg-type]


def test_the_twin_reproduces_a_whole_run() -> None:
    limit = tff_run.GelLimit(20 * LMH, 150.0, 0.0235)
    feed = {"EV": 2.5e15, "protein": 1.0, "salt": 8.0}
    known = tff_run.run(limit, 2e-3, 2e-4, 7.0, "protein", 1.0, feed, OPEN.sieving)
    state, time = FEED, 0.0
    while state.volume > 2e-4:
        state, time = tff.step(state, inputs(minimum_volume=2e-4), 5.0), time + 5.0
    assert time == pytest.approx(known.concentration_time, abs=5.0)
    assert {name: state.concentration(name) for name in FEED.amounts} == pytest.approx(known.after_concentration)
    begun, washing = state.permeate_volume, 0.0
    while state.permeate_volume - begun < 7 * 2e-4:
        flow = tff.conditions(state, inputs(buffer_flow=1e-12)).permeate_flow
        state = tff.step(state, inputs(minimum_volume=2e-4, buffer_flow=flow), 5.0)
        washing += 5.0
    assert washing == pytest.approx(known.diafiltration_time, rel=0.01)
    assert state.concentration("protein") == pytest.approx(known.final["protein"], rel=0.05)


def test_the_loop_stops_at_its_hold_up_and_says_so() -> None:
    state = tff.advance(FEED, inputs(minimum_volume=1e-4), 8 * 3600.0)
    assert state.volume == 1e-4
    assert tff.conditions(state, inputs(minimum_volume=1e-4)).limit == "dry"
    assert tff.advance(state, inputs(minimum_volume=1e-4), 600.0).permeate_volume == state.permeate_volume


def test_a_gel_stalls_the_flux_without_turning_it_round() -> None:
    thick = tff.State(1e-3, {"protein": 0.2})
    now = tff.conditions(thick, inputs())
    assert (now.flux, now.limit) == (0.0, "gel")


def test_a_permeate_pump_sets_the_flux_and_the_pressure_follows() -> None:
    membrane = tff.Membrane(FIBRES, 0.0235, resistance=5e11)
    water = tff.State(1e-3, {})
    now = tff.conditions(water, tff.Inputs(membrane, 88e-6 / 60, 2e4, permeate_flow=10e-6 / 60))
    assert now.permeate_flow == pytest.approx(10e-6 / 60)
    assert now.transmembrane_pressure == pytest.approx(now.flux * 1e-3 * 5e11)
    starved = tff.conditions(water, tff.Inputs(membrane, feed_flow=400e-6 / 60, permeate_flow=390e-6 / 60))
    assert starved.limit == "suction"
    assert starved.permeate_pressure == pytest.approx(tff.SUCTION_LIMIT)


def test_osmotic_pressure_at_the_wall_holds_pressure_back() -> None:
    salty = replace(OPEN, osmotic=(36.0, 0.6), gel=1e4, gel_weights={"protein": 1.0})
    thick = tff.State(1e-3, {"protein": 20e-3})
    free = tff.conditions(thick, tff.Inputs(salty, 88e-6 / 60.0, 20e3))
    expected = tff_flux.osmotic_flux(
        free.transmembrane_pressure, salty.resistance, tff_flux.WATER_VISCOSITY, salty.mass_transfer, 20.0, (36.0, 0.6)
    )
    assert free.flux == pytest.approx(expected)
    without = tff.conditions(thick, tff.Inputs(replace(salty, osmotic=()), 88e-6 / 60.0, 20e3))
    assert free.flux < 0.8 * without.flux
    pumped = tff.Inputs(salty, 88e-6 / 60.0, 20e3, permeate_flow=free.permeate_flow)
    assert tff.conditions(thick, pumped).permeate_pressure == pytest.approx(0.0, abs=1e-3)


def test_step_form_of_fouling_follows_hermia() -> None:
    for mechanism in tff_flux.HERMIA_ORDER:
        drop = tff_flux.pressure_drop(FIBRES, 1e-3, 1e-3) / 2
        law = tff.Fouling(mechanism, 0.5 / 3600, (1e5 + drop) / (1e-3 * 5e11), reference=1.0)
        membrane = tff.Membrane(FIBRES, 0.0235, 5e11, mass_transfer=1.0, fouling=law, sieving={"protein": 0.0})
        held = tff.Inputs(membrane, feed_flow=1e-3, retentate_pressure=1e5, viscosity=1e-3)
        state = tff.State(1e3, {"protein": 1e3})  # so much that 1 g/L stays 1 g/L
        start = tff.conditions(state, held).flux
        for _ in range(720):
            state = tff.step(state, held, 5.0)
        expected = tff_flux.hermia_flux(mechanism, start, 0.5 / 3600, 3600.0)
        assert tff.conditions(state, held).flux == pytest.approx(expected, rel=0.003)


def test_release_clean_and_permeability() -> None:
    dirty = tff.State(1e-3, {}, fouling=1e12, reversible=5e11)
    released = tff.advance(dirty, tff.Inputs(OPEN, feed_flow=1e-6, permeate_flow=0.0), 3600.0)
    assert released.reversible < 1e8 and released.fouling == 1e12
    cleaned = tff.clean(released, 0.95)
    seen = [tff.water_permeability(OPEN, state) for state in (dirty, released, cleaned)]
    assert seen == sorted(seen) and seen[0] < seen[1] < seen[2]


def test_shear_beyond_the_limit_costs_vesicles_only() -> None:
    flow = tff.flow_for_shear(FIBRES, 9507.0)
    after = tff.advance(FEED, inputs(feed_flow=flow, retentate_pressure=0.0, permeate_flow=0.0), 3600.0)
    passes = flow * 3600.0 / 2e-3
    assert after.damaged["EV"] / 5e12 == pytest.approx(-math.expm1(-1e-4 * (9507 / 6000 - 1) * passes))
    assert set(after.damaged) == {"EV"}
    gentle = tff.advance(FEED, inputs(feed_flow=tff.flow_for_shear(FIBRES, 5000.0)), 600.0)
    assert gentle.damaged == {}


@settings(max_examples=40, deadline=None)
@given(
    volume=volumes,
    sieving=shares,
    flow=st.floats(0, 5e-5),
    buffer_flow=st.floats(0, 5e-6),
    inflow=st.floats(0, 100),
    pressure=st.floats(0, 3e5),
    dt=st.floats(0.1, 600),
)
def test_matter_is_neither_made_nor_lost(
    volume: float, sieving: float, flow: float, buffer_flow: float, inflow: float, pressure: float, dt: float
) -> None:
    membrane = tff.Membrane(FIBRES, 0.0235, sieving={"EV": sieving, "protein": sieving / 2})
    start = tff.State(volume, {"EV": 1e12, "protein": volume * 2.0})
    held = tff.Inputs(
        membrane, flow, pressure, buffer_flow=buffer_flow, buffer={"salt": inflow}, minimum_volume=volume / 10
    )
    end = tff.advance(start, held, dt)
    assert end.volume + end.permeate_volume == pytest.approx(volume + buffer_flow * dt, rel=1e-9)
    for name, brought in (("EV", 0.0), ("protein", 0.0), ("salt", buffer_flow * inflow * dt)):
        total = end.amounts.get(name, 0.0) + end.permeate.get(name, 0.0) + end.damaged.get(name, 0.0)
        assert total == pytest.approx(start.amounts.get(name, 0.0) + brought, rel=1e-9, abs=1e-30)
        assert end.amounts.get(name, 0.0) >= 0.0 and end.permeate.get(name, 0.0) >= -1e-12 * total


@given(start=st.floats(1.001, 100), sieving=shares)
def test_yield_falls_with_sieving_and_concentration(start: float, sieving: float) -> None:
    kept = tff_run.concentrate_yield(start, 1.0, sieving)
    assert 0.0 < kept <= 1.0
    assert kept + tff_run.lost_share(start, 1.0, sieving) == pytest.approx(1.0)
    assert tff_run.concentrated(1.0, start, 1.0, sieving) == pytest.approx(start * kept)


@given(x=st.floats(1e-12, 50), mechanism=st.sampled_from(list(tff_flux.HERMIA_ORDER)))
def test_throughput_is_the_integral_of_the_flux(x: float, mechanism: str) -> None:
    whole = tff_flux.hermia_throughput(mechanism, 1.0, x, 1.0)
    assert 0.0 < whole <= 1.0
    later, before = (tff_flux.hermia_throughput(mechanism, 1.0, x, time) for time in (1 + 1e-5, 1 - 1e-5))
    slope = (later - before) / 2e-5
    assert slope == pytest.approx(tff_flux.hermia_flux(mechanism, 1.0, x, 1.0), rel=1e-4, abs=1e-9)


@given(pressure=st.floats(1.0, 1e6), bulk=st.floats(0.0, 100.0), a=st.floats(0.0, 100.0), b=st.floats(0.0, 5.0))
def test_the_osmotic_flux_solves_its_equation(pressure: float, bulk: float, a: float, b: float) -> None:
    flux = tff_flux.osmotic_flux(pressure, 5e11, 1e-3, 5e-6, bulk, (a, b))
    if flux == 0.0:
        assert tff_flux.osmotic_pressure((a, b), bulk) >= pressure
        return
    wall = tff_flux.wall_concentration(bulk, flux, 5e-6)
    assert 5e8 * flux + tff_flux.osmotic_pressure((a, b), wall) == pytest.approx(pressure, rel=1e-6)


def test_leveque_grows_with_the_cube_root_of_shear() -> None:
    one = tff_flux.leveque_mass_transfer(FIBRES, 1e-6, 1e-3, 6e-11)
    assert tff_flux.leveque_mass_transfer(FIBRES, 8e-6, 1e-3, 6e-11) == pytest.approx(2 * one)
