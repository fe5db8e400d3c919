"""Hosts a line controller: in this process, reached through the same client as a service (ASGI, no socket).

The composition root: the only module that knows controller, journal, clock and the simulated plant together.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from devices.line_file import LineFile
from devices.open_line import OpenLine, open_line
from line.api import create_app
from line.client import LineClient
from line.controller import Controller
from records.journal import Journal
from records.store import Store
from records.telemetry import TelemetryWriter
from sim import bench, lines
from vesiflow import __version__
from vesiflow.clock import Clock, ScaledClock, VirtualClock, WallClock
from vesiflow.ids import ulid


@dataclass
class Host:
    """A controller with everything around it; `simulated` is the plant behind a simulated line, else None."""

    controller: Controller
    client: LineClient
    clock: Clock
    simulated: lines.SimulatedLine | None


def make_clock(line: LineFile) -> Clock:
    """The clock the line file asks for."""
    if line.clock == "virtual":
        return VirtualClock()
    return ScaledClock(line.speed) if line.clock == "scaled" else WallClock()


@asynccontextmanager
async def opened(line: LineFile, clock: Clock, seed: int | None = None) -> AsyncIterator[tuple[OpenLine, Any]]:
    """The line with all ports open, and its simulated plant where the line file has one."""
    with ExitStack() as stack:
        simulated = stack.enter_context(_plant(line, clock, seed))
        instruments = await clock.spawn(open_line(line, clock), "open line")
        try:
            yield instruments, simulated
        finally:
            await instruments.close()


@contextmanager
def _plant(line: LineFile, clock: Clock, seed: int | None) -> Iterator[lines.SimulatedLine | None]:
    if line.simulation is None:
        yield None
        return
    simulated = lines.build(line.simulation, clock.now, seed=seed, utc=clock.utc)
    with bench.using(simulated.bench):
        yield simulated


@asynccontextmanager
async def hosted(line: LineFile, store: Store, *, seed: int | None = None) -> AsyncIterator[Host]:
    """A controller for `line` in this process; safe states are reached and ports released on the way out."""
    clock = make_clock(line)
    ids = random.Random(f"{line.name} {seed}") if seed is not None else None
    boot = ulid(clock.utc(), ids)
    with Journal(store.journal(line.name), clock, code_version=__version__, boot_id=boot, source=ids) as journal:
        async with opened(line, clock, seed) as (instruments, simulated):
            controller = Controller(
                instruments, journal, clock, partial(_telemetry, store, line.name, clock), seed=seed
            )
            transport = httpx.ASGITransport(app=create_app(controller))
            async with httpx.AsyncClient(transport=transport, base_url="http://line") as http:
                try:
                    yield Host(controller, LineClient(http), clock, simulated)
                finally:
                    await controller.close()


def _telemetry(store: Store, line: str, clock: Clock, batch: str) -> TelemetryWriter:
    return TelemetryWriter(store.create(line, batch).telemetry, clock)
