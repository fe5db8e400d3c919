"""Spoilt frames through every driver: `python benchmarks/fuzz.py --frames 20000 [--driver NAME] [--seed N]`.

Malformed, truncated, glued and delayed answers of our emulators go through the real drivers on virtual time; the
first harm (a hang, a crash, an answer to another question, an error without a type) ends with exit code 1. Prints a
table and writes benchmarks/results/fuzz.json when all drivers were tried.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
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
    return parser.parse_args()


def line(outcome: Outcome) -> str:
    """One row of the table."""
    numbers = [f"{getattr(outcome, name):>9.5g}" for name in COLUMNS]
    errors = " ".join(f"{name} {count}" for name, count in sorted(outcome.errors.items()))
    return f"{outcome.driver:<36}{''.join(numbers)}  {errors}"


def main() -> int:
    """Try the drivers one after the other; 1 when one did harm."""
    chosen = arguments()
    print(f"{'driver':<36}{''.join(f'{name:>9}' for name in COLUMNS)}  errors", flush=True)
    outcomes, harmed, begun = [], 0, time.perf_counter()
    for key in chosen.driver or COUNTERPARTS:
        try:
            outcome = barrage(key, COUNTERPARTS[key], chosen.frames, chosen.seed)
        except AssertionError as error:
            print(f"{key:<36}HARM: {error}", flush=True)
            harmed += 1
            continue
        outcomes.append(outcome)
        print(line(outcome), flush=True)
    if not harmed and not chosen.driver:
        about = {
            "frames": chosen.frames, "seed": chosen.seed, "python": platform.python_version(),
            "date": f"{datetime.now(UTC):%Y-%m-%d}", "seconds": round(time.perf_counter() - begun, 1),
        }  # fmt: skip
        rows = [asdict(outcome) | {"longest": round(outcome.longest, 3)} for outcome in outcomes]
        RESULTS.write_text(json.dumps({"about": about, "drivers": rows}, indent=1) + "\n", encoding="utf-8")
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
