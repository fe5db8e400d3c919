"""A line that runs for very long: `python -m benchmarks.soak --days 100`.

Short batches of every unit one after the other in one process, each with its own controller, journal and plant, until
so many simulated days have passed. Memory, file descriptors and threads are looked at after every round; memory may
grow by less than 24 MiB a simulated day after a warm-up, the others not at all. Writes benchmarks/results/soak.json.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.kept import store
from line.host import hosted
from line.procedure import Procedure
from line.trial_line import trial
from records.store import Store

DAY = 86400.0
TRIALS = ("lyophilization", "tff", "sec", "electroporation")
WARM_UP = 0.2  # of the days
MOST = 24.0 * 1024  # KiB of memory a simulated day: one MiB an hour
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
Look = tuple[float, int, int, int]
"""Simulated s, memory KiB, file descriptors, threads."""


async def one(name: str, seed: int) -> float:
    """One batch to its end; how long it took, simulated s."""
    line, recipe, _ = trial(name)
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        async with hosted(line, Store(Path(folder)), seed=seed) as host:
            outcome = await Procedure(host.client, recipe, "soak", "soak", attended=False).run()
            if not outcome.complete:
                raise RuntimeError(f"{name}, seed {seed}: {outcome.reason}")
            return host.clock.now()


def look(simulated: float) -> Look:
    """What this process holds now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    kib = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return simulated, kib, len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def slope(looks: list[Look]) -> float:
    """KiB of memory a simulated day, least squares."""
    xs, ys = [one[0] / DAY for one in looks], [float(one[1]) for one in looks]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--days", type=float, default=100.0, help="simulated")
    given = parser.parse_args()
    begun, simulated, batches, looks = time.process_time(), 0.0, 0, list[Look]()
    while simulated < given.days * DAY:
        simulated += asyncio.run(one(TRIALS[batches % len(TRIALS)], batches + 1))
        batches += 1
        if batches % len(TRIALS) == 0:
            looks.append(look(simulated))
    steady = looks[int(WARM_UP * len(looks)) :]
    rise = slope(steady)
    found = {
        "command": f"python -m benchmarks.soak --days {given.days:g}",
        "simulated days": round(simulated / DAY, 1),
        "batches": batches,
        "memory after warm-up, MiB": round(steady[0][1] / 1024, 1),
        "memory at the end, MiB": round(steady[-1][1] / 1024, 1),
        "memory slope, KiB a simulated day": round(rise, 1),
        "file descriptors": sorted({one[2] for one in steady}),
        "threads": sorted({one[3] for one in steady}),
        "cpu seconds": round(time.process_time() - begun),
    }
    for name, value in found.items():
        print(f"{name:36} {value}")
    store("soak", found)
    return 0 if rise < MOST and steady[0][2:] == steady[-1][2:] else 1


if __name__ == "__main__":
    sys.exit(main())
