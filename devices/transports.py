"""How bytes get to an instrument: pyserial, always through `serial_for_url`.

`/dev/ttyUSB0`, `socket://host:port`, `rfc2217://...` and `sim://...` (a plug-in found by pyserial) are the same here.
A port that blocks gets one worker thread of its own, with time-outs inside pyserial; a port that says
`blocks = False` (the simulated line) is read inline and waits on the injected clock, hence deterministic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import serial

from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, NoReply, NotSent

T = TypeVar("T")
SIM_HANDLERS = "sim.wire"
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """Line settings of an instrument; a driver's default, asserted in tests since a pty cannot show them."""

    baudrate: int = 9600
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1
    rtscts: bool = False
    xonxoff: bool = False

    def __str__(self) -> str:
        flow = " RTS/CTS" if self.rtscts else " XON/XOFF" if self.xonxoff else ""
        return f"{self.baudrate} {self.bytesize}{self.parity}{self.stopbits:g}{flow}"


class Transport(Protocol):
    """Raw bytes. `read` waits up to `patience` s for the first byte and returns b"" when none came."""

    url: str
    blocks: bool

    async def write(self, data: bytes) -> None: ...
    async def read(self, patience: float) -> bytes: ...
    async def discard_input(self) -> bytes: ...
    async def close(self) -> None: ...


def register_handlers() -> None:
    """Let pyserial find `sim://`; the package is only named here, never imported."""
    if SIM_HANDLERS not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(SIM_HANDLERS)


async def open_transport(url: str, settings: SerialSettings, clock: Clock) -> Transport:
    """Open `url`; ConfigError with cause and remedy when the port is missing, in use or forbidden."""
    register_handlers()
    port = _make(url, settings)
    if getattr(port, "blocks", True):
        if clock.virtual:
            raise ConfigError(
                "a real port cannot run on virtual time",
                device=url,
                action="open",
                remedy="set `clock: wall` in the line file",
            )
        transport = ThreadTransport(url, port)
        await transport.open()
        return transport
    _open(url, port)
    return InlineTransport(url, port, clock)


def _make(url: str, settings: SerialSettings) -> Any:
    try:
        return serial.serial_for_url(
            url,
            do_not_open=True,
            baudrate=settings.baudrate,
            bytesize=settings.bytesize,
            parity=settings.parity,
            stopbits=settings.stopbits,
            rtscts=settings.rtscts,
            xonxoff=settings.xonxoff,
            timeout=_POLL,
            write_timeout=2.0,
        )
    except ValueError as error:
        raise ConfigError(str(error), device=url, action="open", remedy="check `at:` in the line file") from error


def _open(url: str, port: Any) -> None:
    try:
        port.open()
        if hasattr(port, "exclusive") and url.startswith("/"):
            port.exclusive = True
    except serial.SerialException as error:
        raise ConfigError(_cause(error), device=url, action="open", remedy=_remedy(error)) from error


def _cause(error: serial.SerialException) -> str:
    text = str(error)
    for sign, cause in (
        ("No such file", "the port does not exist"),
        ("Permission denied", "no permission to open the port"),
        ("exclusively lock", "the port is in use by another process"),
        ("Connection refused", "nothing listens there"),
        ("timed out", "no answer from the host"),
    ):
        if sign in text:
            return cause
    return text


def _remedy(error: serial.SerialException) -> str:
    text = str(error)
    if "Permission" in text:
        return "add the user to the group that owns the port (dialout)"
    if "lock" in text:
        return "stop the other program (another line controller?)"
    return "check cable, power and `at:` in the line file; `vesiflow line scan` lists ports"


class InlineTransport:
    """A port that never blocks: bytes become readable at a time of the injected clock."""

    blocks = False

    def __init__(self, url: str, port: Any, clock: Clock) -> None:
        self.url = url
        self._port = port
        self._clock = clock

    async def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except serial.SerialException as error:
            raise NotSent(str(error), device=self.url, action="write", remedy="check cable and power") from error

    async def read(self, patience: float) -> bytes:
        deadline = self._clock.now() + patience
        while True:
            try:
                data: bytes = self._port.read(self._port.in_waiting)
            except serial.SerialException as error:
                raise NoReply(str(error), device=self.url, action="read", remedy="check cable and power") from error
            left = deadline - self._clock.now()
            if data or left <= 0:
                return data
            due = self._port.due_in()
            await self._clock.sleep(left if due is None else min(max(due, 1e-6), left))

    async def discard_input(self) -> bytes:
        data: bytes = self._port.read(self._port.in_waiting)
        return data

    async def close(self) -> None:
        self._port.close()


class ThreadTransport:
    """A real port, owned by one worker thread; a read is never cancelled, only left to time out inside pyserial."""

    blocks = True

    def __init__(self, url: str, port: Any) -> None:
        self.url = url
        self._port = port
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"port {url}")

    async def open(self) -> None:
        try:
            await self._run(lambda: _open(self.url, self._port))
        except BaseException:
            self._worker.shutdown(wait=False)
            raise

    async def write(self, data: bytes) -> None:
        def work() -> None:
            self._port.write(data)
            self._port.flush()

        try:
            await self._run(work)
        except serial.SerialTimeoutException as error:
            raise NoReply(
                "the instrument does not take data",
                device=self.url,
                action="write",
                remedy="check flow control",
            ) from error
        except (serial.SerialException, OSError) as error:
            raise NotSent(str(error), device=self.url, action="write", remedy="check cable and power") from error

    async def read(self, patience: float) -> bytes:
        def work() -> bytes:
            self._port.timeout = patience
            first: bytes = self._port.read(1)
            if not first:
                return b""
            self._port.timeout = 0
            return first + bytes(self._port.read(self._port.in_waiting or 4096))

        try:
            return await self._run(work)
        except (serial.SerialException, OSError) as error:
            raise NoReply(str(error), device=self.url, action="read", remedy="check cable and power") from error

    async def discard_input(self) -> bytes:
        def work() -> bytes:
            self._port.timeout = 0
            return bytes(self._port.read(65536))

        return await self._run(work)

    async def close(self) -> None:
        await self._run(self._port.close)
        self._worker.shutdown(wait=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)
