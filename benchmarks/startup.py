"""How long a command takes before it does anything: python benchmarks/startup.py [repeats]."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

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
    print(f"{'command':<24}{'median s':>10}{'best s':>10}")
    for arguments in COMMANDS:
        times = [seconds(arguments) for _ in range(repeats)]
        print(f"{' '.join(arguments):<24}{statistics.median(times):>10.2f}{min(times):>10.2f}")


if __name__ == "__main__":
    main()
