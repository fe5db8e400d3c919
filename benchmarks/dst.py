"""Deterministic simulation testing: `python -m benchmarks.dst --seeds 1..200`, again with `--seed N`.

A seed chooses a batch, the places at which its controller dies, the pauses between its lives, answers that are lost,
late or torn on the wires, and people who press hold. The judge is the plant's own ledger: nothing twice, nothing lost.
The hash of all that physically happened is printed; the same seed gives the same one.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from random import Random

from benchmarks.crash.judge import differences
from benchmarks.crash.sweep import whole
from benchmarks.crash.trial import RECIPES, Result, run
from benchmarks.kept import add_up, table
from sim.faults.model import Fault

WIRES = {
    "crash-tff": ("tff/permeate_balance", "tff/feed"), "crash-sec": ("sec/uv", "sec/collector"),
    "crash-loading": ("ep/electroporator", "bench/robot"), "crash-vials": ("bench/robot", "lyo/shelf"),
}  # fmt: skip
COUNTS = ("seeds", "lives", "complete", "held", "repeated", "lost", "bad")
KINDS = ("no reply", "late", "split", "doubled", "garbage", "stale")


def simulated(seed: int) -> tuple[str, Result, list[str]]:
    """Recipe, result and what is wrong with it."""
    rng = Random(seed)
    recipe = rng.choice(RECIPES)
    expected = whole(recipe)
    deaths = [rng.randint(1, len(expected.places)) for _ in range(rng.choice((0, 1, 1, 2)))]
    gap = round(rng.uniform(0.0, 60.0), 2)
    found = run(recipe, deaths, gap=gap, faults=_faults(rng, recipe))
    repeated, lost = differences(expected.deeds, found.deeds, len(found.deaths), gap=gap, over=found.complete)
    bad = [f"repeated: {one}" for one in repeated] + [f"lost: {one}" for one in lost]
    if not found.complete and not found.end.startswith("Held: "):
        bad.append(f"ended {found.end}")
    return recipe, found, bad + ([found.chain] if found.chain else [])


def _faults(rng: Random, recipe: str) -> list[Fault]:
    wires = [
        {
            "id": f"wire-{n}", "level": "wire", "what": "wire.fault",
            "when": {"after": f"{rng.uniform(60, 4000):.1f} s"},
            "settings": {"at": rng.choice(WIRES[recipe]), "fault": rng.choice(KINDS), "times": 1},
        }
        for n in range(rng.randint(0, 2))
    ]  # fmt: skip
    holds = [
        {
            "id": f"hold-{n}", "level": "host", "what": "person.presses", "settings": {"command": "Hold"},
            "when": {"after": f"{rng.uniform(60, 4000):.1f} s"},
        }
        for n in range(rng.randint(0, 1))
    ]  # fmt: skip
    return [Fault.model_validate(one) for one in (*wires, *holds)]


def seeds(text: str) -> range:
    """ "A..B", both included; ValueError when it is not that."""
    first, _, last = text.partition("..")
    return range(int(first), int(last) + 1)


def row(found: Result, bad: list[str]) -> Counter[str]:
    """The counts of a table row."""
    return Counter({
        "seeds": 1, "lives": found.starts, "complete": found.complete, "held": found.end.startswith("Held: "),
        "repeated": any(one.startswith("repeated") for one in bad), "lost": any(one.startswith("lost") for one in bad),
        "bad": bool(bad),
    })  # fmt: skip


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dst", description=__doc__)
    parser.add_argument("--seeds", type=seeds, default=range(1, 201), metavar="A..B")
    parser.add_argument("--seed", type=int, help="only this one")
    given = parser.parse_args()
    rows = {name: Counter(dict.fromkeys(COUNTS, 0)) for name in RECIPES}
    wrong = []
    for seed in (given.seed,) if given.seed is not None else given.seeds:
        recipe, found, bad = simulated(seed)
        print(f"seed {seed:5} {recipe:14} {found.starts} lives {found.trace} {found.end[:80]}", flush=True)
        for one in bad:
            print(f"    {one}")
        rows[recipe].update(row(found, bad))
        wrong += [f"seed {seed}: {one}" for one in bad]
    if given.seed is None:
        command = f"python -m benchmarks.dst --seeds {given.seeds[0]}..{given.seeds[-1]}"
        table(add_up("dst", command, "1/1", [{"recipe": name, **counts} for name, counts in rows.items()], wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
