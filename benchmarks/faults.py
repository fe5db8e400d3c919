"""The whole catalogue of faults with several seeds: `python -m benchmarks.faults --seeds 2`.

Prints the table of `vesiflow faults run` and writes benchmarks/results/faults.json; ends with 1 when any fault was not
noticed, or the line not made safe, in its time. Faults that only killing processes shows name their command.
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.kept import store
from console.faults import as_data, print_results
from console.running import drive
from line.trial import run
from sim.faults.files import catalogue


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    begun, rows, bad = time.process_time(), [], 0
    for seed in range(1, given.seeds + 1):
        results = [drive(run(entry, seed)) for entry in catalogue().values() if not entry.shown_by]
        print(f"seed {seed}")
        print_results(results)
        rows.append({"seed": seed, "faults": [as_data(one) for one in results]})
        bad += sum(not one.met for one in results)
    elsewhere = {entry.id: entry.shown_by for entry in catalogue().values() if entry.shown_by}
    for name, command in elsewhere.items():
        print(f"{name}: {command}")
    store(
        "faults",
        {
            "command": f"python -m benchmarks.faults --seeds {given.seeds}",
            "faults": len(catalogue()),
            "not as expected": bad,
            "shown by other commands": elsewhere,
            "cpu seconds": round(time.process_time() - begun),
            "runs": rows,
        },
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
