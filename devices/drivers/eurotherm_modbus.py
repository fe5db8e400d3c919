"""Eurotherm 3200 controllers: condenser and product thermocouples over Modbus.

Source: 3200 series manual HA028651 ch. 15; table numbers are protocol addresses (no minus one). Values are signed 16
bit, scaled by the decimals set on the panel, which the line file must repeat (`decimals`).
A set-point in address 2 lives in EEPROM (100 000 writes); ramps go to the remote set-point (26, selected by 276).
Unconfirmed: address of decimals and sensor break on the fitted model. A broken sensor raises no exception: a value
outside the range of addresses 11 and 12, or one frozen for longer than `stale`, is no number.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Link
from devices.modbus import Framing, Modbus, signed, unsigned
from devices.readings import Identity, Quality, Reading, bad
from devices.strict import about, check_role, finite
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, DeviceFault, Refused
from vesiflow.quantities import Duration, inside

REGISTERS = {
    "pv": 1,
    "target_setpoint": 2,
    "manual_output": 3,
    "working_output": 4,
    "working_setpoint": 5,
    "proportional_band": 6,
    "control_action": 7,
    "integral_time": 8,
    "derivative_time": 9,
    "range_low": 11,
    "range_high": 12,
    "alarm_1": 13,
    "alarm_2": 14,
    "setpoint_select": 15,
    "timer_status": 23,
    "setpoint_1": 24,
    "setpoint_2": 25,
    "remote_setpoint": 26,
    "max_output": 30,
    "output_rate_limit": 37,
    "setpoint_high_limit": 111,
    "setpoint_low_limit": 112,
    "autotune": 270,
    "remote_select": 276,
}


def decode_value(register: int, decimals: int) -> float:
    """A scaled register: FE6B with one decimal is -40.5."""
    return signed(register) / 10.0**decimals


def encode_value(value: float, decimals: int) -> int:
    """A value (degC or %) as a scaled register; LimitExceeded when it is not finite or does not fit."""
    return unsigned(round(finite(value) * 10.0**decimals))


class EurothermOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys. `writable` must be set for a controller; thermocouples stay monitoring only."""

    transport: Framing = "rtu"
    unit_id: int = Field(default=1, ge=1, le=247)
    decimals: Literal[0, 1, 2, 3] = 1
    writable: bool = False
    timeout: Duration = Field(default="0.5 s", validate_default=True)
    stale: Duration | None = Field(default=None, description="a value unchanged for longer is a fault")


class Eurotherm:
    """One RS-485 line or gateway; `channel` of a role is the unit id of a further controller on it."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = EurothermOptions
    provides: ClassVar[tuple[str, ...]] = ("thermometer",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Eurotherm", "3200 series", "HA028651")

    def __init__(self, link: Link, clock: Clock, options: EurothermOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or EurothermOptions()
        self._units: dict[int, EurothermUnit] = {}

    async def connect(self) -> Identity:
        """Read the process value of every unit in use; Modbus tells no serial number."""
        self._unit(self._options.unit_id)
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> EurothermUnit:
        """The controller with unit id `channel`, by default `unit_id` of the options."""
        check_role(self._link.name, self.provides, capability, role_options)
        if channel is not None and not 1 <= channel <= 247:
            raise ConfigError(
                "unknown unit id", device=self._link.name, value=channel, bounds="1..247", remedy="mend it"
            )
        return self._unit(self._options.unit_id if channel is None else channel)

    def _unit(self, unit: int) -> EurothermUnit:
        return self._units.setdefault(unit, EurothermUnit(self._link, self._clock, self._options, unit))

    async def _identify(self) -> Identity:
        for unit in self._units.values():
            await unit.learn()
        units = ",".join(str(unit) for unit in sorted(self._units))
        return Identity("Eurotherm", f"Modbus controller, unit {units}")


class EurothermUnit:
    """One controller on the line."""

    def __init__(self, link: Link, clock: Clock, options: EurothermOptions, unit: int) -> None:
        self._name = link.name
        self._clock = clock
        self._options = options
        self._modbus = Modbus(link, options.transport, unit, inside(options.timeout, "s"))
        self._range: tuple[float, float] | None = None
        self._last: tuple[float, float] | None = None  # value, and since when it has not changed

    @read
    async def learn(self) -> None:
        """Answer at all, and tell the sensor's range; a range of nothing (0..0) is not used.

        RTU replies carry no address. The range is asked for last and as two registers, which no other answer has:
        once it is there, a late answer to another question can no longer be taken for the next one.
        """
        with about(self._name, "identify"):
            await self._read("pv")
            try:
                registers = await self._modbus.read(REGISTERS["range_low"], 2)
                low, high = (decode_value(register, self._options.decimals) for register in registers)
            except DeviceFault:  # a model without these addresses
                low = high = 0.0
            self._range = (low, high) if low < high else None

    @read
    async def read_temperature(self) -> Reading:
        """Process value, degC; outside the sensor's range or frozen it is no number."""
        with about(self._name, "read temperature"):
            value = await self._read("pv")
        now = self._clock.now()
        if self._last is None or self._last[0] != value:
            self._last = (value, now)
        if self._range is not None and value < self._range[0]:
            return bad(Quality.UNDER, now)
        if self._range is not None and value > self._range[1]:
            return bad(Quality.OVER, now)
        if self._options.stale is not None and now - self._last[1] > inside(self._options.stale, "s"):
            return bad(Quality.FAULT, now)
        return Reading(value, now)

    @read
    async def read_setpoint(self) -> float:
        """Working set-point, degC: what the controller controls to."""
        with about(self._name, "read set-point"):
            return await self._read("working_setpoint")

    @read
    async def read_output(self) -> float:
        """Working output, %."""
        with about(self._name, "read output"):
            return await self._read("working_output")

    @command(
        Kind.SETPOINT,
        evidence="read_setpoint",
        judge=reads_back(lambda post, temperature: abs(post - temperature) < 0.51),
    )
    async def set_temperature(self, temperature: float) -> None:
        """Select the remote set-point and write it (degC), without wear; returns when address 5 shows it."""
        with about(self._name, "set temperature"):
            self._check_writable()
            low, high = self._range or (-273.15, 2000.0)
            raw = encode_value(finite(temperature, low, high, unit="degC"), self._options.decimals)
            await self._modbus.write(REGISTERS["remote_setpoint"], raw)
            await self._modbus.write(REGISTERS["remote_select"], 1)
            (found,) = await self._modbus.read(REGISTERS["working_setpoint"])
            if found != raw:
                raise DeviceFault(
                    "set-point was not taken over",
                    value=decode_value(found, self._options.decimals),
                    bounds=f"{temperature:g} degC",
                    remedy="check set-point limits (111, 112) and the ramp rate",
                )

    def _check_writable(self) -> None:
        if not self._options.writable:
            raise Refused("monitoring only", device=self._name, remedy="set `writable: true` in the line file")

    async def _read(self, name: str) -> float:
        (register,) = await self._modbus.read(REGISTERS[name])
        return decode_value(register, self._options.decimals)
