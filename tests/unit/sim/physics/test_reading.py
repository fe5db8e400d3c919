"""Sensors and analytics."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.physics import analytics, sensor

CASES = json.loads((Path(__file__).parents[3] / "data/cases/analytics.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_analytics_case(case: dict[str, dict[str, float]]) -> None:
    inputs, expected = case["inputs"], case["expected"]
    if "tracks" in inputs:
        found: dict[str, object] = {"cv_pct": 100 * analytics.counting_cv(inputs["tracks"])}
    elif "d_nm" in inputs:
        d = analytics.diffusivity(inputs["d_nm"] * 1e-9, inputs["T_K"], inputs["viscosity_Pa_s"])
        found = {"D_m2_s": d, "msd_per_s_um2_2d": analytics.mean_square_displacement(d) * 1e12}
    else:
        purity = analytics.particles_per_ug(inputs["particles_per_mL"], inputs["protein_ug_mL"])
        found = {"particles_per_ug": purity, "grade": analytics.purity_grade(purity)}
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key] == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    ("purity", "grade"),
    [
        (3e10, "pure"),
        (2.5e10, "between low and pure"),
        (2e10, "low"),
        (2e9, "low"),
        (1.7e9, "between"),
        (1e9, "impure"),
    ],
)
def test_grades_and_the_gaps_between_them(purity: float, grade: str) -> None:
    assert analytics.purity_grade(purity).startswith(grade)


def test_no_protein_is_pure_and_counts_scatter_around_the_truth() -> None:
    assert analytics.particles_per_ug(1e9, 0.0) == math.inf
    rng = Random(1)
    counts = [analytics.counted(1e8, 1000, rng) for _ in range(400)]
    assert statistics.mean(counts) == pytest.approx(1e8, rel=0.03)
    assert statistics.stdev(counts) / 1e8 == pytest.approx(0.153, abs=0.02)
    assert analytics.counted(1e11, 10**6, Random(1), spread=0.0) < 0.2e11


@given(truth=st.floats(-1e6, 1e6), dt=st.floats(0.001, 1e4))
def test_a_perfect_sensor_tells_the_truth(truth: float, dt: float) -> None:
    _, reading = sensor.step(sensor.start(0.0), sensor.Sensor(), truth, dt)
    assert reading == sensor.Reading(truth)


def test_lag_does_not_depend_on_how_time_is_cut() -> None:
    slow = sensor.Sensor(lag=3.0)
    once, _ = sensor.step(sensor.start(0.0), slow, 1.0, 6.0)
    twice = sensor.start(0.0)
    for _ in range(60):
        twice, _ = sensor.step(twice, slow, 1.0, 0.1)
    assert once.value == pytest.approx(1 - math.exp(-2)) == twice.value


def test_gain_bias_drift_resolution_and_range() -> None:
    state = sensor.State(100.0, age=10.0)
    assert sensor.read(state, sensor.Sensor(gain=0.01, bias=0.5, drift=0.02)).value == pytest.approx(101.7)
    assert sensor.read(state, sensor.Sensor(resolution=30.0)).value == 90.0
    assert sensor.read(state, sensor.Sensor(high=80.0)) == sensor.Reading(80.0, clipped=True)


def test_noise_is_seeded_and_as_large_as_stated() -> None:
    noisy = sensor.Sensor(noise=2.0)
    values = [[sensor.read(sensor.State(5.0), noisy, rng).value for _ in range(2000)] for rng in (Random(1), Random(1))]
    assert values[0] == values[1]
    assert statistics.stdev(values[0]) == pytest.approx(2.0, rel=0.06)
    assert sensor.read(sensor.State(5.0), noisy).value == 5.0
