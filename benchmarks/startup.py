"""How long a command takes before it does anything: `python -m benchmarks.startup [repeats]`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from benchmarks import kept

COMMANDS = (
    ["--help"],
    ["--version"],
    ["recipe", "list"],
    ["simulate", "--help"],
    ["run", "--help"],
)


def seconds(arguments: list[str]) -> float:
    """Wall time of one command, s."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "console", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print median and best of every command."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rows = []
    print(f"{'command':<24}{'median s':>10}{'best s':>10}")
    for arguments in COMMANDS:
        times = [seconds(arguments) for _ in range(repeats)]
        name, median, best = " ".join(arguments), statistics.median(times), min(times)
        rows.append({"command": name, "median_s": round(median, 3), "best_s": round(best, 3)})
        print(f"{name:<24}{median:>10.2f}{best:>10.2f}")
    kept.store("startup", {"goal_help_s": 0.5, "load": os.getloadavg()[0], "rows": rows})


if __name__ == "__main__":
    main()
