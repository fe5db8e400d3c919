"""Asks every instrument of a line who it is; nothing moves. One that does not answer hides none of the others."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from devices.line_file import InstrumentSpec, LineFile
from devices.open_line import OpenInstrument, open_instrument
from devices.readings import Identity
from line.host import World, make_world
from line.ownership import owned
from records.store import Store
from sim import bench
from vesiflow.errors import VesiflowError


@dataclass(frozen=True)
class Found:
    """What an instrument answered: its identity, or why it has none (`error`); `roles` it gives on this line."""

    spec: InstrumentSpec
    roles: tuple[str, ...]
    identity: Identity | None
    error: VesiflowError | None = None

    @property
    def answers(self) -> bool:
        """Whether it is there and can give its roles."""
        return self.error is None


async def findings(line: LineFile, store: Store | None = None) -> list[Found]:
    """Every instrument of `line`, all opened in parallel, in the order of the line file.

    With `store` the line is owned meanwhile when it has real ports: Refused while another process owns it.
    """
    world = make_world(line)
    real = any(not spec.at.startswith("sim://") for spec in line.instruments.values())
    with (
        owned(store.line(line.name), line.name) if store is not None and real else nullcontext(),
        bench.using(world.simulated.bench) if world.simulated else nullcontext(),
    ):
        tasks = [world.clock.spawn(_look(line, spec, world), spec.name) for spec in line.instruments.values()]
        return [await task for task in tasks]


async def identities(line: LineFile) -> list[dict[str, str]]:
    """One row per instrument: name, driver, address, model, serial number, firmware. Raises the first error."""
    found = await findings(line)
    for item in found:
        if item.error is not None:
            raise item.error
    return [_row(item.spec, item.identity) for item in found if item.identity is not None]


async def _look(line: LineFile, spec: InstrumentSpec, world: World) -> Found:
    roles = tuple(role for role, item in line.roles.items() if item.instrument == spec.name)
    try:
        instrument = await open_instrument(spec, world.clock)
    except VesiflowError as error:
        return Found(spec, roles, None, error)
    try:
        _give(line, instrument, roles)
    except VesiflowError as error:
        return Found(spec, roles, instrument.identity, error)
    finally:
        await instrument.close()
    return Found(spec, roles, instrument.identity)


def _give(line: LineFile, instrument: OpenInstrument, roles: tuple[str, ...]) -> None:
    for role in roles:
        instrument.driver.role(line.roles[role].capability, **line.roles[role].options)


def _row(spec: InstrumentSpec, identity: Identity) -> dict[str, str]:
    return {
        "instrument": spec.name,
        "driver": spec.driver_name,
        "at": spec.at,
        "model": identity.model,
        "serial number": identity.serial_number or "-",
        "firmware": identity.firmware or "-",
    }
