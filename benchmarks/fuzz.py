"""Spoilt frames through every driver: `python benchmarks/fuzz.py --frames 20000 [--driver NAME] [--seed N]`.

Malformed, truncated, glued and delayed answers of our emulators go through the real drivers on virtual time; the
first harm (a hang, a crash, an answer to another question, an error without a type) ends with exit code 1. Prints a
table and renews the rows of the drivers tried in benchmarks/results/fuzz.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "fuzz.json"
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from devices.testing.barrage import Outcome, barrage  # noqa: E402 -- after the path to the tests is known
from tests.conformance.counterparts import COUNTERPARTS  # noqa: E402

COLUMNS = ("frames", "spoilt", "calls", "right", "no_value", "unseen", "done", "waiting", "longest")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=20_000, help="spoilt answers per driver")
    parser.add_argument("--driver", action="append", choices=sorted(COUNTERPARTS), help="only this one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    return parser.parse_args()


def line(outcome: Outcome) -> str:
    """One row of the table."""
    numbers = [f"{getattr(outcome, name):>9.5g}" for name in COLUMNS]
    errors = " ".join(f"{name} {count}" for name, count in sorted(outcome.errors.items()))
    return f"{outcome.driver:<36}{''.join(numbers)}  {errors}"


def attempt(key: str, frames: int, seed: int) -> Outcome | str:
    """What came of one driver, or the harm done."""
    try:
        return barrage(key, COUNTERPARTS[key], frames, seed)
    except AssertionError as error:
        return str(error)


def keep(outcome: Outcome, frames: int, seed: int) -> None:
    """Renew one driver's row."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    about = {"python": platform.python_version(), "date": f"{datetime.now(UTC):%Y-%m-%d}", "seed": seed}
    row = asdict(outcome) | {"asked": frames, "longest": round(outcome.longest, 3), **about}
    row["errors"] = dict(sorted(outcome.errors.items()))
    rows[outcome.driver] = row
    RESULTS.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Try the drivers in parallel processes; 1 when one did harm."""
    chosen = arguments()
    print(f"{'driver':<36}{''.join(f'{name:>9}' for name in COLUMNS)}  errors", flush=True)
    harmed = 0
    with ProcessPoolExecutor(chosen.jobs) as pool:
        tasks = {
            pool.submit(attempt, key, chosen.frames, chosen.seed): key
            for key in chosen.driver or reversed(COUNTERPARTS)
        }
        for task in as_completed(tasks):
            outcome = task.result()
            if isinstance(outcome, str):
                harmed += 1
                print(f"{tasks[task]:<36}HARM: {outcome}", flush=True)
            else:
                keep(outcome, chosen.frames, chosen.seed)
                print(line(outcome), flush=True)
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
