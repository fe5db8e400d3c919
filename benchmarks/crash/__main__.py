"""Kill the controller at every place and at random: `python -m benchmarks.crash --points 400 --random 1000`.

Prints a table, writes benchmarks/results/crash.json, and ends with 1 when anything was repeated, lost or left unsaid.
`--seed` chooses the random places; `--only RECIPE PLACE [PLACE ...]` runs one trial again and says what happened.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from benchmarks.crash.sweep import Trial, Verdict, at_random, enumerated, judged, summary, verdicts, whole
from benchmarks.crash.trial import GAP, RECIPES
from benchmarks.kept import store

COLUMNS = ("trials", "complete", "held", "repeated", "lost", "other")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=__doc__)
    parser.add_argument("--points", type=int, default=400, help="enumerated places over all batches, at least")
    parser.add_argument("--random", type=int, default=1000, help="trials with one to three deaths anywhere")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar=("RECIPE", "PLACE"), help="one trial again")
    parser.add_argument("--gap", type=float, default=GAP, help="s between two lives, with --only")
    given = parser.parse_args()
    if given.only:
        return one(Trial(given.only[0], tuple(map(int, given.only[1:])), given.gap))
    return everything(given.points, given.random, given.jobs, given.seed)


def one(trial: Trial) -> int:
    """One trial, told in full."""
    found = judged(trial)
    print(f"{trial.recipe}: {found.end}")
    for line in (*found.where, *found.repeated, *found.lost, found.chain):
        print(f"  {line}")
    return 0 if found.good else 1


def everything(points: int, random: int, jobs: int, seed: int) -> int:
    """Both kinds of trials, the table and the file."""
    begun, rows, bad = time.monotonic(), [], []
    print(f"{'':24}" + "".join(f"{name:>10}" for name in COLUMNS))
    for kind, trials in (("every place", enumerated(points)), ("random", at_random(random, seed))):
        found = list(verdicts(trials, jobs))
        rows += [row(kind, recipe, [one for one in found if one.trial.recipe == recipe]) for recipe in RECIPES]
        rows.append(row(kind, "all", found))
        bad += [verdict for verdict in found if not verdict.good]
    for verdict in bad:
        tell(verdict)
    store(
        "crash",
        {
            "command": f"python -m benchmarks.crash --points {points} --random {random} --seed {seed}",
            "places": {recipe: len(whole(recipe).places) for recipe in RECIPES},
            "rows": rows,
            "bad": [{"trial": str(verdict.trial), "end": verdict.end} for verdict in bad],
            "seconds": round(time.monotonic() - begun),
        },
    )
    return 1 if bad else 0


def row(kind: str, recipe: str, found: Sequence[Verdict]) -> dict[str, object]:
    """A row of the table, printed."""
    counts = summary(found)
    print(
        f"{kind:12} {recipe.removeprefix('crash-'):11}" + "".join(f"{counts[name]:>10}" for name in COLUMNS), flush=True
    )
    return {"kind": kind, "recipe": recipe, **counts}


def tell(verdict: Verdict) -> None:
    """What went wrong, and how to see it again."""
    trial = verdict.trial
    places = " ".join(map(str, trial.deaths))
    print(f"\n{verdict.end}\n  again: python -m benchmarks.crash --only {trial.recipe} {places} --gap {trial.gap}")
    for line in (*verdict.where, *verdict.repeated, *verdict.lost, verdict.chain):
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
