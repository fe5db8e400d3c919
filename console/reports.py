"""Reports of a served line: drawn by a process of its own, for it takes seconds that a controller does not have."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from line.batch import Batch
from line.state import OVER
from vesiflow import log
from vesiflow.clock import WallClock

_LOOK = 2.0  # s between two looks for batches that are over


class Reporter:
    """Writes record and report of every batch of `batches` that ends; what was over at the start has its report."""

    def __init__(self, batches: Mapping[str, Batch]) -> None:
        self._batches = batches
        self._done = set(self._over())

    def _over(self) -> Collection[str]:
        return [batch.id for batch in self._batches.values() if batch.state in OVER]

    async def follow(self) -> None:
        """Look for batches that have ended, for ever."""
        clock = WallClock()
        while True:
            await clock.sleep(_LOOK)
            await self.catch_up()

    async def catch_up(self) -> None:
        """Report what has ended since the last look."""
        for batch in self._over():
            if batch not in self._done:
                self._done.add(batch)
                await _report(batch)


@asynccontextmanager
async def reported(batches: Mapping[str, Batch]) -> AsyncIterator[None]:
    """Batches that end inside the block get their reports."""
    task = asyncio.create_task(Reporter(batches).follow(), name="reports")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _report(batch: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", "batch", "report", batch,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await child.communicate()
    if child.returncode:
        log.get(batch=batch).warning("no report was written", reason=said.decode(errors="replace").strip())
