"""Power lost at any byte: what was acknowledged is there when the journal is opened again.

A batch is run and the journal's two files are copied after every entry, with the bytes that had been synced by then.
A trial cuts the write-ahead log at a place, leaves nothing, zeroes or rubbish behind it, or mixes a file that was being
checkpointed from before and after; then a controller opens the copy.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.crash.trial import BATCH, SEED, job
from benchmarks.disk.writes import MEMORY
from line.host import hosted, make_world
from line.procedure import Procedure
from records.journal import Journal, JournalReader, verify
from records.store import Store
from vesiflow.clock import VirtualClock
from vesiflow.errors import VesiflowError

TAILS = ("cut", "zeroes", "rubbish", "checkpoint")
SECTOR = 512
_HEADER, _FRAME_HEADER = 32, 24
RECIPE = "crash-tff"
_CHECKPOINT = 150
"""Pages after which the log goes into the file: less than SQLite's 1000, so that a short batch has several."""


@dataclass(frozen=True)
class Snapshot:
    """File and log when entry `seq` had just been acknowledged; the log held `synced` bytes that count."""

    seq: int
    synced: int
    generation: bytes
    file: bytes
    log: bytes


def synced(log: bytes, page: int) -> int:
    """How many bytes of a write-ahead log belong to commits: up to its last frame of this generation that ends one."""
    salt, end, at = log[16:24], _HEADER, _HEADER
    while len(log) >= at + _FRAME_HEADER + page and log[at + 8 : at + 16] == salt:
        at += _FRAME_HEADER + page
        if any(log[at - page - _FRAME_HEADER + 4 : at - page - _FRAME_HEADER + 8]):  # size after a commit
            end = at
    return end if len(log) > _HEADER else 0


@contextmanager
def watched(found: list[Snapshot]) -> Iterator[None]:
    """Copy the files after every entry."""
    appended = Journal._append

    def around(self: Journal, *args: Any) -> int:
        if self._mine[0] and (not found or found[-1].seq != self._mine[0]):
            found.append(_snapshot(self))
        self._db.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT}")
        return appended(self, *args)

    Journal._append = around  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        Journal._append = appended  # type: ignore[method-assign]


def _snapshot(journal: Journal) -> Snapshot:
    """Taken while the next entry is being composed: all of it was acknowledged before, nothing of the next is out."""
    file, log = journal.path.read_bytes(), journal.path.with_name(f"{journal.path.name}-wal").read_bytes()
    page = int.from_bytes(file[16:18], "big")
    return Snapshot(journal._mine[0], synced(log, page), log[16:24], file, log)


@lru_cache
def batch() -> tuple[list[Snapshot], list[str]]:
    """The snapshots of one batch and the hashes of its entries, in order."""
    snapshots: list[Snapshot] = []
    with tempfile.TemporaryDirectory(prefix="vesiflow-power-", dir=MEMORY) as root, watched(snapshots):
        store = Store(Path(root))
        name = asyncio.run(_batch(store))
        with JournalReader(store.journal(name)) as reader:
            return snapshots, [entry.hash for entry in reader.events(None)]


async def _batch(store: Store) -> str:
    line, recipe = job(RECIPE)
    async with hosted(line, store, seed=SEED, world=make_world(line, SEED)) as host:
        await Procedure(host.client, recipe, BATCH, "power", attended=False).run()
    return line.name


def acknowledged(snapshots: list[Snapshot], of: Snapshot, cut: int) -> tuple[int, bytes]:
    """The last entry that was on the disk when the log of `of` ended at byte `cut`, and the file as it was then.

    The log of the generation before is in the file by then: nothing of it can be cut off.
    """
    first = next(n for n, one in enumerate(snapshots) if one.generation == of.generation)
    known, file = (snapshots[first - 1].seq if first else 0), snapshots[first].file
    for one in snapshots[first:]:
        if one.synced <= cut and one.seq <= of.seq:
            known, file = one.seq, one.file
    return known, file


def checkpointed(snapshots: list[Snapshot]) -> list[int]:
    """Which snapshots follow a checkpoint of the log that they still have."""
    return [n for n, (a, b) in enumerate(pairwise(snapshots), 1) if a.generation == b.generation and a.file != b.file]


def trial(number: int, seed: int) -> str:
    """Lose power in one way and open what is left: what was wrong, "" when nothing was."""
    snapshots, hashes = batch()
    rng = random.Random(f"{seed} {number}")
    kind = TAILS[number % len(TAILS)]
    at = rng.choice(checkpointed(snapshots) if kind == "checkpoint" else range(1, len(snapshots)))
    snapshot = snapshots[at]
    cut = rng.randrange(0, snapshot.synced + 1)
    if kind == "checkpoint":
        file, log, least = _mixed(rng, snapshots[at - 1].file, snapshot.file), snapshot.log, snapshot.seq
    else:
        least, file = acknowledged(snapshots, snapshot, cut)
        log = _torn(rng, kind, snapshot.log, cut)
    with tempfile.TemporaryDirectory(prefix="vesiflow-power-", dir=MEMORY) as root:
        path = Path(root) / "journal.sqlite"
        path.write_bytes(file)
        path.with_name("journal.sqlite-wal").write_bytes(log)
        what = _opened(path, hashes, least)
        shutil.rmtree(root, ignore_errors=True)
        Path(root).mkdir()
    return f"{number} {kind}, entry {snapshot.seq}, byte {cut}: {what}" if what else ""


def _torn(rng: random.Random, kind: str, log: bytes, cut: int) -> bytes:
    rest = len(log) - cut if kind != "cut" else 0
    if kind == "rubbish":
        sector = -(-cut // SECTOR) * SECTOR  # a sector is written whole or not at all; what follows is anything
        return log[:cut] + bytes(min(sector - cut, rest)) + rng.randbytes(max(rest - (sector - cut), 0))
    return log[:cut] + bytes(rest)


def _mixed(rng: random.Random, before: bytes, after: bytes) -> bytes:
    """The file while the log goes into it: some pages are new already, the log is still whole."""
    page = int.from_bytes(before[16:18], "big")
    old = before + bytes(max(len(after) - len(before), 0))
    return b"".join(rng.choice((old, after))[n : n + page] for n in range(0, len(after), page))


def _opened(path: Path, hashes: list[str], least: int) -> str:
    try:
        with Journal(path, VirtualClock(), code_version="1", boot_id="after") as journal:
            found = [entry.hash for entry in journal.events(None) if entry.boot != "after"]
    except VesiflowError as error:
        return f"does not open: {error}"
    if found != hashes[: len(found)]:
        return "entries that were never written"
    if len(found) < least:
        return f"{len(found)} entries instead of {least} that were acknowledged"
    return verify(path).reason
