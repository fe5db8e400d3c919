"""UV detector whose analog output goes into a Modbus ADC: absorbance at 280 nm.

No ASCII command set of an HPLC UV detector is public, so the register map is part of the line file and nothing is
hard-coded: absorbance = scale x value + offset in the stated unit. Reference map: one FLOAT32 holding register pair
at protocol address 0, big-endian, high word first, mAU. Outside `valid_min`..`valid_max` the value is bad, not clipped.
"""

from __future__ import annotations

import contextlib
import math
from typing import ClassVar, Literal

from pydantic import BaseModel, Field, model_validator
from pymodbus.client.mixin import ModbusClientMixin

from devices.card import DriverCard
from devices.commands import read
from devices.link import Link
from devices.modbus import Framing, Modbus
from devices.readings import Identity, Quality, Reading, bad
from devices.strict import about, check_role
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, DeviceFault
from vesiflow.quantities import Absorbance, Duration, convert, inside

NumberType = Literal["INT16", "UINT16", "INT32", "UINT32", "FLOAT32", "FLOAT64"]
WordOrder = Literal["big", "little"]
PLAUSIBLE = 1e9  # swapped words read as huge or tiny numbers
TINY = 1e-20


def words(kind: NumberType) -> int:
    """Registers that a number of this type takes."""
    return int(ModbusClientMixin.DATATYPE[kind].value[1])


def decode_number(registers: list[int], kind: NumberType, word_order: WordOrder = "big") -> float:
    """Registers as a number, which may be NaN or infinite; BadReply when there are too many or too few."""
    if len(registers) != words(kind):
        raise BadReply("wrong register count", value=len(registers), bounds=str(words(kind)), remedy="check `count`")
    value = ModbusClientMixin.convert_from_registers(registers, ModbusClientMixin.DATATYPE[kind], word_order)
    if isinstance(value, int | float):
        return float(value)
    raise BadReply("not a number", value=repr(value), remedy="check `type`")


class Channel(BaseModel, extra="forbid", frozen=True):
    """Where the absorbance is and what its number means: `unit` = scale x value + offset."""

    address: int = Field(default=0, ge=0, le=65535)
    count: Literal[1, 2, 4] = 2
    type: NumberType = "FLOAT32"
    word_order: WordOrder = "big"
    function: Literal[3, 4] = 3
    unit: Literal["mAU", "AU"] = "mAU"
    scale: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)
    valid_min: Absorbance = Field(default="-100 mAU", validate_default=True)
    valid_max: Absorbance = Field(default="2500 mAU", validate_default=True)

    @model_validator(mode="after")
    def _consistent(self) -> Channel:
        if self.count != words(self.type):
            raise ValueError(f"count must be {words(self.type)} for {self.type}")
        if self.scale == 0:
            raise ValueError("scale must not be 0")
        return self


class Register(BaseModel, extra="forbid", frozen=True):
    """One further register."""

    address: int = Field(ge=0, le=65535)


class UvOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys. `status` (non-zero = fault) and `counter` (must move within `stale`) where the ADC has them."""

    transport: Framing = "rtu"
    unit_id: int = Field(default=1, ge=0, le=247)
    absorbance: Channel = Channel()
    status: Register | None = None
    counter: Register | None = None
    timeout: Duration = Field(default="0.5 s", validate_default=True)
    stale: Duration | None = Field(default=None, description="a value or counter unchanged for longer is a fault")


class UvModbus:
    """One detector behind an ADC. Only reads: autozero belongs to the detector's panel."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = UvOptions
    provides: ClassVar[tuple[str, ...]] = ("uv_detector",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("any", "UV detector on a Modbus ADC", "Modbus V1.1b3, map in the line file")

    def __init__(self, link: Link, clock: Clock, options: UvOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or UvOptions()
        self._modbus = Modbus(link, self._options.transport, self._options.unit_id, inside(self._options.timeout, "s"))
        self._last: tuple[float, float] | None = None  # value, and since when it has not changed

    async def connect(self) -> Identity:
        """Read once; a number that only swapped words can give is refused."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> UvModbus:
        """The detector itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @read
    async def read_absorbance(self) -> Reading:
        """Absorbance in AU; out of the valid range, NaN, a raised status or a frozen value is no number."""
        with about(self._link.name, "read absorbance"):
            raw = await self._raw()
            status = await self._register(self._options.status)
            counter = await self._register(self._options.counter)
        now = self._clock.now()
        moving = raw if counter is None else float(counter)
        if self._last is None or self._last[0] != moving:
            self._last = (moving, now)
        channel = self._options.absorbance
        value = convert(channel.scale * raw + channel.offset, channel.unit, "AU") if math.isfinite(raw) else math.nan
        quality = self._judge(value, now - self._last[1], status)
        return Reading(value, now) if quality is Quality.GOOD else bad(quality, now)

    def _judge(self, value: float, unchanged: float, status: int | None) -> Quality:
        channel = self._options.absorbance
        if math.isnan(value) or status:
            return Quality.FAULT
        if value < inside(channel.valid_min, "AU"):
            return Quality.UNDER
        if value > inside(channel.valid_max, "AU"):
            return Quality.OVER
        frozen = self._options.stale is not None and unchanged > inside(self._options.stale, "s")
        return Quality.FAULT if frozen else Quality.GOOD

    async def _raw(self) -> float:
        channel = self._options.absorbance
        registers = await self._modbus.read(channel.address, channel.count, channel.function)
        return decode_number(registers, channel.type, channel.word_order)

    async def _register(self, register: Register | None) -> int | None:
        if register is None:
            return None
        (value,) = await self._modbus.read(register.address)
        return value

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            raw = await self._raw()
            if math.isfinite(raw) and (abs(raw) > PLAUSIBLE or 0 < abs(raw) < TINY):
                raise BadReply("no plausible absorbance", value=raw, remedy="check `word_order` and `address`")
            await self._settle()
            return Identity("Modbus", f"ADC unit {self._options.unit_id}")

    async def _settle(self) -> None:
        """Ask for another number of registers: RTU replies carry no address, so that a late absorbance could be taken
        for this one. Once this answer (or its refusal) is there, no older one can follow."""
        channel = self._options.absorbance
        if self._options.transport == "rtu":
            with contextlib.suppress(DeviceFault):
                await self._modbus.read(channel.address, 1 if channel.count > 1 else 2, channel.function)
