"""Hosts a line controller: in this process, reached through the same client as a service (ASGI, no socket).

The composition root: the only module that knows controller, journal, clock and the simulated plant together.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from devices.line_file import LineFile
from devices.open_line import OpenLine, open_line
from line.api import create_app
from line.client import LineClient
from line.controller import Controller
from line.ownership import Owner, owned
from line.safe import seize_ports, without_journal
from line.watch import repeated
from line.watchdog import HANG, LoopWatch
from records.journal import Journal, JournalReader, Signer
from records.reserve import LOW_WATER, SIZE
from records.store import Store
from records.telemetry import TelemetryWriter
from sim import bench, lines
from vesiflow import __version__
from vesiflow.clock import Clock, ScaledClock, VirtualClock, WallClock
from vesiflow.ids import ulid

DISK_EVERY = 30.0  # s


@dataclass
class Host:
    """A controller with everything around it; `simulated` is the plant behind a simulated line, else None.

    `owner` tells when another controller has taken the line.
    """

    controller: Controller
    client: LineClient
    clock: Clock
    simulated: lines.SimulatedLine | None
    owner: Owner


def make_clock(line: LineFile) -> Clock:
    """The clock the line file asks for."""
    if line.clock == "virtual":
        return VirtualClock()
    return ScaledClock(line.speed) if line.clock == "scaled" else WallClock()


@dataclass
class World:
    """Time and, behind a simulated line, the plant: what goes on when a controller dies."""

    clock: Clock
    simulated: lines.SimulatedLine | None


def make_world(line: LineFile, seed: int | None = None) -> World:
    """A new world for `line`."""
    clock = make_clock(line)
    if line.simulation is None:
        return World(clock, None)
    return World(clock, lines.build(line.simulation, clock.now, seed=seed, utc=clock.utc))


@asynccontextmanager
async def opened(
    line: LineFile, world: World, guard: AbstractContextManager[None] | None = None
) -> AsyncIterator[OpenLine]:
    """The line with all ports open; `sim://` addresses mean the bench of `world`. `guard` is held around writes."""
    with bench.using(world.simulated.bench) if world.simulated else nullcontext():
        instruments = await world.clock.spawn(open_line(line, world.clock, guard), "open line")
        try:
            yield instruments
        finally:
            await instruments.close()


@asynccontextmanager
async def hosted(
    line: LineFile, store: Store, *, seed: int | None = None, world: World | None = None, exchanged: bool = False
) -> AsyncIterator[Host]:
    """A controller for `line` in this process, which owns it; what was under way is taken up again, held.

    Safe states are reached and ports released on the way out. Refused while another process owns the line.
    """
    with owned(store.line(line.name), line.name) as owner:
        ids = None if seed is None else _ids(f"{line.name} {seed}", store.journal(line.name))
        here = world or make_world(line, seed)
        clock = here.clock
        with Journal(
            store.journal(line.name),
            clock,
            code_version=__version__,
            boot_id=ulid(clock.utc(), ids),
            source=ids,
            guard=owner,
            signer=Signer.of(store.root),
        ) as journal:
            async with opened(line, here, owner) as instruments:
                make_telemetry = partial(_telemetry, store, line.name, clock)
                controller = Controller(instruments, journal, clock, make_telemetry, seed=seed)
                await clock.spawn(
                    controller.restore(plant_is_new=world is None and _lives_here(line), exchanged=exchanged),
                    "restore",
                )
                transport = httpx.ASGITransport(app=create_app(controller))
                async with httpx.AsyncClient(transport=transport, base_url="http://line") as http:
                    try:
                        async with repeated(clock, partial(_room, controller), DISK_EVERY):
                            with watched(controller):
                                yield Host(controller, LineClient(http), clock, here.simulated, owner)
                    finally:
                        await controller.close()


async def _room(controller: Controller) -> None:
    look_at_disk(controller)


def _lives_here(line: LineFile) -> bool:
    """Whether instruments are emulated in this process, so that their plant is a new one; at a socket they live on."""
    return any(spec.at.startswith("sim:") for spec in line.instruments.values())


def look_at_disk(controller: Controller) -> None:
    """An alarm when the disk of the journal gets full; every batch is held while there is room left to say so."""
    free = controller.journal.reserve.free()
    if free < SIZE:
        controller.keep_all("line.journal", f"no room for the journal: {free >> 10} KiB free on its disk")
    if free < LOW_WATER:
        what = f"{free >> 20} MiB free for the journal, {LOW_WATER >> 20} MiB wanted"
        controller.alarms.raise_("line.disk", what)
    else:
        controller.alarms.clear("line.disk")


def _ids(seed: str, journal: Path) -> random.Random:
    """Seeded ids that never come twice in one journal: the next batch of the same seed has others."""
    if not journal.is_file():
        return random.Random(seed)
    with JournalReader(journal) as reader:
        return random.Random(f"{seed} {reader.head()[1]}")


@contextmanager
def watched(controller: Controller, hang: float = HANG) -> Iterator[None]:
    """A dead-man thread beside a controller on real time: a loop that hangs loses the line to its safe state."""
    if controller.clock.virtual:
        yield
        return
    unreached: list[str] = []

    def trip() -> None:
        unreached[:] = asyncio.run(without_journal(controller.line, seize_ports))

    def told() -> None:
        seize_ports(controller.line)  # from the loop of the thread, which has ended
        controller.stood_still(unreached)

    watch = LoopWatch(trip, told, hang=hang)
    watch.start()
    try:
        yield
    finally:
        watch.stop()


def _telemetry(store: Store, line: str, clock: Clock, batch: str) -> TelemetryWriter:
    return TelemetryWriter(store.create(line, batch).telemetry, clock)
