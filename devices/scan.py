"""Which serial ports this machine has, and who answers on them.

Every driver is tried in turn with its own line settings and its own first question, until one understands the answer.
A question of one instrument is noise to another, which is why drivers ask before they say anything else; tests show
that no question moves any emulated instrument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from serial.tools import list_ports

from devices import registry
from devices.line_file import InstrumentSpec
from devices.open_line import open_instrument
from devices.readings import Identity
from devices.transports import OTHER_SETTINGS, Transport
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, VesiflowError

BY_ID = Path("/dev/serial/by-id")
QUIET, MOST = 0.4, 50  # s without a byte before a question, and how many reads to wait for it


@dataclass(frozen=True, slots=True)
class Port:
    """A port by the address that a line file should use, and what its adapter says of itself."""

    at: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Scanned:
    """Who answered at a port, to which driver; or why it could not be opened (`error`)."""

    port: Port
    driver: str = ""
    identity: Identity | None = None
    error: VesiflowError | None = None


def serial_ports() -> list[Port]:
    """The serial ports of this machine, by their lasting name where the system keeps one."""
    names = {str(link.resolve()): str(link) for link in sorted(BY_ID.glob("*"))} if BY_ID.is_dir() else {}
    return [Port(names.get(found.device, found.device), _about(found)) for found in sorted(list_ports.comports())]


def _about(found: Any) -> str:
    usb = f"USB {found.vid:04X}:{found.pid:04X}" if found.vid is not None else ""
    parts = [found.description if found.description != "n/a" else "", usb, found.serial_number or ""]
    return " ".join(part for part in parts if part)


def askable(names: Sequence[str] = ()) -> list[str]:
    """Those drivers (of `names`, or all) that can ask over a serial line; ConfigError for an unknown one."""
    return [name for name in names or registry.names() if _can_ask(registry.load(name))]


def _can_ask(driver: Any) -> bool:
    asks_with = getattr(driver, "asks_with", {})
    if asks_with is None or getattr(driver, "speaks", "serial") != "serial":
        return False
    try:
        driver.options.model_validate(asks_with)
    except ValidationError:  # needs more than a scan knows
        return False
    return True


async def ask(port: Port, drivers: Sequence[str], clock: Clock) -> Scanned:
    """The first of `drivers` that understands who is at `port`; an actor of `clock` must call this."""
    for name in drivers:
        try:
            identity = await _asked(port, name, clock)
        except ConfigError as error:
            if error.reason == OTHER_SETTINGS:
                continue
            return Scanned(port, error=error)
        except VesiflowError:
            continue
        if identity is not None:
            return Scanned(port, name, identity)
    return Scanned(port)


async def _asked(port: Port, name: str, clock: Clock) -> Identity | None:
    """Who answers this driver; None when the driver takes silence for an answer."""
    driver = registry.load(name)
    options = driver.options.model_validate(getattr(driver, "asks_with", {}))
    ears: list[_Ear] = []

    def wrap(transport: Transport, clock: Clock) -> Transport:
        ears.append(_Ear(transport))
        return ears[0]

    spec = InstrumentSpec(port.at, name, driver, port.at, options, driver.settings)
    instrument = await open_instrument(spec, clock, wrap)
    await instrument.close()
    return instrument.identity if any(ear.heard for ear in ears) else None


class _Ear:
    """A transport that knows whether anything came. It ends what an earlier question has left half said, the way its
    own questions end."""

    def __init__(self, inner: Transport) -> None:
        self.url, self.blocks, self.heard = inner.url, inner.blocks, False
        self._inner, self._fresh = inner, False
        self.discard_input, self.reopen, self.close = inner.discard_input, inner.reopen, inner.close

    @property
    def lost(self) -> bool:
        return self._inner.lost

    async def write(self, data: bytes) -> None:
        if not self._fresh:
            self._fresh = True
            await self._inner.write(data[len(data.rstrip(b"\r\n")) :])
            for _ in range(MOST):
                if not await self._inner.read(QUIET):
                    break
        await self._inner.write(data)

    async def read(self, patience: float) -> bytes:
        data = await self._inner.read(patience)
        self.heard = self.heard or bool(data)
        return data
