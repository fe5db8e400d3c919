"""Kill the controller at every place and at random: `python -m benchmarks.crash --points 400 --random 1000`.

Prints a table, writes benchmarks/results/crash.json, and ends with 1 when anything was repeated, lost or left unsaid.
`--seed` chooses the random places; `--only RECIPE PLACE [PLACE ...]` runs one trial again and says what happened.
`--part 2/6` runs the second of six parts; the file sums up the parts of one plan until it has all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.crash.sweep import Trial, Verdict, at_random, enumerated, judged, summary, verdicts, whole
from benchmarks.crash.trial import GAP, RECIPES
from benchmarks.kept import FOLDER, store

Rows = dict[tuple[str, str], dict[str, int]]
COLUMNS = ("trials", "complete", "held", "repeated", "lost", "other")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=__doc__)
    parser.add_argument("--points", type=int, default=400, help="enumerated places over all batches, at least")
    parser.add_argument("--random", type=int, default=1000, help="trials with one to three deaths anywhere")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="K/N: only the K-th of N parts")
    parser.add_argument("--only", nargs="+", metavar=("RECIPE", "PLACE"), help="one trial again")
    parser.add_argument("--gap", type=float, default=GAP, help="s between two lives, with --only")
    given = parser.parse_args()
    if given.only:
        return one(Trial(given.only[0], tuple(map(int, given.only[1:])), given.gap))
    plan = f"--points {given.points} --random {given.random} --seed {given.seed}"
    number, parts = map(int, given.part.split("/"))
    plans = {"every place": enumerated(given.points), "random": at_random(given.random, given.seed)}
    return everything(plan, plans, number, parts, given.jobs)


def one(trial: Trial) -> int:
    """One trial, told in full."""
    found = judged(trial)
    print(f"{trial.recipe}: {found.end}")
    for line in (*found.where, *found.repeated, *found.lost, found.chain):
        print(f"  {line}")
    return 0 if found.good else 1


def everything(plan: str, plans: Mapping[str, Sequence[Trial]], number: int, parts: int, jobs: int) -> int:
    """Part `number` of `parts` of both kinds of trials, the table and the file."""
    begun, before = time.monotonic(), earlier(plan, number, parts)
    bad: list[Verdict] = []
    rows: Rows = {}
    for kind, trials in plans.items():
        found = list(verdicts(trials[number - 1 :: parts], jobs))
        for recipe in RECIPES:
            rows[kind, recipe] = dict(summary([one for one in found if one.trial.recipe == recipe]))
        bad += [verdict for verdict in found if not verdict.good]
    for verdict in bad:
        tell(verdict)
    total = [added(kind, recipe, counts, before) for (kind, recipe), counts in rows.items()]
    table(total)
    store(
        "crash",
        {
            "command": f"python -m benchmarks.crash {plan}",
            "parts": sorted({*before.get("parts", []), f"{number}/{parts}"}),
            "places": {recipe: len(whole(recipe).places) for recipe in RECIPES},
            "rows": total,
            "bad": before.get("bad", []) + [{"trial": str(verdict.trial), "end": verdict.end} for verdict in bad],
            "seconds": before.get("seconds", 0) + round(time.monotonic() - begun),
        },
    )
    return 1 if bad else 0


def earlier(plan: str, number: int, parts: int) -> dict[str, Any]:
    """What the file has of other parts of the same plan; nothing when it is of another plan or has this part."""
    path = FOLDER / "crash.json"
    if parts == 1 or not path.exists():
        return {}
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    same = known["command"].endswith(f" {plan}") and all(part.endswith(f"/{parts}") for part in known["parts"])
    return known if same and f"{number}/{parts}" not in known["parts"] else {}


def added(kind: str, recipe: str, counts: Mapping[str, int], before: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of a row and those of the parts before."""
    known = [row for row in before.get("rows", []) if (row["kind"], row["recipe"]) == (kind, recipe)]
    sums = {name: count + sum(row[name] for row in known) for name, count in counts.items()}
    return {"kind": kind, "recipe": recipe, **sums}


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """All rows and their sums."""
    print(f"{'':24}" + "".join(f"{name:>10}" for name in COLUMNS))
    for row in rows:
        print(f"{row['kind']:12} {row['recipe'].removeprefix('crash-'):11}" + _numbers(row))
    print(f"{'all':24}" + _numbers({name: sum(row[name] for row in rows) for name in COLUMNS}))


def _numbers(row: Mapping[str, Any]) -> str:
    return "".join(f"{row[name]:>10}" for name in COLUMNS)


def tell(verdict: Verdict) -> None:
    """What went wrong, and how to see it again."""
    trial = verdict.trial
    places = " ".join(map(str, trial.deaths))
    print(f"\n{verdict.end}\n  again: python -m benchmarks.crash --only {trial.recipe} {places} --gap {trial.gap}")
    for line in (*verdict.where, *verdict.repeated, *verdict.lost, verdict.chain):
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
