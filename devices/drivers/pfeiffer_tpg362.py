"""Pfeiffer TPG 362 gauge controller: chamber vacuum of the freeze-dryer, and its relays.

Source: Pfeiffer communication protocol BG 5510 BEN; BG 5195 BEN (TPG 261) and BG 800300 BE (TPG 300) for the shared
mnemonics. `<mnemonic>[,p..] CR` -> ACK or NAK line; ENQ -> data line. After NAK the data is the error word.

Relays switch by thresholds: a relay is on while its gauge is below `low`, off above `high`, unchanged between.
- *bleed* follows the capacitance gauge: `set_pressure(p)` sets p - dead band .. p + dead band, so that the relay
  opens the bleed valve below and closes it above. The chamber pressure then swings inside the dead band.
- `set_relay` pins a relay by thresholds above any pressure (on) or below any (off), on the Pirani gauge, which reads at
  all pressures. Proof is always SPS.
Unconfirmed on the 362 (taken from the 261): argument forms of SP, FIL and OFC; whether SP counts gauges from 1
(`first_channel`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Conversation, Link
from devices.readings import Identity, Quality, Reading, bad
from devices.strict import about, ascii_text, check_role, finite, integer, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded
from vesiflow.quantities import Vacuum, convert, inside

T = TypeVar("T")
Gauge = Literal["pirani", "capacitance"]

ACK, NAK, ENQ, ETX = b"\x06", b"\x15", b"\x05", b"\x03"
STEP_LIMIT = 0.5  # s, none is stated by Pfeiffer
MAX_STALE = 5
UNITS = {0: "mbar", 1: "torr", 2: "Pa", 3: "mtorr", 4: "hPa"}  # 3 is "micron"; 5 is volts, no pressure
QUALITIES = {
    0: Quality.GOOD,
    1: Quality.UNDER,
    2: Quality.OVER,
    3: Quality.FAULT,
    4: Quality.ABSENT,  # switched off
    5: Quality.ABSENT,
    6: Quality.FAULT,  # identification error
}
ERRORS = ("controller error", "no hardware", "inadmissible parameter", "syntax error")
_READ_ONLY = ("PR1", "PR2", "PRX", "TID", "ERR", "AYT", "PNR", "SPS")
CHOICES = {"COM": (1, 2), "UNI": (1, 5), "SEN": (2, 2), "FIL": (2, 2), "OFC": (2, 2)}
"""Mnemonic -> how many parameters a setting has, and the highest value of each; SEN, FIL and OFC one per gauge."""
MNEMONICS = frozenset((*_READ_ONLY, *CHOICES, "OFD", *(f"SP{relay}" for relay in range(1, 5))))
ON = (2.0e5, 2.4e5)  # Pa: every chamber pressure is below
OFF = (1.0e-6, 1.2e-6)  # Pa: every chamber pressure is above


@dataclass(frozen=True, slots=True)
class Threshold:
    """A relay's gauge number and its two thresholds in the unit of the display."""

    channel: int
    low: float
    high: float


def encode(mnemonic: str, *parameters: int | float) -> bytes:
    """A request; integers as they are, floats as `x.xxxxEsxx`. ConfigError for an unknown mnemonic."""
    if mnemonic not in MNEMONICS:
        raise ConfigError("unknown mnemonic", value=repr(mnemonic), remedy=f"known: {' '.join(sorted(MNEMONICS))}")
    _check_parameters(mnemonic, parameters)
    texts = [str(p) if isinstance(p, int) else f"{finite(p):.4E}" for p in parameters]
    return ",".join([mnemonic, *texts]).encode("ascii") + b"\r"


def _check_parameters(mnemonic: str, parameters: tuple[int | float, ...]) -> None:
    """LimitExceeded for what the table of the manual does not know; without parameters everything is a reading."""
    if not parameters:
        return
    if mnemonic in CHOICES:
        count, top = CHOICES[mnemonic]
        right = len(parameters) == count and all(type(p) is int and 0 <= p <= top for p in parameters)
        bounds = f"{count} of 0..{top}"
    elif mnemonic == "OFD":
        right, bounds = len(parameters) == 2, "2 pressures"
    else:
        gauge = parameters[0]
        right = mnemonic not in _READ_ONLY and len(parameters) == 3 and type(gauge) is int and 0 <= gauge <= 2
        bounds = "none" if mnemonic in _READ_ONLY else "gauge 0..2, low, high"
    if not right:
        raise LimitExceeded(f"{mnemonic} has no such parameters", value=parameters, bounds=bounds)


def line(data: bytes) -> int | None:
    """Framer: a line up to CR LF (CR CR of some units, bare LF)."""
    match = re.match(rb"[^\r\n]*(?:\r[\r\n]|\n|\r(?=[^\r\n]))", data)
    return match.end() if match else None


def decode_acknowledge(reply: bytes) -> bool:
    """True for ACK, False for NAK; BadReply for any other line."""
    mark = reply.strip(b"\r\n ")
    if mark not in (ACK, NAK):
        raise BadReply("neither ACK nor NAK", value=shown(reply.decode("latin-1")), remedy="check baud rate")
    return mark == ACK


def decode_fields(reply: bytes) -> list[str]:
    """Comma-separated fields without blanks."""
    text = ascii_text(reply).strip()
    if not text:
        raise BadReply("empty data line", remedy="check cable")
    return [field.strip() for field in text.split(",")]


def decode_pressures(reply: bytes) -> list[tuple[int, float]]:
    """PR1, PR2, PRX and the stream: (status, value in the display unit) per gauge. Only status 0 is a pressure."""
    fields = decode_fields(reply)
    if len(fields) % 2:
        raise BadReply("odd number of fields", value=shown(",".join(fields)), remedy="check cable")
    pairs = [(integer(a), number(v)) for a, v in zip(fields[::2], fields[1::2], strict=True)]
    for status, _ in pairs:
        if status not in QUALITIES:
            raise BadReply("unknown gauge status", value=status, bounds="0..6", remedy="check the driver")
    return pairs


def decode_integers(reply: bytes, count: int | None = None) -> list[int]:
    """UNI, SEN, FIL, OFC, COM: integers, `count` of them when given."""
    values = [integer(field) for field in decode_fields(reply)]
    if count is not None and len(values) != count:
        raise BadReply("wrong number of fields", value=len(values), bounds=str(count), remedy="check the model")
    return values


def decode_numbers(reply: bytes) -> list[float]:
    """OFD: offset values."""
    return [number(field) for field in decode_fields(reply)]


def decode_switches(reply: bytes) -> list[bool]:
    """SPS: one 0 or 1 per relay."""
    values = decode_integers(reply)
    if len(values) < 2 or not set(values) <= {0, 1}:
        raise BadReply("not a relay state", value=values, bounds="0, 1", remedy="check the model")
    return [value == 1 for value in values]


def decode_threshold(reply: bytes) -> Threshold:
    """SPn: `ch,low,high`."""
    fields = decode_fields(reply)
    if len(fields) != 3:
        raise BadReply("not a threshold", value=shown(",".join(fields)), remedy="check the model")
    return Threshold(integer(fields[0]), number(fields[1]), number(fields[2]))


def decode_error(reply: bytes) -> tuple[str, ...]:
    """ERR and the answer after NAK: the texts of the raised digits, none for `0000`."""
    text = ascii_text(reply).strip()
    if not re.fullmatch(r"[0-9]{4}", text, re.ASCII):
        raise BadReply("not an error word", value=shown(text), remedy="check baud rate")
    return tuple(name for digit, name in zip(text, ERRORS, strict=True) if digit != "0")


def decode_unit(reply: bytes) -> str:
    """UNI: the unit of the display as pint knows it; DeviceFault when the display shows volts."""
    (code,) = decode_integers(reply, 1)
    if code == 5:
        raise DeviceFault("the display shows volts, no pressure", remedy="set a pressure unit on the panel")
    if code not in UNITS:
        raise BadReply("unknown unit", value=code, bounds="0..5", remedy="check the model")
    return UNITS[code]


def decode_types(reply: bytes) -> list[str]:
    """TID: gauge types."""
    fields = decode_fields(reply)
    if not all(re.fullmatch(r"[A-Za-z0-9/ .-]{2,12}", field) for field in fields):
        raise BadReply("not gauge types", value=shown(",".join(fields)), remedy="check the model")
    return fields


def decode_identity(reply: bytes) -> Identity:
    """AYT: `type,part,serial,firmware,hardware`."""
    fields = decode_fields(reply)
    if len(fields) != 5 or not re.search("[A-Za-z]", fields[0]):
        raise BadReply("not an identity", value=shown(",".join(fields)), remedy="check the driver")
    return Identity("Pfeiffer Vacuum", fields[0], fields[2], fields[3])


class TpgOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: which gauge is which, which relay does what, and the swing of pressure control."""

    channels: dict[Gauge, Literal[1, 2]] = {"pirani": 1, "capacitance": 2}
    relays: dict[Literal["bleed", "isolation", "vent"], Literal[1, 2, 3, 4]] = {"bleed": 1, "isolation": 2, "vent": 3}
    dead_band: Vacuum = Field(default="3 mtorr", validate_default=True)
    high: Vacuum = Field(default="1000 mbar", validate_default=True, description="highest pressure to regulate")
    first_channel: Literal[0, 1] = Field(default=1, description="how SP numbers gauge 1")

    @model_validator(mode="after")
    def _consistent(self) -> TpgOptions:
        for name, numbers in (("channels", self.channels), ("relays", self.relays)):
            if len(set(numbers.values())) != len(numbers):
                raise ValueError(f"{name}: a number is used twice")
        if inside(self.dead_band, "Pa") <= 0:
            raise ValueError("dead_band must be above 0")
        return self


class PfeifferTpg362:
    """One gauge controller with two gauges and four relays."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = TpgOptions
    provides: ClassVar[tuple[str, ...]] = ("vacuum_controller", "pressure_sensors")
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Pfeiffer Vacuum", "TPG 362", "BG 5510 BEN")

    def __init__(self, link: Link, clock: Clock, options: TpgOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or TpgOptions()
        link.reset = ETX

    async def connect(self) -> Identity:
        """Stop a power-up stream, ask who is there, and require a pressure unit and the gauges of the line file."""
        with about(self._link.name, "connect"):
            await self._link.converse(self._hush)
            self._link.identity = await self._identify()
            self._link.identify = self._identify
            await self._unit()
            await self._check_gauges()
            return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> PfeifferTpg362:
        """The controller itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @read
    async def read_pressures(self) -> Mapping[str, Reading]:
        """Pa absolute by gauge name; a gauge that reports any status but 0 is a reading without number."""
        with about(self._link.name, "read pressures"):
            unit = await self._unit()
            pairs = await self._ask("PRX", decode_pressures)
            at = self._clock.now()
            return {name: _reading(pairs, channel, unit, at) for name, channel in self._options.channels.items()}

    @command(
        Kind.SETPOINT,
        evidence="read_setpoint",
        judge=reads_back(lambda post, pressure: abs(post - pressure) <= 0.001 * pressure),
    )
    async def set_pressure(self, pressure: float) -> None:
        """Regulate at `pressure` (Pa absolute) with the bleed relay; returns when the thresholds are read back."""
        with about(self._link.name, "set pressure"):
            band = inside(self._options.dead_band, "Pa")
            finite(pressure, 1.01 * band, inside(self._options.high, "Pa"), unit="Pa", what="pressure")
            await self._program("bleed", "capacitance", (pressure - band, pressure + band))

    @read
    async def read_setpoint(self) -> float:
        """The pressure (Pa) that the bleed relay regulates at: the middle of its thresholds."""
        with about(self._link.name, "read set-point"):
            unit = await self._unit()
            threshold = await self._ask(f"SP{self._relay('bleed')}", decode_threshold)
            return convert((threshold.low + threshold.high) / 2, unit, "Pa")

    @command(
        Kind.SETPOINT, evidence="read_relays", judge=reads_back(lambda post, name, on: post.get(name) is on), safe=True
    )
    async def set_relay(self, name: str, on: bool) -> None:
        """Pin a relay on or off whatever the pressure; returns when SPS shows it. Ends regulation by "bleed"."""
        with about(self._link.name, f"relay {shown(str(name))}"):
            relay = self._relay(name)
            gauge: Gauge = "pirani" if "pirani" in self._options.channels else "capacitance"
            await self._program(name, gauge, ON if on else OFF)
            for _ in range(10):  # the unit compares thresholds with its next measurement
                if (await self._ask("SPS", decode_switches))[relay - 1] is on:
                    return
                await self._clock.sleep(0.1)
            raise DeviceFault("did not switch", value="off" if on else "on", remedy="check the gauge and the relay")

    @read
    async def read_relays(self) -> Mapping[str, bool]:
        """What SPS shows, by relay name."""
        with about(self._link.name, "read relays"):
            states = await self._ask("SPS", decode_switches)
            return {name: states[number - 1] for name, number in self._options.relays.items()}

    @read
    async def read_errors(self) -> tuple[str, ...]:
        """The error word as texts; reading clears it."""
        with about(self._link.name, "read errors"):
            return await self._ask("ERR", decode_error)

    async def _program(self, relay: str, gauge: Gauge, pascal: tuple[float, float]) -> None:
        unit = await self._unit()
        if gauge not in self._options.channels:
            raise ConfigError(f"no {gauge} gauge", remedy="name it under `channels` in the line file")
        channel = self._options.channels[gauge] - 1 + self._options.first_channel
        wanted = Threshold(channel, *(float(f"{convert(p, 'Pa', unit):.4E}") for p in pascal))
        mnemonic = f"SP{self._relay(relay)}"
        await self._ask(mnemonic, decode_fields, wanted.channel, wanted.low, wanted.high)
        found = await self._ask(mnemonic, decode_threshold)
        same = abs(found.low - wanted.low) <= 2e-4 * wanted.low and abs(found.high - wanted.high) <= 2e-4 * wanted.high
        if found.channel != channel or not same:
            raise DeviceFault(
                "threshold was not taken over", value=found, bounds=str(wanted), remedy="check the gauge's range"
            )

    def _relay(self, name: str) -> int:
        for known, relay in self._options.relays.items():
            if known == name:
                return relay
        raise ConfigError(
            "unknown relay", value=shown(repr(name)), bounds=", ".join(self._options.relays), remedy="see `relays`"
        )

    async def _unit(self) -> str:
        return await self._ask("UNI", decode_unit)

    async def _check_gauges(self) -> None:
        types = await self._ask("TID", decode_types)
        for name, channel in self._options.channels.items():
            if channel > len(types) or types[channel - 1].lower().startswith(("nosen", "noid")):
                raise DeviceFault(f"no {name} gauge on channel {channel}", remedy="check the gauge cable")

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            return await self._ask("AYT", decode_identity)

    async def _hush(self, turn: Conversation) -> bytes:
        await turn.write(ETX)
        await self._clock.sleep(0.2)
        return b""

    async def _ask(self, mnemonic: str, decode: Callable[[bytes], T], *parameters: int | float) -> T:
        """Mnemonic, ACK, ENQ, data as one turn; DeviceFault with the error word after NAK."""
        request = encode(mnemonic, *parameters)

        async def talk(turn: Conversation) -> bytes:
            await turn.write(request)
            accepted = await self._acknowledged(turn, mnemonic)
            await turn.write(ENQ)
            data = await turn.read(line, STEP_LIMIT, mnemonic)
            try:
                decode(data) if accepted else decode_error(data)
            except BadReply:
                turn.spoil()
                raise
            if accepted:
                return data
            causes = ", ".join(decode_error(data)) or "no reason"
            raise DeviceFault(f"refused: {causes}", value=mnemonic, remedy="check the model and its gauges")

        return decode(await self._link.converse(talk))

    async def _acknowledged(self, turn: Conversation, mnemonic: str) -> bool:
        """ACK or NAK; stale stream lines before it are skipped."""
        for _ in range(MAX_STALE):
            reply = await turn.read(line, STEP_LIMIT, mnemonic)
            if reply.strip(b"\r\n ") in (ACK, NAK):
                return decode_acknowledge(reply)
            self._link.counters.foreign += 1
        turn.spoil()
        raise BadReply("streams instead of answering", action=mnemonic, remedy="check the driver and the unit")


def _reading(pairs: list[tuple[int, float]], channel: int, unit: str, at: float) -> Reading:
    if channel > len(pairs):
        raise BadReply("a gauge is missing", value=len(pairs), bounds=f"channel {channel}", remedy="check the model")
    status, value = pairs[channel - 1]
    quality = QUALITIES[status]
    return Reading(convert(value, unit, "Pa"), at) if quality is Quality.GOOD else bad(quality, at)
