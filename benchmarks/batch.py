"""How fast whole batches are without wire: `python -m benchmarks.batch`.

A batch of the packaged recipe on the direct line, on one core; then a study of the same batches on one core and on all.
What was imported and read before is not counted: it is once per process, and workers are forked.
Prints a table and writes benchmarks/results/batch.json. The yardstick is the one of `benchmarks.physics`: on a machine
that others use at the same time everything slows down with it.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.physics import plain_python
from line.direct.line import manufacture
from line.direct.study import Study
from line.direct.sweep import run
from line.prepare import prepare
from protocols.load import load
from protocols.vary import variation

RESULTS = Path(__file__).parent / "results" / "batch.json"
ROUNDS = 3
SAMPLES = 12


def batch() -> tuple[float, float, float]:
    """(s of a batch, CPU seconds of it, simulated hours): the fastest of several, imports and caches warm."""
    ready = prepare("exosome", "sim")
    manufacture(ready.recipe, ready.line)
    fastest, processor, hours = float("inf"), float("inf"), 0.0
    for _ in range(ROUNDS):
        begun, used = time.perf_counter(), time.process_time()
        made = manufacture(ready.recipe, ready.line)
        fastest = min(fastest, time.perf_counter() - begun)
        processor = min(processor, time.process_time() - used)
        hours = (made.record.header.duration or 0.0) / 3600.0
    return fastest, processor, hours


def study(cores: int) -> tuple[float, float]:
    """(s, CPU seconds a core) of a study on `cores`, start of the processes included: the fastest of several."""
    shelf = variation(load("exosome"), "primary_drying.temperature=-30..-26 degC")
    fastest, processor = float("inf"), float("inf")
    for _ in range(ROUNDS):
        begun, mine, theirs = time.perf_counter(), time.process_time(), _children()
        rows = list(run(Study("exosome", "sim", (shelf,), SAMPLES), cores))
        fastest = min(fastest, time.perf_counter() - begun)
        processor = min(processor, time.process_time() - mine + (_children() - theirs) / cores)
        assert len(rows) == SAMPLES
    return fastest, processor


def _children() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def yardstick() -> float:
    """Fastest of some rounds, ms."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        plain_python()
        times.append(1e3 * (time.perf_counter() - begun))
    return min(times)


def _goal(value: float | None) -> str:
    return f"goal {value:g}" if value else ""


def main() -> None:
    before = yardstick()
    seconds, processor, hours = batch()
    cores = os.cpu_count() or 1
    (one, one_cpu), (all_, all_cpu) = study(1), study(cores)
    rows = [
        {"name": "yardstick: a million additions", "value": before, "unit": "ms", "goal": None},
        {"name": "whole batch without wire", "value": seconds, "unit": "s", "goal": 1.0},
        {"name": "whole batch without wire, CPU", "value": processor, "unit": "s", "goal": 1.0},
        {"name": "whole batch without wire, rate", "value": hours / seconds, "unit": "sim-h/s", "goal": 50.0},
        {"name": f"study of {SAMPLES} batches, one core", "value": one, "unit": "s", "goal": None},
        {"name": f"study of {SAMPLES} batches, {cores} cores", "value": all_, "unit": "s", "goal": None},
        {"name": f"speed-up on {cores} cores", "value": one / all_, "unit": "", "goal": 0.75 * cores},
        {"name": f"speed-up on {cores} cores, by CPU", "value": one_cpu / all_cpu, "unit": "", "goal": 0.75 * cores},
    ]
    for row in rows:
        print(f"{row['name']:40} {row['value']:10.4g} {row['unit']:8} {_goal(row['goal'])}")
    machine = {"python": platform.python_version(), "processor": platform.machine(), "cores": cores}
    document = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "rows": rows}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
