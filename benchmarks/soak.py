"""A line that runs for very long: `python -m benchmarks.soak --days 100`.

Short batches of every unit one after the other in one process, on one journal that grows, until so many simulated days
have passed; each has a plant of its own, and its controller reads the journal of all before. Memory, file descriptors
and threads are looked at after every round of a day; memory may grow by less than 24 MiB a simulated day after a
warm-up, the others not at all, the journal evenly. Writes benchmarks/results/soak.json.
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
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.kept import store as store_result
from line.host import hosted
from line.procedure import Procedure
from line.trial_line import trial
from records.heads import known_keys
from records.journal import verify
from records.store import Store

DAY = 86400.0
TRIALS = ("lyophilization", "tff", "sec", "electroporation")
WARM_UP = 0.2  # of the days
MOST = 24.0 * 1024  # KiB of memory a simulated day: one MiB an hour
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None


@dataclass(frozen=True)
class Look:
    """What the process holds after so many simulated days: memory and journal in KiB."""

    days: float
    memory: int
    files: int
    threads: int
    journal: int
    cpu: float


async def one(name: str, seed: int, store: Store) -> float:
    """One batch to its end; how long it took, simulated s."""
    line, recipe, _ = trial(name)
    async with hosted(line, store, seed=seed) as host:
        outcome = await Procedure(host.client, recipe, f"soak-{seed}", "soak", attended=False).run()
        if not outcome.complete:
            raise RuntimeError(f"{name}, seed {seed}: {outcome.reason}")
        return host.clock.now()


def look(simulated: float, store: Store) -> Look:
    """What there is now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    kib = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    files, journal = len(list(Path("/proc/self/fd").iterdir())), store.journal("sim").stat().st_size // 1024
    return Look(simulated / DAY, kib, files, threading.active_count(), journal, time.process_time())


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Of a straight line, least squares."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def soaked(days: float) -> tuple[list[Look], int]:
    """Rounds of batches until `days` are over: a look after each, and how many batches."""
    simulated, batches, looks = 0.0, 0, list[Look]()
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        store = Store(Path(folder))
        while simulated < days * DAY:
            for name in TRIALS:
                batches += 1
                simulated += asyncio.run(one(name, batches, store))
            looks.append(look(simulated, store))
            print(f"day {looks[-1].days:5.1f}: {looks[-1].memory >> 10} MiB", flush=True)
        result = verify(store.journal("sim"), keys=known_keys(store.root))
        if not result.ok:
            raise RuntimeError(result.reason)
    return looks, batches


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--days", type=float, default=100.0, help="simulated")
    given = parser.parse_args()
    looks, batches = soaked(given.days)
    steady = looks[int(WARM_UP * len(looks)) :]
    days = [one.days for one in steady]
    rise = slope(days, [one.memory for one in steady])
    rounds = [after.cpu - before.cpu for before, after in pairwise(steady)]
    found = {
        "command": f"python -m benchmarks.soak --days {given.days:g}",
        "simulated days": round(looks[-1].days, 1),
        "batches": batches,
        "memory after warm-up, MiB": round(steady[0].memory / 1024, 1),
        "memory at the end, MiB": round(steady[-1].memory / 1024, 1),
        "memory slope, KiB a simulated day": round(rise, 1),
        "file descriptors": sorted({one.files for one in steady}),
        "threads": sorted({one.threads for one in steady}),
        "journal at the end, KiB": looks[-1].journal,
        "journal slope, KiB a simulated day": round(slope(days, [one.journal for one in steady])),
        "cpu s of a day after warm-up": round(sum(rounds[:5]) / len(rounds[:5]), 2),
        "cpu s of a day at the end": round(sum(rounds[-5:]) / len(rounds[-5:]), 2),
        "cpu seconds": round(looks[-1].cpu),
    }
    for name, value in found.items():
        print(f"{name:36} {value}")
    store_result("soak", found)
    even = len({(one.files, one.threads) for one in steady}) == 1
    return 0 if rise < MOST and even else 1


if __name__ == "__main__":
    sys.exit(main())
