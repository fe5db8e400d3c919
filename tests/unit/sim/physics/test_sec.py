"""Outlet curves against exact moments, limits and a published elution table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.physics import sec, sec_column
from sim.physics.sec_transfer import dispersion

BOING = next(
    case
    for case in json.loads((Path(__file__).parents[3] / "data/cases/sec.json").read_text())["cases"]
    if case["id"] == "sec_boing2014_published"
)
COLUMN = sec_column.small_column()
FLOW = 1e-6 / 60


def by_sum(curve: sec.Elution) -> tuple[float, float]:
    """Mean and variance of a curve from its points, s and s^2."""
    time = curve.volumes / curve.flow
    mean = float(np.sum(time * curve.c) / np.sum(curve.c))
    return mean, float(np.sum((time - mean) ** 2 * curve.c) / np.sum(curve.c))


@settings(max_examples=25, deadline=None)
@given(
    accessibility=st.floats(0, 1),
    film=st.floats(2e-6, 1e-4),
    pore=st.floats(5e-12, 1e-9),
    flow=st.floats(0.1, 5),
    load=st.floats(0.05, 3),
)
def test_moments_of_the_curve_are_the_exact_ones(
    accessibility: float, film: float, pore: float, flow: float, load: float
) -> None:
    species = sec.Species(accessibility, film, pore)
    curve = sec.elute(sec.GeneralRate(COLUMN, species, flow * FLOW), flow * FLOW, load * 1e-6)
    exact = sec.moments(COLUMN, species, flow * FLOW).with_injection(curve.injection_time)
    mean, variance = by_sum(curve)
    assert mean == pytest.approx(exact.mean, rel=0.005)
    assert variance == pytest.approx(exact.variance, rel=0.03)
    assert curve.eluted(curve.volumes[-1] * 0.999) == pytest.approx(1.0, abs=1e-4)
    assert curve.eluted(1.0) == 1.0


@settings(max_examples=25, deadline=None)
@given(peclet=st.floats(0.01, 2000), load=st.floats(0.01, 10))
def test_an_equilibrium_column_of_any_dispersion(peclet: float, load: float) -> None:
    response = sec.Equilibrium(1.0, peclet)
    curve = sec.elute(response, 1.0, load)
    exact = response.moments().with_injection(load)
    mean, variance = by_sum(curve)
    assert mean == pytest.approx(exact.mean, rel=0.005)
    assert variance == pytest.approx(exact.variance, rel=0.03)


@pytest.mark.parametrize(("peclet", "expected"), [(1e-9, 1.0), (1e-3, 1 - 1e-3 / 3), (1e6, 2e-6)])
def test_dispersion_between_a_tank_and_a_plug(peclet: float, expected: float) -> None:
    assert dispersion(peclet) == pytest.approx(expected, rel=1e-5)


def test_fractions_add_up_to_what_left() -> None:
    curves = sec.outlet_curve(COLUMN, sec_column.SPECIES, FLOW, 0.5e-6, 15e-6)
    for curve in curves.values():
        parts = curve.fractions(0.5e-6, 30)
        assert sum(parts) == pytest.approx(curve.fraction(0.0, 15e-6))
        mean = np.mean([curve.at(volume) for volume in np.linspace(3e-6, 3.2e-6, 2001)])
        assert curve.fraction(3e-6, 3.2e-6) == pytest.approx(mean * 0.2 / 0.5, rel=1e-3, abs=1e-9)


def test_pores_that_take_for_ever_do_not_blur_the_first_peak() -> None:
    """Most of it passes between the beads: a sharp peak before a tail of weeks, and no negative fraction."""
    slow = sec.GeneralRate(COLUMN, sec.Species(0.6, 2e-5, 1e-16), FLOW)
    outside = sec.GeneralRate(COLUMN, sec.Species(0.0, 2e-5, 1e-16), FLOW)
    curve, first = (sec.elute(one, FLOW, 0.5e-6, 15e-6) for one in (slow, outside))
    assert min(curve.fractions(0.5e-6, 30)) > -1e-6
    assert curve.peak()[0] == pytest.approx(first.peak()[0], rel=0.01)
    assert curve.peak()[1] == pytest.approx(first.peak()[1], rel=0.05)


def test_ldl_leaves_with_the_vesicles_and_albumin_later() -> None:
    curves = sec.outlet_curve(COLUMN, sec_column.SPECIES, FLOW, 0.5e-6)
    pool = {name: curve.fraction(3e-6, 4.5e-6) for name, curve in curves.items()}
    assert pool["EV"] > 0.65 and pool["LDL"] > 0.6 and pool["albumin"] < 0.02
    order = [curves[name].peak()[0] for name in ("EV", "LDL", "HDL", "albumin", "salt")]
    assert order == sorted(order)


def test_tubing_delays_and_blurs() -> None:
    tubing = sec.Column(**{**COLUMN.__dict__, "delay_volume": 0.2e-6, "mixing_volume": 0.05e-6})
    plain = sec.outlet_curve(COLUMN, {"EV": sec_column.SPECIES["EV"]}, FLOW, 0.5e-6)["EV"]
    late = sec.outlet_curve(tubing, {"EV": sec_column.SPECIES["EV"]}, FLOW, 0.5e-6)["EV"]
    assert by_sum(late)[0] - by_sum(plain)[0] == pytest.approx(0.25e-6 / FLOW, rel=1e-3)
    assert late.peak()[1] < plain.peak()[1]
    assert late.at(0.1e-6) == 0.0 and late.eluted(0.1e-6) == 0.0


@pytest.mark.parametrize("name", ["EV", "HDL", "protein"])
def test_published_elution_on_cl_2b(name: str) -> None:
    known, expected = BOING["calibration"][name], BOING["expected"]
    curve = sec.elute(sec.Equilibrium(known["VR_mL"], 2 * known["plates"]), 1.0, 1.5, 13.0)
    parts = curve.fractions(0.5, 26)
    sums = {"F9_12": sum(parts[8:12]), "F18_20": sum(parts[17:20]), "F19_21": sum(parts[18:21])}
    for key, value in sums.items():
        assert value == pytest.approx(known[key], abs=1e-4)
    published = {
        "EV": [("platelet_EV_in_F9_12", "F9_12")],
        "HDL": [("HDL_in_F9_12", "F9_12"), ("HDL_in_F18_20", "F18_20")],
        "protein": [("protein_in_F9_12", "F9_12"), ("protein_in_F19_21", "F19_21")],
    }
    for key, part in published[name]:
        mean, deviation = expected[key]
        assert sums[part] == pytest.approx(mean, abs=BOING["tolerance"]["sd_multiples"] * deviation)
    assert parts.index(max(parts)) + 1 == known["peak_fraction"]


def test_pressure_of_the_bed_and_its_collapse() -> None:
    pressure = sec_column.back_pressure(COLUMN, FLOW, 1e-3)
    assert sec_column.back_pressure(COLUMN, 2 * FLOW, 1e-3, frit=1e9) == pytest.approx(2 * pressure + 2e9 * FLOW)
    assert sec_column.compressed_porosity(0.33, 1e5, 2e5) == 0.33
    assert sec_column.compressed_porosity(0.33, 4e5, 2e5) < 0.33


def test_load_ageing_and_detector() -> None:
    assert sec_column.overload(COLUMN, 0.5e-6) == pytest.approx(1.0)
    assert sec_column.recovery(0.0, 1e12) == pytest.approx(0.85)
    assert sec_column.recovery(1e14, 1e12) == pytest.approx(0.97)
    assert sec_column.absorbance({"albumin": 1.0, "salt": 10.0}, sec_column.EXTINCTION) == pytest.approx(0.66)
    assert sec_column.absorbance({"albumin": 50.0}, sec_column.EXTINCTION) == sec_column.SATURATION
    small, large = sec_column.scatter_extinction(50e-9), sec_column.scatter_extinction(100e-9)
    assert large / small == pytest.approx(64.0)
    assert sec_column.scatter_extinction(200e-9) / large == pytest.approx(4.0)
