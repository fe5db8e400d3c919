"""How fast the process models are: `python -m benchmarks.physics` (or `python benchmarks/physics.py`).

Best of several rounds on one core; prints a table and writes benchmarks/results/physics.json. The first row is a loop
of plain Python for comparison: on a machine that others use at the same time it, and everything else, slows down.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sim.physics import drying_run, electroporation, lyophilization, sec, sec_column, tff
from sim.physics import primary_drying as primary
from sim.physics.schedule import staged

RESULTS = Path(__file__).parent / "results" / "physics.json"
ROUNDS = 15
HOUR = 3600.0


def best(work: Callable[[], float]) -> tuple[float, float]:
    """(what one round did, s of the fastest round)."""
    done, fastest = 0.0, float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        done = work()
        fastest = min(fastest, time.perf_counter() - begun)
    return done, fastest


def plain_python() -> float:
    """A million additions, the yardstick of the machine; loops."""
    total = 0
    for number in range(1_000_000):
        total += number
    return float(total > 0)


def drying_steps() -> float:
    """The twin's step alone at 60 s: one vial at a cold shelf until dry; simulated hours."""
    inputs = primary.Inputs(primary.Vial(), -25.0, 0.06)
    state = primary.start(inputs)
    while not state.dry(inputs.vial):
        state = primary.step(state, inputs, 60.0)
    return state.time / HOUR


def drying_case() -> float:
    """A whole case with ramps and its history; simulated hours."""
    shelf = staged(-35.0, [20.0], [30 * HOUR], 1 / 60)
    return drying_run.dry(primary.Vial(), shelf, staged(0.15, [0.15], [30 * HOUR], 1.0)).duration / HOUR


def vial_class() -> float:
    """A vial class from liquid to dry cake at 60 s steps; simulated hours."""
    vials = lyophilization.VialClass("centre", 50.0)
    state = lyophilization.filled(vials, 20.0)
    for minute in range(60 * 60):
        shelf, pressure = (-45.0, 1e5) if minute < 180 else (-25.0, 8.0)
        state = lyophilization.step(state, lyophilization.Inputs(vials, shelf, pressure), 60.0)
    return 60.0


def sec_curves() -> float:
    """Outlet curves of a 10 mL column for a one-hour run; species."""
    sec.outlet_curve(sec_column.small_column(), sec_column.SPECIES, 1e-6 / 60, 0.5e-6, 60e-6)
    return float(len(sec_column.SPECIES))


def filtration() -> float:
    """Two hours of a loop with four species at 5 s steps; simulated hours."""
    membrane = tff.Membrane(tff.Fibres(30, 5e-4, 0.5), 0.0235, sieving={"EV": 0.005, "protein": 0.85})
    state = tff.State(2e-3, {"EV": 5e12, "protein": 2e-3, "LDL": 1e-4, "salt": 1.6e-2})
    tff.advance(state, tff.Inputs(membrane, 88e-6 / 60, 1e4, permeate_flow=10e-6 / 60, minimum_volume=1e-4), 2 * HOUR)
    return 2.0


def plate() -> float:
    """A 96-well plate with the heating feedback; wells."""
    sample = electroporation.Sample(100e-9, 0.02, particles=4e17, cargo=1e-3, trehalose=100.0)
    for _ in range(96):
        electroporation.pulse(electroporation.Settings(200.0, 0.002, capacitance=125e-6), sample)
    return 96.0


def main() -> None:
    rows = []
    for name, work, unit, goal in (
        ("yardstick: a million additions", plain_python, "ms", None),
        ("primary drying, step at 60 s", drying_steps, "sim-h/s", 500.0),
        ("primary drying, whole case", drying_case, "sim-h/s", 500.0),
        ("vial class, liquid to cake", vial_class, "sim-h/s", None),
        ("SEC outlet curve", sec_curves, "ms per species", 20.0),
        ("TFF loop, 5 s steps", filtration, "sim-h/s", None),
        ("electroporation, with heating", plate, "ms per well", None),
    ):
        done, seconds = best(work)
        value = done / seconds if unit == "sim-h/s" else 1e3 * seconds / done
        rows.append({"name": name, "value": value, "unit": unit, "goal": goal})
        print(f"{name:34} {value:10.4g} {unit:15} {f'goal {goal:g}' if goal else ''}")
    document = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"python": platform.python_version(), "processor": platform.processor() or platform.machine()},
        "rows": rows,
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
