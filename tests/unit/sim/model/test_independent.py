"""Whole calculations against a second way to the same number: adaptive integrators at tight tolerance, no shared code."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from sim.model.evaluate import evaluate


def computed(tmp_path: Path, unit: str, content: dict[str, Any]) -> dict[str, Any]:
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(content))
    return evaluate(unit, path)


def course(initial: float, stages: list[tuple[float, float]], ramp: float) -> tuple[list[float], list[float]]:
    """Times (min) and values of a recipe; a stage's duration includes its ramp."""
    times, values = [0.0], [initial]
    for goal, duration in stages:
        needed = abs(goal - values[-1]) / ramp
        reached = goal if needed <= duration else values[-1] + math.copysign(ramp * duration, goal - values[-1])
        times += [times[-1] + min(needed, duration), times[-1] + duration]
        values += [reached, reached]
    return times, values


@pytest.mark.parametrize("seed", range(4))
def test_primary_drying_with_ramps_and_pressure_steps(tmp_path: Path, seed: int) -> None:
    """Kv(P), Rp(L), a shelf of three stages and a pressure of two, drawn at random; time and temperatures."""
    draw = Random(seed).uniform
    area, fill, content = draw(3.0, 9.0), draw(1.0, 4.0), draw(0.02, 0.15)
    base, inner = draw(0.8, 1.0) * area, (draw(0.8, 3.0), draw(5.0, 25.0), draw(0.0, 2.0))
    kc, kp, kd = draw(1e-4, 5e-4), draw(3e-4, 2e-3), draw(0.0, 1.0)
    shelf = [(draw(-35.0, -20.0), draw(60, 300)), (draw(-25.0, -5.0), draw(60, 300)), (draw(-15.0, 10.0), 20000.0)]
    chamber = [(draw(0.04, 0.09), draw(60, 400)), (draw(0.04, 0.12), 20000.0)]
    found = computed(tmp_path, "lyophilization", {
        "calculation": "primary_drying",
        "vial": {"area": f"{area} cm^2", "product_area": f"{base} cm^2", "fill_volume": f"{fill} mL"},
        "product": {"solid_content": f"{content} g/mL", "R0": f"{inner[0]} cm^2*h*torr/g",
                    "A1": f"{inner[1]} cm*h*torr/g", "A2": f"{inner[2]} 1/cm"},
        "heat_transfer": {"KC": f"{kc} cal/s/K/cm^2", "KP": f"{kp} cal/s/K/cm^2/torr", "KD": f"{kd} 1/torr"},
        "shelf": {"init": "-40 degC", "setpoints": [f"{goal} degC" for goal, _ in shelf],
                  "durations": [f"{time} min" for _, time in shelf], "ramp": "0.5 K/min"},
        "chamber_pressure": {"setpoints": [f"{goal} torr" for goal, _ in chamber],
                             "durations": [f"{time} min" for _, time in chamber], "ramp": "0.01 torr/min"},
    })  # fmt: skip
    shelves, pressures = course(-40.0, shelf, 0.5), course(chamber[0][0], chamber, 0.01)
    ice = 1.0 - content * (1.0 - 0.918) / 1.5
    height = fill / (base * 0.918) * ice
    per_gram = ice / ((1.0 - content / 1.5) * base * 0.918)

    def vial(time: float, layer: float) -> tuple[float, float, float]:
        """(front degC, bottom degC, g/h)."""
        warm, pressure = float(np.interp(time, *shelves)), float(np.interp(time, *pressures))
        resistance = inner[0] + inner[1] * layer / (1.0 + inner[2] * layer)

        def flow(front: float) -> float:
            return (2.698e10 * math.exp(-6144.96 / (front + 273.15)) - pressure) / resistance

        def bottom(front: float) -> float:
            return front + 678.0 * flow(front) * (height - layer) / (3600.0 * 0.0059)

        if flow(warm) <= 0.0:
            return warm, warm, 0.0
        heat = (kc + kp * pressure / (1.0 + kd * pressure)) * area
        front = brentq(lambda t: 678.0 * flow(t) * base / 3600.0 - heat * (warm - bottom(t)), -90.0, warm, xtol=1e-10)
        return front, bottom(front), flow(front) * base

    layer, hours, hottest = 0.0, 0.0, -90.0

    def done(_: float, y: Any) -> float:
        return float(y[0] - height)

    done.terminal = True  # type: ignore[attr-defined]
    for begin, end in pairwise(sorted({*shelves[0], *pressures[0]})):
        part = solve_ivp(
            lambda t, y: [vial(t, y[0])[2] * per_gram / 60.0], (begin, end), [layer], rtol=1e-8, atol=1e-10, events=done,
            max_step=30.0 if end < 2000.0 else 300.0,
        )  # fmt: skip
        layer, hours = part.y[0][-1], part.t[-1] / 60.0
        hottest = max(hottest, *(vial(t, y)[1] for t, y in zip(part.t, part.y[0], strict=True)))
        if part.status == 1:
            break
    assert found["primary_drying_h"] == pytest.approx(hours, rel=1e-4)
    assert found["max_Tbot_C"] == pytest.approx(hottest, abs=0.02)
    assert found["final_flux_kg_h_m2"] == pytest.approx(10.0 * vial(60.0 * hours, height)[2] / base, rel=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_a_filtration_run(tmp_path: Path, seed: int) -> None:
    """Concentrate, then diafilter, limited by a gel that leaks a little."""
    draw = Random(seed).uniform
    area, speed, gel, sieving = draw(0.01, 1.0), draw(5.0, 80.0), draw(80.0, 300.0), draw(0.0, 0.9)
    start, factor, volumes = draw(0.5, 20.0), draw(2.0, 20.0), draw(1.0, 9.0)
    bulk = 0.5 * gel * factor ** (sieving - 1.0)
    found = computed(tmp_path, "tff", {
        "calculation": "run", "start_volume": f"{start} L", "end_volume": f"{start / factor} L",
        "diavolumes": volumes, "area": f"{area} m^2", "mass_transfer": f"{speed} LMH",
        "gel_concentration": f"{gel} g/L", "gel_species": "protein",
        "species": [{"name": "protein", "sieving": sieving, "concentration": f"{bulk} mg/mL"}],
    })  # fmt: skip

    def pace(concentration: float) -> float:
        """h per L."""
        return 1.0 / (area * speed * math.log(gel / concentration))

    end = start / factor
    first = quad(lambda v: pace(bulk * (start / v) ** (1.0 - sieving)), end, start, epsrel=1e-10)[0]
    top = 0.5 * gel
    second = quad(lambda n: end * pace(top * math.exp(-n * sieving)), 0.0, volumes, epsrel=1e-10)[0]
    assert found["t_concentration_h"] == pytest.approx(first, rel=1e-6)
    assert found["t_diafiltration_h"] == pytest.approx(second, rel=1e-6)
