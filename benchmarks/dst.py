"""Deterministic simulation testing: `python -m benchmarks.dst --seeds 200`, again with `--seed N`.

A seed chooses a batch, the places at which its controller dies, the pauses between its lives, answers that are lost,
late or torn on the wires, and people who press hold. The judge is the plant's own ledger: nothing twice, nothing lost.
The hash of all that physically happened is printed; the same seed gives the same one.
"""

from __future__ import annotations

import argparse
import sys
from random import Random

from benchmarks.crash.judge import differences
from benchmarks.crash.sweep import whole
from benchmarks.crash.trial import RECIPES, Result, run
from benchmarks.kept import store
from sim.faults.model import Fault

WIRES = {
    "crash-tff": ("tff/permeate_balance", "tff/feed"), "crash-sec": ("sec/uv", "sec/collector"),
    "crash-loading": ("ep/electroporator", "bench/robot"), "crash-vials": ("bench/robot", "lyo/shelf"),
}  # fmt: skip
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


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dst", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--seed", type=int, help="only this one")
    given = parser.parse_args()
    failed = []
    for seed in (given.seed,) if given.seed is not None else range(1, given.seeds + 1):
        recipe, found, bad = simulated(seed)
        print(f"seed {seed:5} {recipe:14} {found.starts} lives {found.trace} {found.end[:80]}", flush=True)
        for one in bad:
            print(f"    {one}")
        failed += [seed] if bad else []
    if given.seed is None:
        command = f"python -m benchmarks.dst --seeds {given.seeds}"
        store("dst", {"command": command, "seeds": given.seeds, "failed seeds": failed})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
