"""A batch whose n-th write or sync fails, for every n: what went out had its intent, and the batch comes to an end.

A full disk stays full until the person beside the line has freed space; an error of a write or of an fsync strikes
once, and the controller is started again: a file whose fsync failed is never synced again. The plant's ledger judges,
as in `benchmarks.crash`.
"""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.crash.judge import Deeds, deeds, differences
from benchmarks.crash.technician import Technician
from benchmarks.crash.trial import BATCH, SEED, job
from benchmarks.disk.calls import Disk, writing_on
from devices.commands import Command
from line.gateway import Gateway
from line.host import Host, World, hosted, make_world
from line.state import OVER, State
from protocols.control import ControlRecipe
from records.journal import JournalReader, verify
from records.store import Store
from vesiflow.errors import VesiflowError

RECIPE = "crash-vials"
KINDS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "fsync": errno.EIO}
LIVES = 5
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
Act = tuple[str, str]


@dataclass
class Result:
    """What became of it: `unwritten` acts went out without an intent though they do not de-energise."""

    end: str
    deeds: Deeds
    counts: dict[bool, int]
    failed: int
    synced_again: int
    unwritten: Counter[Act] = field(default_factory=Counter)
    late: int = 0
    chain: str = ""


class Mender(Technician):
    """Frees space on the disk before anything else."""

    disk: Disk

    async def _let_go_on(self) -> None:
        self.disk.mended()
        await super()._let_go_on()


@contextmanager
def acts_seen(seen: Counter[Act]) -> Iterator[None]:
    """Count what goes out to instruments, de-energising commands left out."""
    perform = Gateway.perform

    async def around(
        self: Gateway, role: str, verb: str, how: Command, work: Callable[[], Awaitable[Any]], *args: Any
    ) -> Any:
        async def counted() -> Any:
            seen[role, verb] += not how.safe
            return await work()

        return await perform(self, role, verb, how, counted, *args)

    Gateway.perform = around  # type: ignore[method-assign]
    try:
        yield
    finally:
        Gateway.perform = perform  # type: ignore[method-assign]


def run(disk: Disk) -> Result:
    """The batch on `disk`."""
    with tempfile.TemporaryDirectory(prefix="vesiflow-disk-", dir=MEMORY) as root:
        return asyncio.run(_run(disk, Store(Path(root))))


async def _run(disk: Disk, store: Store) -> Result:
    line, recipe = job(RECIPE)
    world, seen = make_world(line, SEED), Counter[Act]()
    assert world.simulated is not None
    end = ""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    with acts_seen(seen), writing_on(disk):
        for _ in range(LIVES):
            try:
                async with hosted(line, store, seed=SEED, world=world) as host:
                    end = await _live(host, world, recipe, disk)
            except VesiflowError as error:
                end = f"could not start: {error}"
            if end == State.COMPLETE:
                break
            disk.mended()
            world.simulated.bench.open.clear()
    with JournalReader(store.journal(line.name)) as reader:
        intents = reader.intents(BATCH)
    written = Counter((intent.device, intent.verb) for intent in intents)
    return Result(
        end, deeds(world.simulated.plant), disk.counts, disk.failed, disk.repeated, seen - written,
        sum(intent.late for intent in intents), verify(store.journal(line.name)).reason,
    )  # fmt: skip


async def _live(host: Host, world: World, recipe: ControlRecipe, disk: Disk) -> str:
    assert world.simulated is not None
    person = Mender(host.controller, world.simulated.plant, host.clock, BATCH, lambda: None)
    person.disk = disk

    async def procedure() -> str:
        if BATCH not in host.controller.batches:
            past = host.controller.journal.events(BATCH, ["batch.state"])
            if past and State(past[-1].data["new"]) in OVER:
                return str(past[-1].data["new"])
            host.controller.create(BATCH, recipe, "disk test")
        elif host.controller.batch(BATCH).state is State.HELD and not host.controller.batch(BATCH).running:
            await person._let_go_on()  # held between two phases
        for phase in recipe.phases():
            if not await person.run_phase(phase.key):
                return await person.gone()
        return str(host.controller.finish(BATCH).state)

    return await host.clock.spawn(procedure(), "procedure")


@lru_cache
def whole() -> Result:
    """The batch on a good disk."""
    result = run(Disk())
    if result.end != State.COMPLETE:
        raise RuntimeError(f"{RECIPE} does not complete by itself: {result.end}")
    return result


def chances(kind: str) -> int:
    """How many writes, or syncs, of the batch can fail."""
    return whole().counts[kind == "fsync"]


def trial(kind: str, at: int) -> tuple[Counter[str], str]:
    """Write (or sync) number `at` fails: the counts of a table row, and what was wrong."""
    found = run(Disk(KINDS[kind], at, once=kind != "ENOSPC", syncs=kind == "fsync"))
    complete = found.end == State.COMPLETE
    repeated, lost = differences(whole().deeds, found.deeds, 1, over=complete)
    other = not complete and not found.end.startswith("Held: ")
    other = other or bool(found.chain or found.synced_again)
    counts = Counter(
        trials=1, complete=complete, held=not complete and not other, unwritten=found.unwritten.total(),
        repeated=bool(repeated), lost=bool(lost), late=found.late, other=other,
    )  # fmt: skip
    again = f"{found.synced_again} syncs of a file whose sync had failed" if found.synced_again else ""
    trouble = [*map(str, found.unwritten), *repeated, *lost, found.chain, again, found.end if other else ""]
    return counts, "; ".join(filter(None, trouble))
