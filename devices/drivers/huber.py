"""Huber thermostats (Unistat, Ministat, Unichiller with Pilot ONE): another shelf circulator.

Source: Huber data communication manual (PB and LAI commands). PB: `{M<addr><value or ****> CR LF` -> `{S<addr><value>
CR LF`, four hex digits, temperatures in 0.01 K as two's complement, -151.00 for a sensor that is not there. LAI:
`[M01V07C6 CR`, the length counts up to the checksum, the checksum is the 8-bit sum from `[` on; used to identify.
Hex is accepted in both cases. Unconfirmed on one's own unit: address 14 (control); 1B and 1C (serial number),
whose order public drivers see differently: the one published answer of a unit, D98B at 1B, fits a low word only.
"""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Link, until
from devices.readings import CirculatorState, Identity, Quality, Reading, bad
from devices.strict import about, ascii_text, check_role, finite, parses, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault
from vesiflow.quantities import Temperature, inside

REPLY_LIMIT = 1.0  # s; typical below 0.3 s
NO_SENSOR = -151.0  # degC
ADDRESSES = {
    "setpoint": 0x00,
    "internal": 0x01,
    "return": 0x02,
    "error": 0x05,
    "warning": 0x06,
    "process": 0x07,
    "control": 0x14,
    "circulation": 0x16,
    "serial_low": 0x1B,
    "serial_high": 0x1C,
    "minimum": 0x30,
    "maximum": 0x31,
}


def encode_pb(address: int, value: int | None = None) -> bytes:
    """A PB read (`value` None) or write of 16 bits."""
    if not 0 <= address <= 0xFF or (value is not None and not 0 <= value <= 0xFFFF):
        raise ConfigError("no such PB command", value=f"{address} {value}", bounds="address 00-FF, 16 bits")
    text = "****" if value is None else f"{value:04X}"
    return f"{{M{address:02X}{text}\r\n".encode("ascii")


def decode_pb(reply: bytes, address: int) -> int:
    """The 16 bits of a PB reply of this address; BadReply for anything else."""
    match = re.fullmatch(r"\{S([0-9A-Fa-f]{2})([0-9A-Fa-f]{4})\s*", ascii_text(reply), re.ASCII)
    if not match or int(match[1], 16) != address:
        raise BadReply("not a reply of this address", value=shown(reply.decode("latin-1")), bounds=f"{address:02X}")
    return int(match[2], 16)


def encode_temperature(temperature: float) -> int:
    """0.01 K as two's complement: -50.00 is EC78."""
    return round(finite(temperature, -151.0, 327.0, unit="degC", what="temperature") * 100) & 0xFFFF


def decode_temperature(raw: int) -> float:
    """Two's complement in 0.01 K; C504 (-151.00) means that there is no sensor."""
    return (raw - 0x10000 if raw >= 0x8000 else raw) / 100


def checksum(frame: bytes) -> str:
    """8-bit sum as two upper-case hex digits."""
    return f"{sum(frame) & 0xFF:02X}"


def encode_lai(code: str, data: str = "", address: int = 1) -> bytes:
    """A LAI request: `[M<addr><code><length><data><checksum> CR`."""
    if not re.fullmatch(r"[A-Z]", code) or not re.fullmatch(r"[ -Z\\^-~]{0,200}", data) or not 0 <= address <= 0xFF:
        raise ConfigError("no such LAI command", value=repr(code + data)[:60], remedy="printable text without brackets")
    frame = f"[M{address:02X}{code}{7 + len(data):02X}{data}".encode("ascii")
    return frame + checksum(frame).encode() + b"\r"


def decode_lai(reply: bytes, code: str, address: int = 1) -> str:
    """The data of a LAI reply; BadReply for a wrong checksum, length, code or address."""
    text = ascii_text(reply).rstrip("\r\n")
    match = re.fullmatch(r"\[S([0-9A-Fa-f]{2})([A-Z])([0-9A-Fa-f]{2})(.*)([0-9A-Fa-f]{2})", text, re.ASCII)
    right = bool(match) and checksum(text[:-2].encode()) == text[-2:].upper()
    if not match or not right or int(match[3], 16) != len(text) - 2:
        raise BadReply("damaged LAI reply", value=shown(text), remedy="check baud rate and cable")
    if int(match[1], 16) != address or match[2] != code:
        raise BadReply("reply to another LAI request", value=shown(text), bounds=f"{address:02X}{code}")
    return match[4]


class HuberOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the measured sensor, limits refused before any byte, and a serial number to insist on."""

    address: int = Field(default=1, ge=0, le=255, description="LAI address")
    sensor: str = Field(default="internal", pattern="^(internal|process|return)$")
    low: Temperature = Field(default="-90 degC", validate_default=True)
    high: Temperature = Field(default="200 degC", validate_default=True)
    serial_number: str | None = None


class Huber:
    """One thermostat. All writes are absolute values, echoed by the unit and read back."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = HuberOptions
    provides: ClassVar[tuple[str, ...]] = ("circulator", "thermometer")
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Huber", "Unistat, Ministat, Pilot ONE", "data communication manual")

    def __init__(self, link: Link, clock: Clock, options: HuberOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or HuberOptions()

    async def connect(self) -> Identity:
        """Ask who is there; the serial number only where the line file insists on one."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> Huber:
        """The thermostat itself, as circulator or thermometer."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(
        Kind.SETPOINT,
        evidence="read_circulator",
        judge=reads_back(lambda post, temperature: abs(post.setpoint - temperature) < 0.0051),
    )
    async def set_temperature(self, temperature: float) -> None:
        """Set the set-point, degC; returns when address 00 shows it."""
        with about(self._link.name, "set temperature"):
            low, high = inside(self._options.low, "degC"), inside(self._options.high, "degC")
            finite(temperature, low, high, unit="degC", what="temperature")
            await self._write("setpoint", encode_temperature(temperature))

    @command(Kind.SETPOINT, evidence="read_circulator", judge=reads_back(lambda post: bool(post.running)))
    async def start(self) -> None:
        """Control the temperature; returns when address 14 shows it."""
        with about(self._link.name, "start"):
            await self._write("control", 1)

    @command(Kind.SETPOINT, evidence="read_circulator", judge=reads_back(lambda post: not post.running), safe=True)
    async def stop(self) -> None:
        """Stop temperature control; returns when address 14 shows it."""
        with about(self._link.name, "stop"):
            await self._write("control", 0)

    @read
    async def read_circulator(self) -> CirculatorState:
        """Temperature and set-point in degC and whether it controls."""
        with about(self._link.name, "read circulator"):
            temperature = await self.read_temperature()
            setpoint = decode_temperature(await self._read("setpoint"))
            return CirculatorState(temperature, setpoint, await self._read("control") == 1)

    @read
    async def read_temperature(self) -> Reading:
        """The chosen sensor, degC; absent when the unit says -151.00."""
        with about(self._link.name, "read temperature"):
            value = decode_temperature(await self._read(self._options.sensor))
        now = self._clock.now()
        return bad(Quality.ABSENT, now) if value == NO_SENSOR else Reading(value, now)

    async def _write(self, name: str, value: int) -> None:
        await self._query(ADDRESSES[name], value)
        if (found := await self._read(name)) != value:
            raise DeviceFault(
                f"{name} was not taken over", value=f"{found:04X}", bounds=f"{value:04X}",
                remedy="check the limits (addresses 30, 31) and remote control",
            )  # fmt: skip

    async def _read(self, name: str) -> int:
        return await self._query(ADDRESSES[name])

    async def _query(self, address: int, value: int | None = None) -> int:
        reply = await self._link.query(
            encode_pb(address, value),
            until(b"\n"),
            accept=parses(lambda line: decode_pb(line, address)),
            timeout=REPLY_LIMIT,
            action=f"PB {address:02X}",
        )
        return decode_pb(reply, address)

    async def _identify(self) -> Identity:
        address = self._options.address
        with about(self._link.name, "identify"):
            reply = await self._link.query(
                encode_lai("V", address=address),
                until(b"\r"),
                accept=parses(lambda line: decode_lai(line, "V", address)),
                timeout=REPLY_LIMIT,
                action="LAI verify",
            )
            serial = ""
            if self._options.serial_number:
                serial = str(await self._read("serial_low") | await self._read("serial_high") << 16)
            return Identity("Huber", decode_lai(reply, "V", address).strip(), serial)
