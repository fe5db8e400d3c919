"""How bytes get to an instrument: pyserial, always through `serial_for_url`.

`/dev/ttyUSB0`, `socket://host:port`, `rfc2217://...` and `sim://...` (a plug-in found by pyserial) are the same here.
A port that blocks gets one worker thread of its own, with time-outs inside pyserial; a port that says
`blocks = False` (the simulated line) is read inline and waits on the injected clock, hence deterministic.

A port that fails (pulled adapter, closed socket) is `lost` until `reopen` has opened it again; the link does that
before its next command and then makes sure that the same instrument answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import serial

from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, NoReply, NotSent, VesiflowError

try:
    from termios import error as _TerminalError
except ImportError:  # not on Windows
    _TerminalError = OSError  # type: ignore[assignment,misc]

T = TypeVar("T")
SIM_HANDLERS = "sim.wire"
WRITE_LIMIT = 2.0  # s until all bytes have left the host
PSEUDO = "/dev/pts/"  # has no line: the kernel keeps 8N1, and newer systems refuse anything else
OTHER_SETTINGS = "the port does not take these line settings"
_POLL = 0.05
_WRITE_POLL = 0.005  # s
_CHUNK = 4096
PORT_ERRORS = (serial.SerialException, OSError, _TerminalError)


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
    """Raw bytes. `read` waits up to `patience` s for the first byte and returns b"" when none came; the seconds are
    real ones where the port blocks, else the clock's.

    `lost` says that the port failed: nothing goes through until `reopen`, which raises NotSent while it is away.
    """

    url: str
    blocks: bool

    @property
    def lost(self) -> bool: ...

    async def write(self, data: bytes) -> None: ...
    async def read(self, patience: float) -> bytes: ...
    async def discard_input(self) -> bytes: ...
    async def reopen(self) -> None: ...
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
        transport = ThreadTransport(url, port, clock)
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
            write_timeout=WRITE_LIMIT,
        )
    except (ValueError, *PORT_ERRORS) as error:  # an unknown scheme; hwgrep:// that finds nothing
        raise ConfigError(str(error), device=url, action="open", remedy="check `at:` in the line file") from error


def _open(url: str, port: Any) -> None:
    if url.startswith("/") and os.path.realpath(url).startswith(PSEUDO):
        port.bytesize, port.parity, port.stopbits, port.rtscts = 8, "N", 1, False
    try:
        port.open()
        if hasattr(port, "exclusive") and url.startswith("/"):
            port.exclusive = True
    except (*PORT_ERRORS, ValueError) as error:
        _shut(port)
        raise ConfigError(_cause(error), device=url, action="open", remedy=_remedy(error)) from error


def _shut(port: Any) -> None:
    """Close a port that may be half open or gone."""
    with contextlib.suppress(*PORT_ERRORS):
        port.close()


def _away(url: str, error: ConfigError) -> NotSent:
    """What opening again says while the port is not back."""
    return NotSent(f"the port is lost: {error.reason}", device=url, action="reopen", remedy=error.remedy)


_CAUSES = (
    ("No such file", "the port does not exist"),
    ("No such device", "the port does not exist"),
    ("Permission denied", "no permission to open the port"),
    ("exclusively lock", "the port is in use by another process"),
    ("resource busy", "the port is in use by another process"),
    ("Invalid argument", OTHER_SETTINGS),
    ("Inappropriate ioctl", "this is no serial port"),
    ("Is a directory", "this is no serial port"),
    ("Connection refused", "nothing listens there"),
    ("timed out", "no answer from the host"),
    ("No route to host", "the host cannot be reached"),
    ("Network is unreachable", "the host cannot be reached"),
    ("Name or service not known", "there is no host of this name"),
    ("name resolution", "there is no host of this name"),
    ("NoneType", "the address has no port number"),
)
"""What operating system and pyserial say, and what a technician reads."""


def _cause(error: Exception) -> str:
    text = str(error)
    return next((cause for sign, cause in _CAUSES if sign in text), text)


def _remedy(error: Exception) -> str:
    cause = _cause(error)
    if "permission" in cause:
        return "add the user to the group that owns the port (dialout)"
    if "in use" in cause:
        return "stop the other program (another line controller?)"
    if "no port number" in cause:
        return "write it like socket://10.0.0.21:4001"
    return "check cable, power and `at:` in the line file; `vesiflow line scan` lists ports"


class InlineTransport:
    """A port that never blocks: bytes become readable at a time of the injected clock."""

    blocks = False

    def __init__(self, url: str, port: Any, clock: Clock) -> None:
        self.url = url
        self.lost = False
        self._port = port
        self._clock = clock

    async def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except PORT_ERRORS as error:
            raise self._failed(NotSent, error, "write") from error

    async def read(self, patience: float) -> bytes:
        deadline = self._clock.now() + patience
        while True:
            left = deadline - self._clock.now()  # before the look: time may pass during it, and what came then counts
            try:
                data: bytes = self._port.read(self._port.in_waiting)
                due = self._port.due_in()
            except PORT_ERRORS as error:
                raise self._failed(NoReply, error, "read") from error
            if data or left <= 0:
                return data
            await self._clock.sleep(left if due is None else min(max(due, 1e-6), left))

    async def discard_input(self) -> bytes:
        try:
            data: bytes = self._port.read(self._port.in_waiting)
        except PORT_ERRORS as error:
            raise self._failed(NotSent, error, "flush") from error
        return data

    async def reopen(self) -> None:
        _shut(self._port)
        try:
            _open(self.url, self._port)
        except ConfigError as error:
            raise _away(self.url, error) from error
        self.lost = False

    async def close(self) -> None:
        _shut(self._port)

    def _failed(self, kind: type[VesiflowError], error: Exception, action: str) -> VesiflowError:
        self.lost = True
        return _failure(self.url, kind, error, action)


def _failure(url: str, kind: type[VesiflowError], error: Exception, action: str) -> VesiflowError:
    return kind(str(error), device=url, action=action, remedy="check cable and power of instrument and adapter")


class ThreadTransport:
    """A real port, owned by one worker thread; a read is never cancelled, only left to time out inside pyserial."""

    blocks = True

    def __init__(self, url: str, port: Any, clock: Clock) -> None:
        self.url = url
        self.lost = False
        self._port = port
        self._clock = clock
        self._closed = False
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"port {url}")

    async def open(self) -> None:
        try:
            await self._run(lambda: _open(self.url, self._port))
        except BaseException as error:
            self._worker.shutdown(wait=isinstance(error, ConfigError))  # cancelled: it may still be opening
            raise

    async def write(self, data: bytes) -> None:
        """All of `data`; NoReply when the instrument does not take it within `WRITE_LIMIT` (RTS/CTS, full buffer).

        pyserial's flush waits without limit for a CTS that never comes, hence the look at `out_waiting`.
        """
        try:
            await self._run(lambda: self._port.write(data))
            deadline = self._clock.now() + WRITE_LIMIT * self._clock.speed
            while await self._run(lambda: getattr(self._port, "out_waiting", 0)):
                if self._clock.now() >= deadline:
                    raise serial.SerialTimeoutException
                await self._clock.sleep(_WRITE_POLL)
        except serial.SerialTimeoutException as error:
            await self._forget_output()
            raise NoReply(
                "the instrument does not take data", device=self.url, action="write", remedy="check flow control"
            ) from error
        except PORT_ERRORS as error:
            raise self._failed(NotSent, error, "write") from error

    async def read(self, patience: float) -> bytes:
        def work() -> bytes:
            self._port.timeout = patience
            first: bytes = self._port.read(1)
            if not first:
                return b""
            self._port.timeout = 0
            return first + bytes(self._port.read(_CHUNK))  # a socket port never tells how much is waiting

        try:
            return await self._run(work)
        except PORT_ERRORS as error:
            raise self._failed(NoReply, error, "read") from error

    async def discard_input(self) -> bytes:
        def work() -> bytes:
            self._port.timeout = 0
            return bytes(self._port.read(65536))

        try:
            return await self._run(work)
        except PORT_ERRORS as error:
            raise self._failed(NotSent, error, "flush") from error

    async def reopen(self) -> None:
        def work() -> None:
            _shut(self._port)
            _open(self.url, self._port)

        try:
            await self._run(work)
        except ConfigError as error:
            raise _away(self.url, error) from error
        self.lost = False

    async def close(self) -> None:
        """Release port and thread; again changes nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._run(lambda: _shut(self._port))
        finally:
            self._worker.shutdown(wait=True)

    async def _forget_output(self) -> None:
        """A command that was not taken must not leave later by itself."""
        with contextlib.suppress(*PORT_ERRORS, AttributeError):
            await self._run(self._port.reset_output_buffer)

    def _failed(self, kind: type[VesiflowError], error: Exception, action: str) -> VesiflowError:
        self.lost = True
        return _failure(self.url, kind, error, action)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)
