"""MKS 937B gauge controller: another vacuum controller, with twelve relays.

Source: MKS 937B manual (serial chapter, p. 86). `@<aaa><cmd>?;FF` or `@<aaa><cmd>!<value>;FF` -> `@<aaa>ACK<value>;FF`
or `@<aaa>NAK<code>;FF`; no CR or LF, the terminator is the text `;FF`. Relay n: SPn threshold, SHn hysteresis, SDn
direction, ENn ENABLE (by pressure), SET (always on), CLEAR (always off), SSn state. With direction BELOW a relay is on
below SP and off above SH: the bleed relay regulates between pressure - dead band and pressure + dead band.
Unconfirmed: words other than numbers that PR may answer; unknown ones are a bad reply, never a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Link, until
from devices.readings import Identity, Quality, Reading, bad
from devices.strict import about, ascii_text, check_role, finite, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault
from vesiflow.quantities import Vacuum, convert, inside

T = TypeVar("T")

END = b";FF"
REPLY_LIMIT = 1.0  # s
UNITS = {"TORR": "torr", "MBAR": "mbar", "PASCAL": "Pa", "MICRON": "mtorr"}
WORDS = {
    "LO": Quality.UNDER,
    "<": Quality.UNDER,
    ">": Quality.OVER,
    "HI": Quality.OVER,
    "ATM": Quality.OVER,
    "WAIT": Quality.BUSY,
    "OFF": Quality.ABSENT,
    "RP_OFF": Quality.ABSENT,
    "NO_GAUGE": Quality.ABSENT,
    "NOGAUGE": Quality.ABSENT,
    "MISCONN": Quality.ABSENT,
    "PROTECT": Quality.FAULT,
    "CTRL_OFF": Quality.FAULT,
    "LOWEMIS": Quality.FAULT,
    "DEGAS": Quality.FAULT,
}
NAKS = {
    8: "zero adjustment at too high pressure",
    9: "atmospheric adjustment at too low pressure",
    150: "wrong gauge type",
    151: "no gauge",
    152: "not an ion gauge",
    160: "unrecognized message",
    169: "invalid argument",
    172: "value out of range",
    175: "command or query character invalid",
    180: "locked",
    195: "control set-point enabled",
}
_COMMAND = re.compile(r"(PR([1-6Z])|CP[1-6]|T[1-6]|U|SN|MD|MT|FV[1-6]?|(SP|SH|SD|EN|SS)(1[0-2]|[1-9])|AD|BR)", re.ASCII)


def encode(address: int, name: str, value: str | None = None) -> bytes:
    """A query (`value` None) or a setting; ConfigError for anything not in the table or a value with its own end."""
    if not _COMMAND.fullmatch(name) or not 1 <= address <= 254:
        raise ConfigError("no such command", value=f"{address} {name!r}"[:60], remedy="address 1..254, see the manual")
    if value is not None and (name in ("AD", "BR") or not re.fullmatch(r"[A-Z0-9.+-]{1,12}", value, re.ASCII)):
        raise ConfigError("value may not be sent", value=repr(value)[:60], remedy="a number or a word in capitals")
    text = f"@{address:03d}{name}" + ("?" if value is None else f"!{value}")
    return text.encode("ascii") + END


def decode(reply: bytes, address: int) -> str:
    """The value of an ACK; DeviceFault with the text of a NAK; BadReply for another address or no frame."""
    match = re.fullmatch(r"\s*@(\d{3})(ACK|NAK)(.*);FF", ascii_text(reply), re.ASCII)
    if not match or int(match[1]) != address:
        raise BadReply("no reply of this address", value=shown(reply.decode("latin-1")), bounds=f"@{address:03d}")
    if match[2] == "NAK":
        if not re.fullmatch(r"\d{1,3}", match[3]):
            raise BadReply("no NAK code", value=shown(match[3]), remedy="check baud rate")
        raise DeviceFault(f"NAK {match[3]} {NAKS.get(int(match[3]), 'unknown')}", remedy="check gauge and set-point")
    return match[3].strip()


def decode_pressure(text: str) -> tuple[float | None, Quality]:
    """A number in the display unit, or None and why there is none; BadReply for an unknown word."""
    if re.fullmatch(r"[+-]?\d.*", text):
        value = number(text)
        if value < 0:
            return None, Quality.UNDER
        return value, Quality.GOOD
    for word, quality in WORDS.items():
        if text.upper().startswith(word):
            return None, quality
    raise BadReply("neither a pressure nor a known word", value=shown(text), remedy="check the gauge")


def decode_word(text: str, *words: str) -> str:
    """One of `words`, in capitals."""
    if text.upper() not in words:
        raise BadReply("unexpected word", value=shown(text), bounds=", ".join(words), remedy="check the driver")
    return text.upper()


class MksOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: address, which gauge is which, which relay does what (two per gauge), the swing of control."""

    address: int = Field(default=253, ge=1, le=254)
    channels: dict[Literal["pirani", "capacitance"], int] = {"pirani": 1, "capacitance": 3}
    relays: dict[Literal["bleed", "isolation", "vent"], int] = {"bleed": 5, "isolation": 1, "vent": 2}
    dead_band: Vacuum = Field(default="3 mtorr", validate_default=True)
    high: Vacuum = Field(default="1000 mbar", validate_default=True)

    @model_validator(mode="after")
    def _consistent(self) -> MksOptions:
        if not set(self.channels.values()) <= set(range(1, 7)) or not set(self.relays.values()) <= set(range(1, 13)):
            raise ValueError("channels are 1..6, relays 1..12")
        for numbers in (self.channels, self.relays):
            if len(set(numbers.values())) != len(numbers):
                raise ValueError("a number is used twice")
        gauge, relay = self.channels.get("capacitance"), self.relays.get("bleed")
        if gauge and relay and relay not in (2 * gauge - 1, 2 * gauge):
            raise ValueError(f"bleed must be a relay of the capacitance gauge: {2 * gauge - 1} or {2 * gauge}")
        if inside(self.dead_band, "Pa") <= 0:
            raise ValueError("dead_band must be above 0")
        return self


class Mks937b:
    """One controller."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = MksOptions
    provides: ClassVar[tuple[str, ...]] = ("vacuum_controller", "pressure_sensors")
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("MKS", "937B", "MKS 937B manual")

    def __init__(self, link: Link, clock: Clock, options: MksOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or MksOptions()

    async def connect(self) -> Identity:
        """Ask who is there and require a known unit."""
        with about(self._link.name, "connect"):
            self._link.identity = await self._identify()
            self._link.identify = self._identify
            await self._unit()
            return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> Mks937b:
        """The controller itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @read
    async def read_pressures(self) -> Mapping[str, Reading]:
        """Pa absolute by gauge name; words instead of a number are readings without number."""
        with about(self._link.name, "read pressures"):
            unit = await self._unit()
            found: dict[str, Reading] = {}
            for name, channel in self._options.channels.items():
                value, quality = await self._ask(f"PR{channel}", decode_pressure)
                at = self._clock.now()
                found[name] = bad(quality, at) if value is None else Reading(convert(value, unit, "Pa"), at)
            return found

    @command(
        Kind.SETPOINT,
        evidence="read_setpoint",
        judge=reads_back(lambda post, pressure: abs(post - pressure) <= 0.01 * pressure),
    )
    async def set_pressure(self, pressure: float) -> None:
        """Regulate at `pressure` (Pa absolute) with the bleed relay; returns when all four settings are read back."""
        with about(self._link.name, "set pressure"):
            band = inside(self._options.dead_band, "Pa")
            finite(pressure, 1.01 * band, inside(self._options.high, "Pa"), unit="Pa", what="pressure")
            relay, unit = self._relay("bleed"), await self._unit()
            await self._set(f"SD{relay}", "BELOW")
            await self._set_number(f"SP{relay}", convert(pressure - band, "Pa", unit))
            await self._set_number(f"SH{relay}", convert(pressure + band, "Pa", unit))
            await self._set(f"EN{relay}", "ENABLE")

    @read
    async def read_setpoint(self) -> float:
        """The pressure (Pa) that the bleed relay regulates at: the middle of threshold and hysteresis."""
        with about(self._link.name, "read set-point"):
            relay, unit = self._relay("bleed"), await self._unit()
            low, high = await self._ask(f"SP{relay}", number), await self._ask(f"SH{relay}", number)
            return convert((low + high) / 2, unit, "Pa")

    @command(
        Kind.SETPOINT, evidence="read_relays", judge=reads_back(lambda post, name, on: post.get(name) is on), safe=True
    )
    async def set_relay(self, name: str, on: bool) -> None:
        """Force a relay on or off whatever the pressure; returns when SS shows it."""
        with about(self._link.name, f"relay {shown(str(name))}"):
            relay = self._relay(name)
            await self._set(f"EN{relay}", "SET" if on else "CLEAR")
            for _ in range(10):
                if await self._is_set(relay) is on:
                    return
                await self._clock.sleep(0.1)
            raise DeviceFault("did not switch", value="off" if on else "on", remedy="check the relay")

    @read
    async def read_relays(self) -> Mapping[str, bool]:
        """What SS shows, by relay name."""
        with about(self._link.name, "read relays"):
            return {name: await self._is_set(relay) for name, relay in self._options.relays.items()}

    async def _is_set(self, relay: int) -> bool:
        return await self._ask(f"SS{relay}", lambda text: decode_word(text, "SET", "CLEAR")) == "SET"

    async def _set(self, name: str, word: str) -> None:
        await self._ask(name, str, word)
        if (found := (await self._ask(name, str)).upper()) != word:
            raise DeviceFault(f"{name} was not taken over", value=shown(found), bounds=word, remedy="check the lock")

    async def _set_number(self, name: str, value: float) -> None:
        await self._ask(name, str, f"{finite(value):.3E}")
        found = await self._ask(name, number)
        if abs(found - value) > 0.006 * abs(value):
            raise DeviceFault(
                f"{name} was not taken over", value=found, bounds=f"{value:.3E}", remedy="check the gauge's range"
            )

    def _relay(self, name: str) -> int:
        for known, relay in self._options.relays.items():
            if known == name:
                return relay
        raise ConfigError(
            "unknown relay", value=shown(repr(name)), bounds=", ".join(self._options.relays), remedy="see `relays`"
        )

    async def _unit(self) -> str:
        return UNITS[await self._ask("U", lambda text: decode_word(text, *UNITS))]

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            model = await self._ask("MD", decode_text)
            return Identity("MKS", model, await self._ask("SN", decode_text))

    async def _ask(self, name: str, parse: Callable[[str], T], value: str | None = None) -> T:
        address = self._options.address

        def ours(reply: bytes) -> bool:
            try:
                parse(decode(reply, address))
            except BadReply:
                return False
            except DeviceFault:
                return True
            return True

        reply = await self._link.query(
            encode(address, name, value), until(END), accept=ours, timeout=REPLY_LIMIT, action=name
        )
        return parse(decode(reply, address))


def decode_text(text: str) -> str:
    """A model or serial number: short and without blanks."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,24}", text, re.ASCII):
        raise BadReply("not a model or serial number", value=shown(text), remedy="check the driver")
    return text
