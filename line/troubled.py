"""A simulated line on which faults happen: hosted as ever, with a director behind every wire of its bench."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from devices.line_file import LineFile
from line import host_faults
from line.host import Host, hosted, make_world
from records.store import Store
from sim.faults.director import Director, attach
from sim.faults.model import Fault
from sim.plant import Plant
from vesiflow.errors import ConfigError


@dataclass(frozen=True)
class Scene:
    """The plant and who makes things go wrong on it, before the line is opened."""

    plant: Plant
    director: Director


@dataclass(frozen=True)
class Troubled:
    """A hosted line with its faults."""

    host: Host
    scene: Scene


@asynccontextmanager
async def troubled(
    line: LineFile, store: Store, faults: Sequence[Fault], seed: int, watch: Callable[[Scene], None] | None = None
) -> AsyncIterator[Troubled]:
    """The controller of `line` in this process, `faults` at their moments; what lasts is undone at the end.

    `watch` is given the scene before the line is opened. ConfigError when the line is not simulated, or when a fault
    names what it has not.
    """
    world = make_world(line, seed)
    if world.simulated is None:
        raise ConfigError("faults need a simulated line", device=line.name, remedy="use line sim")
    plant = world.simulated.plant
    director = attach(world.simulated.bench, plant, faults, seed)
    scene = Scene(plant, director)
    if watch is not None:
        watch(scene)
    try:
        async with hosted(line, store, seed=seed, world=world) as host:
            director.phase = lambda: _phase(host)
            director.host.update(host_faults.injectors(host))
            try:
                yield Troubled(host, scene)
                director.look()
            finally:
                director.end()
    finally:
        director.end()


def _phase(host: Host) -> str:
    """Kind of the phase that runs, "" when none does."""
    runs = [batch.run for batch in host.controller.batches.values() if batch.run is not None]
    return runs[0].phase.kind if runs else ""
