"""PyLabRobot's own backends of small instruments, with their port and their waiting replaced by ours.

The command sequences are PyLabRobot's (0.2.2); its `io.Serial` takes no URLs, never re-identifies and waits in real
time, so the bytes go through our `Link` and every pause through the clock. State read-back is added by the drivers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from pylabrobot.barcode_scanners.backend import BarcodeScannerBackend, BarcodeScannerError
from pylabrobot.barcode_scanners.keyence import KeyenceBarcodeScannerBackend
from pylabrobot.heating_shaking.backend import HeaterShakerBackend
from pylabrobot.heating_shaking.bioshake_backend import BioShake as PlrBioShake

from devices.link import Conversation, Link, until
from devices.strict import ascii_text, shown
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault

SHAKER_LIMIT = 2.0  # s, PyLabRobot's
HOME_LIMIT = 6.0  # s; homing takes up to 5 s
RESET_LIMIT = 30.0  # s
AFTER_STOP = 3.0  # s, before the clamp may move
AFTER_RESET = 4.0  # s, before the next command
NO_TEXT = bytes(range(128)) + 128 * b"\x1a"  # bytes that PyLabRobot cannot decode become SUB, which no code contains
SCANNER_PATIENCE = 1.0  # s, as long as PyLabRobot's port


def decode_shaker(reply: bytes, command: str) -> str | None:
    """None for `ok`, else the value; DeviceFault for `e` and for an unknown command; BadReply for a line of another."""
    text = ascii_text(reply).strip()
    if text == "e" or text.startswith("e "):
        raise DeviceFault("answers e", action=command, remedy="check clamp, limits and the error list")
    if text.startswith("u ->"):
        raise DeviceFault(f"does not know {shown(text[4:].strip())}", action=command, remedy="check the model")
    done = text.lower() == "ok"
    if not text or done == command.startswith("get"):
        raise BadReply("not an answer to this command", action=command, value=shown(text), remedy="check the driver")
    return None if done else text


@contextmanager
def by_pylabrobot() -> Iterator[None]:
    """PyLabRobot asserts on what the instrument says: a damaged answer must end as BadReply, not as that."""
    try:
        yield
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise BadReply("PyLabRobot cannot go on", value=shown(str(error)), remedy="read the state, then try") from error


class LinkedBioShake(PlrBioShake):  # type: ignore[misc]
    """PyLabRobot's BioShake over a link."""

    def __init__(self, link: Link, clock: Clock) -> None:
        HeaterShakerBackend.__init__(self)
        self._link = link
        self._clock = clock

    async def _send_command(self, cmd: str, delay: float = 0.5, timeout: float = SHAKER_LIMIT) -> str | None:
        """One command and its line; `delay`, a fixed wait in PyLabRobot, only lengthens the limit here."""
        if not cmd.isascii() or not cmd.isalnum() or len(cmd) > 40:
            raise ConfigError("no such command", value=repr(cmd)[:60], remedy="letters and digits only")

        def ours(reply: bytes) -> bool:
            try:
                decode_shaker(reply, cmd)
            except BadReply:
                return False
            except DeviceFault:
                return True
            return True

        limit = HOME_LIMIT if cmd == "shakeGoHome" else timeout
        reply = await self._link.query(
            cmd.encode("ascii") + b"\r", until(b"\n"), accept=ours, timeout=limit, action=cmd
        )
        return decode_shaker(reply, cmd)

    async def ask(self, command: str) -> str | None:
        """As `_send_command`, for the read-backs that PyLabRobot does not do."""
        return await self._send_command(command)

    async def stop_shaking(self, deceleration: int = 0) -> None:
        """PyLabRobot's order of commands; its fixed pause on the clock."""
        await self._send_command(f"setShakeAcceleration{deceleration:d}")
        await self._send_command("shakeOff")
        await self._clock.sleep(AFTER_STOP)

    async def reset(self) -> None:
        """`resetDevice`: text until "Initialization complete", then a pause. Moves the plate."""

        def complete(data: bytes) -> int | None:
            at = data.find(b"Initialization complete")
            end = data.find(b"\n", at) if at >= 0 else -1
            return end + 1 if end >= 0 else None

        await self._link.query(b"resetDevice\r", complete, timeout=RESET_LIMIT, action="resetDevice")
        await self._clock.sleep(AFTER_RESET)


def exact_tenths(temperature: float) -> float:
    """The float next to `temperature` whose tenfold is exactly an integer, as PyLabRobot demands."""
    rounded = round(temperature, 1)
    for candidate in (rounded, math.nextafter(rounded, 0.0), math.nextafter(rounded, math.inf)):
        if (candidate * 10).is_integer():
            return candidate
    raise ConfigError("temperature cannot be sent", value=temperature, remedy="use tenths of a degree")


class TurnIo:
    """What PyLabRobot calls its port: one turn of our link. Silence is an empty read and does not spoil the link."""

    def __init__(self, turn: Conversation) -> None:
        self._turn = turn
        self._buffer = b""

    async def write(self, data: bytes) -> None:
        """A new command: what is left of an earlier reply is not its answer."""
        self._buffer = b""
        await self._turn.write(data)

    async def read(self, num_bytes: int = 1) -> bytes:
        """The next bytes, b"" after a second of silence."""
        if not self._buffer:
            self._buffer = await self._turn.link.transport.read(SCANNER_PATIENCE)
        data, self._buffer = self._buffer[:num_bytes], self._buffer[num_bytes:]
        return data.translate(NO_TEXT)


class LinkedKeyence(KeyenceBarcodeScannerBackend):  # type: ignore[misc]
    """PyLabRobot's Keyence reader over one turn of a link."""

    def __init__(self, turn: Conversation) -> None:
        BarcodeScannerBackend.__init__(self)
        self.io = TurnIo(turn)

    async def scan(self) -> str:
        """The code in front of the reader, "" when it says nothing; DeviceFault for its error replies."""
        try:
            return str((await self.scan_barcode()).data)
        except BarcodeScannerError as error:
            raise DeviceFault(shown(str(error)), remedy="check reader and label") from error

    async def motor(self) -> str:
        """MOTORON, MOTOROFF or "" for silence."""
        return str(await self.send_command("RMOTOR"))
