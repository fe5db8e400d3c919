"""JULABO circulators (FP50/CF/HL/MAGIO/CORIO): shelf of the freeze-dryer.

Source: JULABO manuals SC2500, SL-26 (p. 82), CF40 (p. 29), F38-ME (p. 63), CORIO CD (pp. 39, 64), MAGIO MS.
Text commands in upper case, CR; IN, STATUS and VERSION answer one line, OUT answers **nothing**: every OUT is followed
by 250 ms, STATUS, and a read-back. Unconfirmed: lower case per model, watchdog default, decimals per model
(option), how an external sensor that is not plugged in reads (dashes are taken for it).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Conversation, Link, until
from devices.readings import CirculatorState, Identity, Quality, Reading, bad
from devices.strict import about, ascii_text, check_role, fixed, integer, number, parses, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, DeviceFault
from vesiflow.quantities import Temperature, inside

PAUSE_AFTER_OUT = 0.25  # s, every manual
PAUSE_AFTER_IN = 0.01  # s
REPLY_LIMIT = 1.0  # s, none is stated by JULABO

READS = {
    "version": "VERSION",
    "status": "STATUS",
    "bath": "IN_PV_00",
    "heater": "IN_PV_01",
    "external": "IN_PV_02",
    "safety": "IN_PV_03",
    "excess": "IN_PV_04",
    "setpoint": "IN_SP_00",
    "high_warning": "IN_SP_03",
    "low_warning": "IN_SP_04",
    "pump_stage": "IN_SP_07",
    "mode": "IN_MODE_05",
}
SETS = {
    "setpoint": "OUT_SP_00",
    "high_warning": "OUT_SP_03",
    "low_warning": "OUT_SP_04",
    "pump_stage": "OUT_SP_07",
    "mode": "OUT_MODE_05",
}
COMMAND_ERRORS = range(-13, -7)  # -08 .. -13: a command was refused; reading STATUS clears them


@dataclass(frozen=True, slots=True)
class Status:
    """A STATUS line: its code and words. Negative codes are command errors or alarms."""

    code: int
    text: str

    @property
    def is_state(self) -> bool:
        return self.code >= 0

    @property
    def is_command_error(self) -> bool:
        return self.code in COMMAND_ERRORS


def encode_read(what: str, address: int | None = None) -> bytes:
    """The request for `what`, a key of READS."""
    return _addressed(READS[what], address)


def encode_set(what: str, value: float, decimals: int = 2, address: int | None = None) -> bytes:
    """The setting of `what`, a key of SETS; temperatures in degC, pump stage and mode as integers."""
    text = fixed(value, 0 if what in ("pump_stage", "mode") else decimals, -999.0, 999.0, unit="")
    return _addressed(f"{SETS[what]} {text}", address)


def _addressed(text: str, address: int | None) -> bytes:
    return (f"{prefix(address)}{text}\r").encode("ascii")


def prefix(address: int | None) -> str:
    """The RS-485 prefix of requests and replies, empty on RS-232 and USB."""
    return "" if address is None else f"A0{address:02d}_"


def decode_line(reply: bytes, address: int | None = None) -> str:
    """The text of a reply line without address, line ends and XON/XOFF; BadReply for a foreign address."""
    text = ascii_text(reply.translate(None, b"\x11\x13")).strip()
    start = prefix(address)
    if not text.startswith(start):
        raise BadReply("reply of another address", value=shown(text), bounds=start, remedy="check `address`")
    return text[len(start) :]


def decode_status(text: str) -> Status:
    """`03 REMOTE START` or `-11 VALUE TOO LARGE`; BadReply for anything else."""
    match = re.fullmatch(r"(-?\d{1,4})\s+(\S.*)", text, re.ASCII)
    if not match:
        raise BadReply("not a status line", value=shown(text), remedy="check baud rate and parity")
    return Status(int(match[1]), match[2])


def decode_mode(text: str) -> float:
    """IN_MODE_05: 0 stopped, 1 running."""
    if text not in ("0", "1"):
        raise BadReply("not a mode", value=shown(text), bounds="0, 1", remedy="check the driver")
    return integer(text)


def decode_temperature(text: str) -> float | None:
    """A temperature, degC; None for the dashes of a sensor that is not plugged in."""
    return None if re.fullmatch(r"-[-.]*-", text, re.ASCII) else number(text)


def decode_version(text: str) -> Identity:
    """`JULABO CRYOCOMPACT CF31 VERSION 5.0` as model and firmware."""
    match = re.fullmatch(r"(?:JULABO\s+)?(.*?)(?:\s+VERSION\s+(.*))?", text, re.ASCII | re.IGNORECASE)
    if not match or not match[1] or not re.search(r"[A-Za-z]{2}", text) or re.match(r"-?\d+\s", text):
        raise BadReply("not a version line", value=shown(text), remedy="check driver and port")
    return Identity("JULABO", match[1].strip(), firmware=(match[2] or "").strip())


class JulaboOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys. `low`/`high` are refused outside before any byte; `sensor` is the measured temperature."""

    address: int | None = Field(default=None, ge=1, le=99, description="RS-485 address; none on RS-232 and USB")
    decimals: Literal[1, 2] = 2
    sensor: Literal["bath", "external"] = "bath"
    low: Temperature = Field(default="-95 degC", validate_default=True)
    high: Temperature = Field(default="200 degC", validate_default=True)


class Julabo:
    """One circulator. Repeating any method is safe: every OUT is an absolute value and is read back."""

    settings: ClassVar[SerialSettings] = SerialSettings(4800, 7, "E", rtscts=True)
    options: ClassVar[type[BaseModel]] = JulaboOptions
    provides: ClassVar[tuple[str, ...]] = ("circulator", "thermometer")
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("JULABO", "CORIO, DYNEO, MAGIO, FP", "SC2500, SL-26, CF40, CORIO CD")

    def __init__(self, link: Link, clock: Clock, options: JulaboOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or JulaboOptions()
        link.gap = max(link.gap, PAUSE_AFTER_IN)

    async def connect(self) -> Identity:
        """Ask who is there and clear the command error that STATUS may still hold."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        await self.read_status()
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> Julabo:
        """The circulator itself, as circulator or thermometer."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(
        Kind.SETPOINT,
        evidence="read_circulator",
        judge=reads_back(lambda post, temperature: abs(post.setpoint - temperature) < 0.051),
    )
    async def set_temperature(self, temperature: float) -> None:
        """Set the working set-point, degC; returns when IN_SP_00 shows it within the unit's resolution."""
        with about(self._link.name, "set temperature"):
            low, high = inside(self._options.low, "degC"), inside(self._options.high, "degC")
            sent = number(fixed(temperature, self._options.decimals, low, high, unit="degC"))
            await self._out("setpoint", sent)
            await self._verify("setpoint", sent, 0.51 * 10.0**-self._options.decimals)

    @command(Kind.SETPOINT, evidence="read_circulator", judge=reads_back(lambda post: bool(post.running)))
    async def start(self) -> None:
        """Circulate and control; returns when IN_MODE_05 says so."""
        await self._switch(1)

    @command(Kind.SETPOINT, evidence="read_circulator", judge=reads_back(lambda post: not post.running), safe=True)
    async def stop(self) -> None:
        """Stop circulation and control; returns when IN_MODE_05 says so."""
        await self._switch(0)

    @read
    async def read_circulator(self) -> CirculatorState:
        """Temperature and set-point in degC and whether it runs; DeviceFault with the alarm's text."""
        with about(self._link.name, "read circulator"):
            status = await self.read_status()
            if not status.is_state:
                raise DeviceFault(
                    f"alarm {status.code:03d} {status.text}", remedy="look at the circulator, then acknowledge there"
                )
            temperature = await self.read_temperature()
            setpoint = await self._value("setpoint")
            return CirculatorState(temperature, setpoint, await self._running())

    @read
    async def read_temperature(self) -> Reading:
        """The temperature of the chosen sensor, degC; no number while it is not plugged in."""
        text = await self._ask(self._options.sensor, decode_temperature)
        value, at = decode_temperature(text), self._clock.now()
        return bad(Quality.ABSENT, at) if value is None else Reading(value, at)

    @read
    async def read_status(self) -> Status:
        """State or alarm. A command error hides the state and is cleared by reading: then ask once more."""
        with about(self._link.name, "read status"):
            status = await self._status()
            return await self._status() if status.is_command_error else status

    async def _switch(self, mode: int) -> None:
        with about(self._link.name, "start" if mode else "stop"):
            await self._out("mode", mode)
            await self._verify("mode", mode, 0.0)

    async def _out(self, what: str, value: float) -> None:
        """One OUT with its pause and STATUS as a single turn, so that nobody speaks within the 250 ms."""
        request = encode_set(what, value, self._options.decimals, self._options.address)

        async def talk(turn: Conversation) -> bytes:
            await turn.write(request)
            await self._clock.sleep(PAUSE_AFTER_OUT)
            return await self._status_line(turn)

        status = decode_status(decode_line(await self._link.converse(talk), self._options.address))
        if not status.is_state:
            now = await self.read_status()
            raise DeviceFault(
                f"answers {status.code:03d} {status.text}, state {now.code:02d} {now.text}",
                action=f"set {what}",
                value=value,
                remedy="look at the circulator: limits, warning limits, remote mode",
            )

    async def _status_line(self, turn: Conversation) -> bytes:
        await turn.write(encode_read("status", self._options.address))
        for _ in range(3):  # some units answer OUT with a blank line
            line = await turn.read(until(b"\n"), REPLY_LIMIT, "status")
            if line.strip(b"\r\n\x11\x13 "):
                break
        try:
            decode_status(decode_line(line, self._options.address))
        except BadReply:
            turn.spoil()
            raise
        return line

    async def _verify(self, what: str, wanted: float, tolerance: float) -> None:
        found = await self._value(what)
        if abs(found - wanted) > tolerance + 1e-9:
            raise DeviceFault(
                f"{what} was not taken over", value=found, bounds=f"{wanted:g}", remedy="check remote mode and limits"
            )

    async def _running(self) -> bool:
        return await self._value("mode") == 1

    async def _value(self, what: str) -> float:
        decode = decode_mode if what == "mode" else number
        return decode(await self._ask(what, decode))

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            return decode_version(await self._ask("version", decode_version))

    async def _status(self) -> Status:
        return decode_status(await self._ask("status", decode_status))

    async def _ask(self, what: str, decode: Callable[[str], object]) -> str:
        """One query; a line that does not decode (stale, blank, garbled) is skipped as foreign."""
        address = self._options.address
        reply = await self._link.query(
            encode_read(what, address),
            until(b"\n"),
            accept=parses(lambda line: decode(decode_line(line, address))),
            timeout=REPLY_LIMIT,
            action=f"read {what}",
        )
        return decode_line(reply, address)
