"""A simulated line kept alive while foreign clients drive it: served, advanced and written down.

Between two messages nobody asks the plant anything, yet valves arrive and pumps pump: a task brings everything to now
a few times a second. Instruments that speak HTTP are served by a web server each.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import uvicorn

from sim.lines import SimulatedLine
from sim.wire.server import HOST, Endpoint, close, serve
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError

PERIOD = 0.5  # s of process between two looks at the plant, at least
REAL_PERIOD = 0.05  # s that pass between them however fast the clock runs


@dataclass(frozen=True)
class Served:
    """Where each instrument is, and the task that keeps the plant alive."""

    endpoints: list[Endpoint]
    task: asyncio.Task[None]

    async def until_over(self) -> None:
        """Wait for ever, or until the plant fails, and raise why."""
        await asyncio.shield(self.task)


@asynccontextmanager
async def served(
    line: SimulatedLine,
    clock: Clock,
    *,
    tcp_base: int | None = None,
    pty: bool = False,
    only: Collection[str] | None = None,
    ledger: Path | None = None,
) -> AsyncIterator[Served]:
    """The instruments at the addresses `only` (default: all with a wire), served while inside.

    `ledger` gets every physical act as a JSON line, soon after it happened. ConfigError when a port is taken or the
    ledger cannot be written.
    """
    async with AsyncExitStack() as stack:
        file = stack.enter_context(_opened(ledger)) if ledger is not None else None
        endpoints = await serve(line.bench, clock, tcp_base=tcp_base, pty=pty, only=only)
        stack.push_async_callback(close, endpoints)
        for number, address in enumerate(name for name in line.bench.apps if only is not None and name in only):
            port = tcp_base + len(endpoints) + number if tcp_base else 0
            endpoints = [*endpoints, await stack.enter_async_context(_web(address, line.bench.apps[address](), port))]
        book = _Book(line, file)
        stack.callback(book.write)
        task = asyncio.create_task(_live(line, clock, book), name="plant")
        stack.push_async_callback(_ended, task)
        yield Served(endpoints, task)


def advance(line: SimulatedLine) -> None:
    """Bring instruments and plant to now: what arrives by itself arrives."""
    for emulator in line.bench.endpoints.values():
        scan = getattr(emulator, "scan", None)
        if scan is not None:
            scan()
    for robot in line.robots.values():
        robot.advance()
    line.plant.advance()


async def _live(line: SimulatedLine, clock: Clock, book: _Book) -> None:
    period = max(PERIOD, REAL_PERIOD * clock.speed)
    while True:
        advance(line)
        book.write()
        await clock.sleep(period)


class _Book:
    """Writes the plant's ledger into a file as it grows."""

    def __init__(self, line: SimulatedLine, file: TextIO | None) -> None:
        self._events = line.plant.ledger.events
        self._file = file
        self._written = 0

    def write(self) -> None:
        """What has happened since."""
        if self._file is None:
            return
        for event in self._events[self._written :]:
            row = {"at": event.at, "kind": event.kind, **event.details}
            self._file.write(json.dumps(row, default=str) + "\n")
        self._written = len(self._events)
        self._file.flush()


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigError(error.strerror or str(error), device=str(path), action="write the ledger") from error


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _web(address: str, app: Any, port: int) -> AsyncIterator[Endpoint]:
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise ConfigError(f"cannot serve {address}: {error.strerror}", remedy="choose another --port") from error
    with listener:
        server = _Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]), name=f"web {address}")
        try:
            yield Endpoint(address, f"http://{HOST}:{listener.getsockname()[1]}", "HTTP")
        finally:
            server.should_exit = server.force_exit = True
            await task


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Take no signals."""
        return nullcontext()
