"""Two flows drive one batch, and one of them sleeps: `python -m benchmarks.two_flows --tries 200`.

Both are clients that run the same procedure, as a retried Prefect run beside the first one that nobody has ended. At
moments a seed chooses each of them is paused, and one may be gone for good. The judge is the plant's own ledger: what
happened is what one flow alone would have made happen. Ends with 1 when anything happened twice or not at all.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from random import Random

from benchmarks.crash.judge import Deeds, deeds, differences
from benchmarks.crash.sweep import whole
from benchmarks.crash.trial import BATCH, SEED, job
from benchmarks.kept import store, table
from line.api import PhaseView
from line.client import LineClient
from line.host import hosted, make_world
from line.procedure import Procedure, RunPhase
from protocols.control import Phase
from records.store import Store

RECIPES = ("crash-loading", "crash-vials")
LONGEST = 40  # turns of the event loop that a flow sleeps before a phase


class Gone(Exception):
    """This flow is never heard of again."""


async def flow(client: LineClient, recipe: str, rng: Random, mortal: bool) -> str:
    """One flow; how the batch ended for it."""
    last = rng.randint(1, 12) if mortal else 0

    async def sleepy(phase: Phase, run: RunPhase) -> PhaseView:
        nonlocal last
        last -= 1
        if last == 0:
            raise Gone
        for _ in range(rng.randint(0, LONGEST)):
            await asyncio.sleep(0)
        return await run(phase)

    try:
        outcome = await Procedure(client, job(recipe)[1], BATCH, f"flow {rng.random():.3f}", wrap=sleepy).run()
    except Gone:
        return "gone"
    return str(outcome.batch.state)


async def attempt(recipe: str, seed: int, folder: Path) -> tuple[list[str], Deeds]:
    """How both flows ended, and what happened."""
    rng = Random(seed)
    line, _ = job(recipe)
    world = make_world(line, SEED)
    assert world.simulated is not None
    async with hosted(line, Store(folder), seed=SEED, world=world) as host:
        flows: list[Awaitable[str]] = [
            flow(host.client, recipe, Random(rng.random()), mortal) for mortal in (False, rng.random() < 0.5)
        ]
        ends = await asyncio.gather(*flows)
    return list(ends), deeds(world.simulated.plant)


def tried(seed: int) -> Counter[str]:
    """One try, counted."""
    recipe = RECIPES[seed % len(RECIPES)]
    folder = Path(tempfile.mkdtemp(prefix="vesiflow-flows-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        ends, found = asyncio.run(attempt(recipe, seed, folder))
    finally:
        shutil.rmtree(folder)
    repeated, lost = differences(whole(recipe).deeds, found)
    wrong = [f"repeated: {one}" for one in repeated] + [f"lost: {one}" for one in lost]
    for one in wrong:
        print(f"seed {seed} {recipe}: {one}")
    return Counter(
        {"tries": 1, "complete": int("Complete" in ends), "one gone": int("gone" in ends), "bad": int(bool(wrong))}
    )


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_flows", description=__doc__)
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--seed", type=int, help="only this one")
    given = parser.parse_args()
    seeds = range(given.tries) if given.seed is None else (given.seed,)
    found = sum((tried(seed) for seed in seeds), Counter[str]())
    row = {"trial": "two flows, one batch", **{name: found[name] for name in ("tries", "complete", "one gone", "bad")}}
    table([row])
    if given.seed is None:
        store("two_flows", {"command": f"python -m benchmarks.two_flows --tries {given.tries}", "rows": [row]})
    return 0 if found["bad"] == 0 and found["complete"] == found["tries"] else 1


if __name__ == "__main__":
    sys.exit(main())
