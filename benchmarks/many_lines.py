"""Many simulated lines at once: `python -m benchmarks.many_lines [lines] [recipe]`, 20 and `tff` unless given.

Every line is a process of its own, with controller, drivers, bytes and plant, as beside a real bench. Prints a table
and writes benchmarks/results/many_lines.json.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks import kept


def at_once(lines: int, recipe: str) -> dict[str, Any]:
    """Wall and CPU seconds of so many batches, and how many of them completed."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "console", "simulate", recipe, "--quiet", "--seed"]
    running = [subprocess.Popen([*command, str(seed)]) for seed in range(1, lines + 1)]
    complete = sum(one.wait() == 0 for one in running)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "lines": lines,
        "complete": complete,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "largest_process_mb": after.ru_maxrss / 1024,
    }


def main() -> None:
    """One line, then all."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    recipe = sys.argv[2] if len(sys.argv) > 2 else "tff"
    rows = [at_once(1, recipe), at_once(lines, recipe)]
    for row in rows:
        print(f"{row['lines']:4} lines, {row['complete']:4} complete, up to {row['largest_process_mb']:.0f} MB each,"
              f" {row['wall_s']:8.1f} s wall {row['cpu_s']:8.1f} s CPU")  # fmt: skip
    kept.store("many_lines", {"recipe": recipe, "rows": rows})


if __name__ == "__main__":
    main()
