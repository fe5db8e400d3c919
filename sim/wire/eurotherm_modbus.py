"""Eurotherm 3200 controller, Modbus RTU (manual HA028651, ch. 15). Table numbers are protocol addresses.

Values are signed 16 bit, scaled by the configured decimals. UNCONFIRMED and chosen here: a write to a read-only
address is exception 02, a value out of range 03; a broken sensor reads one unit above the range (upscale drive);
only the addresses of the table exist.
"""

from __future__ import annotations

import math

from sim.wire.emulator import Actuator, Now, Outbox, Sensor, WireSettings
from sim.wire.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusError, ModbusServer, signed

PV, TARGET, MANUAL, OUTPUT, WORKING = 1, 2, 3, 4, 5
LOW, HIGH, SELECT, TIMER, SP1, SP2, REMOTE, REMOTE_ON, SP_HIGH, SP_LOW = 11, 12, 15, 23, 24, 25, 26, 276, 111, 112

_PLAIN = {6: 200, 7: 0, 8: 360, 9: 60, 13: 0, 14: 0, 30: 1000, 37: 0, 270: 0}
"""Registers without a part in the control of the twin: kept, not scaled."""
_READ_ONLY = frozenset((PV, OUTPUT, WORKING, TIMER))
_EEPROM = frozenset((TARGET, SP1, SP2, SELECT, LOW, HIGH, SP_HIGH, SP_LOW, *_PLAIN))


class Eurotherm:
    """`temperature` is degC; `setpoint`, where there is one, gets the working set-point."""

    LATENCY = 0.03  # s

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        temperature: Sensor,
        *,
        decimals: int = 1,
        unit_id: int = 1,
        setpoint: Actuator | None = None,
        low: float = -100.0,
        high: float = 200.0,
    ) -> None:
        self._temperature = temperature
        self._factor: int = 10**decimals
        self._setpoint = setpoint
        self._out = Outbox(now, self.LATENCY)
        self.eeprom_writes = 0
        scaled = {LOW: low, HIGH: high, SP_HIGH: high, SP_LOW: low, SP1: 0.0, SP2: 0.0, REMOTE: 0.0}
        self._registers: dict[int, int] = {address: round(value * self._factor) for address, value in scaled.items()}
        self._registers |= {SELECT: 0, REMOTE_ON: 0, MANUAL: 0, OUTPUT: 0, TIMER: 0, **_PLAIN}
        self.server = ModbusServer(now, "rtu", unit_id, self._read, self._write)

    def receive(self, data: bytes) -> None:
        for reply in self.server.feed(data):
            self._out.put(reply)

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def power_cycle(self) -> None:
        """The remote set-point is forgotten; what is in the EEPROM stays."""
        self._out.clear()
        self.server.clear()
        self._registers[REMOTE] = self._registers[REMOTE_ON] = self._registers[MANUAL] = 0
        self._apply()

    # -- registers

    def _read(self, function: int, address: int) -> int:
        if address == PV:
            return self._process_value()
        if address == WORKING:
            return self._working()
        if address == TARGET:
            return self._registers[self._target_register()]
        if address not in self._registers:
            raise ModbusError(ILLEGAL_ADDRESS)
        return self._registers[address]

    def _process_value(self) -> int:
        value = self._temperature()
        if not math.isfinite(value):
            return self._registers[HIGH] + self._factor
        return max(min(round(value * self._factor), 32767), -32768)

    def _target_register(self) -> int:
        return SP2 if self._registers[SELECT] else SP1

    def _working(self) -> int:
        value = self._registers[REMOTE if self._registers[REMOTE_ON] else self._target_register()]
        return min(max(value, self._registers[SP_LOW]), self._registers[SP_HIGH])

    def _write(self, address: int, raw: int) -> None:
        value = signed(raw)
        if address in _READ_ONLY or (address != TARGET and address not in self._registers):
            raise ModbusError(ILLEGAL_ADDRESS)
        self._check(address, value)
        self._registers[self._target_register() if address == TARGET else address] = value
        self.eeprom_writes += address in _EEPROM
        self._apply()

    def _check(self, address: int, value: int) -> None:
        registers = self._registers
        if address in (TARGET, SP1, SP2, REMOTE):
            allowed = registers[SP_LOW] <= value <= registers[SP_HIGH]
        elif address in (SELECT, REMOTE_ON, 7):
            allowed = value in (0, 1)
        elif address in (SP_LOW, SP_HIGH):
            allowed = registers[LOW] <= value <= registers[HIGH]
        else:
            allowed = address not in (MANUAL, 30) or -1000 <= value <= 1000
        if not allowed:
            raise ModbusError(ILLEGAL_VALUE)

    def _apply(self) -> None:
        if self._setpoint is not None:
            self._setpoint(self._working() / self._factor)
