"""Kill the controller at every place and at random: `python -m benchmarks.crash --points 400 --random 1000`.

Prints a table, writes benchmarks/results/crash.json, and ends with 1 when anything was repeated, lost or left unsaid.
`--seed` chooses the random places; `--only RECIPE PLACE [PLACE ...]` runs one trial again and says what happened.
`--robots` dies at every exchange with an Opentrons robot instead, and writes crash_robots.json.
`--part 2/6` runs the second of six parts; the file sums up the parts of one plan until it has all of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.crash.sweep import Trial, Verdict, at_random, enumerated, exchanges, judged, summary, verdicts, whole
from benchmarks.crash.trial import GAP, RECIPES
from benchmarks.kept import add_up, table

ROBOTS = ("crash-loading@ot2", "crash-loading@flex")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=__doc__)
    parser.add_argument("--points", type=int, default=400, help="enumerated places over all batches, at least")
    parser.add_argument("--random", type=int, default=1000, help="trials with one to three deaths anywhere")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="K/N: only the K-th of N parts")
    parser.add_argument("--robots", action="store_true", help="every exchange with OT-2 and Flex")
    parser.add_argument("--only", nargs="+", metavar=("RECIPE", "PLACE"), help="one trial again")
    parser.add_argument("--gap", type=float, default=GAP, help="s between two lives, with --only")
    given = parser.parse_args()
    if given.only:
        return one(Trial(given.only[0], tuple(map(int, given.only[1:])), given.gap))
    number, parts = map(int, given.part.split("/"))
    if given.robots:
        every = {"every exchange": exchanges(ROBOTS)}
        return everything("--robots", every, number, parts, given.jobs, ROBOTS, "crash_robots")
    plan = f"--points {given.points} --random {given.random} --seed {given.seed}"
    plans = {"every place": enumerated(given.points), "random": at_random(given.random, given.seed)}
    return everything(plan, plans, number, parts, given.jobs)


def one(trial: Trial) -> int:
    """One trial, told in full."""
    found = judged(trial)
    print(f"{trial.recipe}: {found.end}")
    for line in (*found.where, *found.repeated, *found.lost, found.chain):
        print(f"  {line}")
    return 0 if found.good else 1


def everything(
    plan: str,
    plans: Mapping[str, Sequence[Trial]],
    number: int,
    parts: int,
    jobs: int,
    recipes: Sequence[str] = RECIPES,
    name: str = "crash",
) -> int:
    """Part `number` of `parts` of both kinds of trials, the table and the file."""
    bad: list[Verdict] = []
    rows: list[dict[str, Any]] = []
    for kind, trials in plans.items():
        found = list(verdicts(trials[number - 1 :: parts], jobs))
        for recipe in recipes:
            counts = summary([one for one in found if one.trial.recipe == recipe])
            rows.append({"kind": kind, "recipe": recipe.removeprefix("crash-"), **counts})
        bad += [verdict for verdict in found if not verdict.good]
    for verdict in bad:
        tell(verdict)
    places = {recipe: len(whole(recipe).places) for recipe in recipes}
    told = [f"{verdict.trial}: {verdict.end}" for verdict in bad]
    table(add_up(name, f"python -m benchmarks.crash {plan}", f"{number}/{parts}", rows, told, places=places))
    return 1 if bad else 0


def tell(verdict: Verdict) -> None:
    """What went wrong, and how to see it again."""
    trial = verdict.trial
    places = " ".join(map(str, trial.deaths))
    print(f"\n{verdict.end}\n  again: python -m benchmarks.crash --only {trial.recipe} {places} --gap {trial.gap}")
    for line in (*verdict.where, *verdict.repeated, *verdict.lost, verdict.chain):
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
