"""A whole batch through bytes, journal and telemetry: `python -m benchmarks.wired`.

Time of the command `vesiflow simulate exosome`, wall and CPU, and the memory of a process that makes the batch, over
simulated time. Writes benchmarks/results/wired.json and wired.svg. On a busy machine only CPU seconds can be compared.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks import kept
from line.api import BatchView
from line.prepare import prepare
from line.simulation import simulation
from records.store import Store

GOAL = 15.0  # s
ROUNDS = 2
PAGE = resource.getpagesize()
Samples = list[tuple[float, float]]


def command() -> tuple[float, float]:
    """(wall, CPU) seconds of the command, the fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "console", "simulate", "exosome", "--seed", "1", "--quiet"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times.append((time.perf_counter() - begun, used))
    return min(wall for wall, _ in times), min(used for _, used in times)


def memory() -> Samples:
    """(simulated hours, resident MB) of this process while it makes a batch."""
    found: Samples = []
    first: list[float] = []

    def look(view: BatchView) -> None:
        first.append(view.now)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        found.append(((view.now - first[0]) / 3600, pages * PAGE / 1e6))

    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(simulation(prepare("exosome", "sim"), 1).run(Store(Path(folder)), "benchmark", look))
    assert outcome.complete, outcome.reason
    return found


def draw(samples: Samples, path: Path) -> None:
    """Memory over simulated time."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*samples, strict=True), ".-", linewidth=1)
    axes.set(xlabel="simulated hours", ylabel="resident memory, MB", ylim=(0, 1.15 * max(size for _, size in samples)))
    axes.set_title("memory of a process that makes the packaged batch", loc="left", fontsize=10)
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Print the figures and keep them."""
    samples = memory()
    wall, used = command()
    hours = samples[-1][0]
    sizes = [size for _, size in samples]
    half = [size for hour, size in samples if hour >= hours / 2]
    slope = float(np.polyfit([hour for hour, _ in samples if hour >= hours / 2], half, 1)[0])
    print(f"{hours:.1f} simulated hours: {wall:.1f} s wall (goal {GOAL:.0f}), {used:.1f} s CPU")
    print(f"memory: {sizes[0]:.0f} MB at the first look, {max(sizes):.0f} MB at most, second half {slope:+.3f} MB/h")
    draw(samples, kept.FOLDER / "wired.svg")
    kept.store(
        "wired",
        {
            "load": os.getloadavg()[0],
            "simulated_hours": hours,
            "wall_s": {"value": wall, "goal": GOAL},
            "cpu_s": used,
            "memory_mb": {"first": sizes[0], "most": max(sizes), "second_half_per_hour": slope},
            "samples": [[round(hour, 3), round(size, 1)] for hour, size in samples[:: max(len(samples) // 60, 1)]],
        },
    )


if __name__ == "__main__":
    main()
