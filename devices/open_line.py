"""Opens a line: every port in parallel, every instrument identified, every role bound to an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from devices.http_link import HttpLink, open_http
from devices.line_file import NO_PORT, InstrumentSpec, LineFile
from devices.link import Link
from devices.readings import Identity
from devices.transports import Transport, open_transport
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, VesiflowError

Wrap = Callable[[Transport, Clock], Transport]
"""Goes around a transport, to record what passes."""


@runtime_checkable
class Closing(Protocol):
    """A driver that holds more than its link: a robot's own port, threads."""

    async def close(self) -> None: ...


@dataclass
class OpenInstrument:
    """An instrument that answered: its driver, its link (None without a port) and who it is."""

    spec: InstrumentSpec
    driver: Any
    link: Link | HttpLink | None
    identity: Identity

    async def close(self) -> None:
        """Let the driver go, where it holds something of its own, and release the port."""
        if isinstance(self.driver, Closing):
            await self.driver.close()
        if self.link is not None:
            await self.link.transport.close()


@dataclass
class OpenLine:
    """A line with all instruments open; `roles` maps "tff.feed_pump" to an object with that capability."""

    file: LineFile
    clock: Clock
    instruments: Mapping[str, OpenInstrument]
    roles: Mapping[str, Any]

    async def close(self) -> None:
        """Release all ports."""
        for instrument in self.instruments.values():
            await instrument.close()


async def open_line(line: LineFile, clock: Clock, guard: AbstractContextManager[None] | None = None) -> OpenLine:
    """Open and identify everything on `line`; an actor of `clock` must call this.

    `guard` is held around every write to an instrument.
    Raises the first error after all have been tried and closes what was opened.
    """
    tasks = {
        spec.name: clock.spawn(open_instrument(spec, clock, guard=guard), f"open {spec.name}")
        for spec in line.instruments.values()
    }
    opened: dict[str, OpenInstrument] = {}
    errors: list[VesiflowError] = []
    for name, task in tasks.items():
        try:
            opened[name] = await clock.join(task)
        except VesiflowError as error:
            errors.append(error)
    try:
        if errors:
            raise errors[0]
        roles = {
            role: opened[spec.instrument].driver.role(spec.capability, **spec.options)
            for role, spec in line.roles.items()
        }
    except BaseException:
        for instrument in opened.values():
            await instrument.close()
        raise
    return OpenLine(line, clock, opened, roles)


async def open_instrument(
    spec: InstrumentSpec,
    clock: Clock,
    wrap: Wrap | None = None,
    guard: AbstractContextManager[None] | None = None,
) -> OpenInstrument:
    """Open one port and ask who is there; ConfigError or a link error with the instrument's name.

    `wrap` goes around the transport of an instrument that has a port, `guard` is held around every write to it.
    """
    if spec.at in NO_PORT:
        driver = spec.driver(None, clock, spec.options)
        return OpenInstrument(spec, driver, None, await driver.connect())
    try:
        link = await _open_link(spec, clock, wrap, guard or nullcontext())
    except ConfigError as error:
        raise ConfigError(
            error.reason, device=spec.name, action=f"open {spec.at}", value=error.value, bounds=error.bounds,
            remedy=error.remedy,
        ) from error  # fmt: skip
    try:
        driver = spec.driver(link, clock, spec.options)
        identity = await driver.connect()
        _expect_serial_number(spec, identity)
    except BaseException:
        await link.transport.close()
        raise
    return OpenInstrument(spec, driver, link, identity)


async def _open_link(
    spec: InstrumentSpec, clock: Clock, wrap: Wrap | None, guard: AbstractContextManager[None]
) -> Link | HttpLink:
    """Bytes for most drivers; HTTP for one that says so by `speaks`."""
    if getattr(spec.driver, "speaks", "serial") == "http":
        return await open_http(spec.at, spec.name, clock, tuple(getattr(spec.options, "hosts", ())), guard)
    transport = await open_transport(spec.at, spec.settings, clock)
    return Link(wrap(transport, clock) if wrap else transport, clock, spec.name, guard=guard)


def _expect_serial_number(spec: InstrumentSpec, identity: Identity) -> None:
    expected = getattr(spec.options, "serial_number", None)
    if expected and expected != identity.serial_number:
        raise BadReply(
            "another instrument answers",
            device=spec.name,
            action="identify",
            value=identity.serial_number,
            bounds=expected,
            remedy="check cables, or mend serial_number in the line file",
        )
