"""Atlas Scientific EZO-EC: conductivity of buffers and of the column outlet.

Source: EZO-EC datasheet V6.7 (UART mode). `<cmd>[,args] CR` -> data lines, then `*OK` or `*ER`, all ended by CR.
The circuit starts in continuous mode and may print a reading, `*RE`, `*WA` and the like at any time: those lines are
counted and passed over. Readings are uS/cm on the wire, S/m here, compensated to 25 degC with the temperature the
circuit was told. Unconfirmed: whether `T` survives power-off (it is sent at connect), decimals by range.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Conversation, Link, until
from devices.readings import Identity, Quality, Reading, bad
from devices.strict import about, ascii_text, check_role, fixed, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, NoReply
from vesiflow.quantities import Temperature, inside

T = TypeVar("T")

DEADLINE = 1.5  # s for a whole command; a reading takes 0.6 s
MAX_LINES = 12
OUTPUTS = ("EC", "TDS", "S", "SG")  # the order on the wire is fixed
UNSOLICITED = {"*OV": "over voltage", "*UV": "under voltage", "*RS": "reset", "*RE": "ready", "*WA": "woken"}
RESTARTS = {"P": "power", "S": "software", "B": "brown-out", "W": "watchdog", "U": "unknown"}
RESTARTED = {"*RS", "*RE"}
MAX_CONDUCTIVITY = 500_000.0  # uS/cm, the circuit's range
S_PER_M = 1e-4  # one uS/cm
# `I2C`, `Baud` and `Factory` drop the link or the calibration and are left out on purpose.
COMMANDS = re.compile(
    r"R|i|Status|Find|Sleep|C,(\?|0|[1-9]\d?)|\*OK,(\?|[01])|L,[01?]|Name,(\?|[A-Za-z0-9]{1,16})|T,(\?|-?\d{1,3}(\.\d+)?)"
    r"|K,(\?|\d{1,4}(\.\d+)?)|O,(\?|(EC|TDS|S|SG),[01])|Cal,(dry|clear|\?|((low|high),)?\d{1,6}(\.\d+)?)",
    re.ASCII,
)


def encode(text: str) -> bytes:
    """One command; ConfigError for anything that the datasheet does not list or that drops the link."""
    if not COMMANDS.fullmatch(text):
        raise ConfigError("no such command", value=repr(text[:40]), remedy="see the datasheet")
    return f"{text}\r".encode("ascii")


def encode_temperature(temperature: float) -> bytes:
    """Compensation temperature, degC, one decimal."""
    return encode(f"T,{fixed(temperature, 1, -20.0, 200.0, unit='degC')}")


def encode_probe_constant(constant: float) -> bytes:
    """Cell constant of the probe, 0.01-1000 1/cm."""
    return encode(f"K,{fixed(constant, 2, 0.01, 1000.0, unit='1/cm')}")


def encode_calibration(point: Literal["dry", "clear", "single", "low", "high"], conductivity: float = 0.0) -> bytes:
    """A calibration step; `conductivity` of the standard in S/m. Only with the probe in the standard."""
    if point in ("dry", "clear"):
        return encode(f"Cal,{point}")
    value = fixed(conductivity / S_PER_M, 0, 0.0, MAX_CONDUCTIVITY, unit="uS/cm")
    return encode(f"Cal,{value}" if point == "single" else f"Cal,{point},{value}")


def decode_line(line: bytes) -> str:
    """One line without its end."""
    return ascii_text(line).strip()


def decode_query(text: str, name: str) -> tuple[str, ...]:
    """The values of `?Name,v1,v2`, whatever the case of the name; also `?*OK,1` and `?,O,EC,..`."""
    match = re.fullmatch(rf"\?,?{re.escape(name)}(?:,(.*))?", text, re.IGNORECASE | re.ASCII)
    if not match:
        raise BadReply("not the answer to the query", value=shown(text), bounds=f"?{name},..", remedy="check driver")
    return tuple((match[1] or "").split(",")) if match[1] else ()


def decode_reading(text: str, outputs: tuple[str, ...] = ("EC",)) -> dict[str, float]:
    """`1496,808,0.72,1.001` as output -> value; BadReply when the columns are not `outputs`."""
    fields = text.split(",")
    if len(fields) != len(outputs):
        raise BadReply("other outputs are enabled", value=shown(text), bounds=",".join(outputs), remedy="reconnect")
    return {name: number(field) for name, field in zip(outputs, fields, strict=True)}


def decode_identity(text: str) -> Identity:
    """`?i,EC,2.16`."""
    values = decode_query(text, "i")
    if len(values) != 2 or values[0].upper() != "EC":
        raise BadReply("not an EZO-EC", value=shown(text), bounds="?i,EC,<firmware>", remedy="check what is plugged in")
    return Identity("Atlas Scientific", "EZO-EC", firmware=values[1])


def decode_status(text: str) -> tuple[str, float]:
    """`?Status,P,5.038`: why it restarted last (in words) and its supply (V)."""
    values = decode_query(text, "Status")
    if len(values) != 2 or values[0].upper() not in RESTARTS:
        raise BadReply("not a status", value=shown(text), bounds="?Status,<P|S|B|W|U>,<V>", remedy="check driver")
    return RESTARTS[values[0].upper()], number(values[1])


class EzoOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: sample temperature to compensate for, and the probe's cell constant where it must be set."""

    temperature: Temperature = Field(default="25 degC", validate_default=True)
    probe_constant: float | None = Field(default=None, ge=0.01, le=1000.0)


class AtlasEzoEc:
    """One circuit."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = EzoOptions
    provides: ClassVar[tuple[str, ...]] = ("conductivity_meter",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Atlas Scientific", "EZO-EC", "EZO-EC datasheet V6.7")

    def __init__(self, link: Link, clock: Clock, options: EzoOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or EzoOptions()
        self._temperature = inside(self._options.temperature, "degC")
        self._restarted = False

    async def connect(self) -> Identity:
        """Response codes on, continuous mode off, one output column, compensation; then who is there."""
        with about(self._link.name, "connect"):
            self._link.identity = await self._identify()
            self._link.identify = self._identify
            return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> AtlasEzoEc:
        """The circuit itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @read
    async def read_conductivity(self) -> Reading:
        """A fresh reading, S/m. After a restart of the circuit (brown-out) the start-up commands are sent again."""
        with about(self._link.name, "read conductivity"):
            if self._restarted:
                await self._start_up()
            value = await self._ask("R", _decode_conductivity)
        now = self._clock.now()
        if self._restarted:  # in the middle of this reading: outputs and compensation are not ours
            return bad(Quality.FAULT, now)
        return Reading(value * S_PER_M, now) if value <= MAX_CONDUCTIVITY else bad(Quality.OVER, now)

    @command(
        Kind.SETPOINT,
        evidence="read_compensation",
        judge=reads_back(lambda post, temperature: abs(post - temperature) < 0.06),
    )
    async def set_compensation(self, temperature: float) -> None:
        """Tell the sample's temperature, degC; returns when `T,?` shows it."""
        with about(self._link.name, "set compensation"):
            await self._acknowledge(encode_temperature(temperature))
            found = await self.read_compensation()
            if abs(found - temperature) > 0.06:
                raise DeviceFault("not taken over", value=found, bounds=f"{temperature:g} degC", remedy="try again")
            self._temperature = temperature

    @read
    async def read_compensation(self) -> float:
        """The compensation temperature, degC."""
        with about(self._link.name, "read compensation"):
            return await self._ask("T,?", lambda text: _single(text, "T"))

    async def _start_up(self) -> None:
        self._restarted = False
        await self._acknowledge(encode("*OK,1"))
        await self._acknowledge(encode("C,0"))
        for output in OUTPUTS:
            await self._acknowledge(encode(f"O,{output},{int(output == 'EC')}"))
        enabled = await self._ask("O,?", lambda text: decode_query(text, "O"))
        if tuple(name.upper() for name in enabled) != ("EC",):
            raise DeviceFault("outputs were not taken over", value=",".join(enabled), bounds="EC", remedy="try again")
        if self._options.probe_constant is not None:
            await self._acknowledge(encode_probe_constant(self._options.probe_constant))
        await self._acknowledge(encode_temperature(self._temperature))

    async def _identify(self) -> Identity:
        """Start-up and identity, also after every lost reply: it may have been a power cycle."""
        with about(self._link.name, "identify"):
            await self._start_up()
            return await self._ask("i", decode_identity)

    async def _acknowledge(self, request: bytes) -> None:
        await self._link.converse(lambda turn: self._talk(turn, request, None))

    async def _ask(self, text: str, decode: Callable[[str], T]) -> T:
        def fits(line: str) -> bool:
            try:
                decode(line)
            except BadReply:
                return False
            return True

        reply = await self._link.converse(lambda turn: self._talk(turn, encode(text), fits))
        return decode(decode_line(reply))

    async def _talk(self, turn: Conversation, request: bytes, fits: Callable[[str], bool] | None) -> bytes:
        """The last line before `*OK` that `fits`; one deadline for the whole command."""
        action = request.decode().strip()
        deadline = self._link.wire_time() + DEADLINE
        await turn.write(request)
        answer, other = b"", b""
        for _ in range(round(MAX_LINES * max(self._clock.speed, 1.0))):  # a fast circuit streams more meanwhile
            line = await self._line(turn, deadline, action, other)
            text = decode_or_blank(line)
            if text == "*ER":
                raise DeviceFault("refused", value=action, remedy="check the circuit's firmware")
            if text == "*WA":  # asleep: the command that woke it is lost
                await turn.write(request)
            elif text == "*OK" and (fits is None or answer):
                return answer
            elif fits is not None and fits(text):
                answer = line
            else:
                self._foreign(text)
                other = line
        turn.spoil()
        raise BadReply("talks without answering", action=action, value=shown(text), remedy="check the driver")

    async def _line(self, turn: Conversation, deadline: float, action: str, other: bytes) -> bytes:
        left = deadline - self._link.wire_time()
        try:
            return await turn.read(until(b"\r"), left, action)
        except NoReply as error:
            if not other.strip():
                raise
            text = shown(other.decode("latin-1").strip())
            raise BadReply(
                "answers, but not to the question", action=action, value=text, remedy="check driver"
            ) from error

    def _foreign(self, text: str) -> None:
        self._link.counters.foreign += 1
        self._restarted = self._restarted or text in RESTARTED


def decode_or_blank(line: bytes) -> str:
    """A line as text, blank where it is no text at all."""
    try:
        return decode_line(line)
    except BadReply:
        return ""


def _decode_conductivity(text: str) -> float:
    if text == "no output":
        raise DeviceFault("no output is enabled", remedy="reconnect")
    value = decode_reading(text)["EC"]
    if value < 0:
        raise BadReply("negative conductivity", value=shown(text), remedy="check the probe")
    return value


def _single(text: str, name: str) -> float:
    values = decode_query(text, name)
    if len(values) != 1:
        raise BadReply("not one value", value=shown(text), remedy="check the driver")
    return number(values[0])
