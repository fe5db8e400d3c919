"""A UV detector's analog output behind a Modbus ADC, as the reference line defines it.

Absorbance in mAU at 280 nm as FLOAT32 in holding registers 0 and 1, big-endian, high word first; nothing else is
in the map. Optional status and counter registers can be added at addresses of the line file. The ADC clips at its
full scale and shows NaN for a lost signal; autozero is a key of the detector.
"""

from __future__ import annotations

import math

from sim.wire.emulator import Now, Outbox, Sensor, WireSettings
from sim.wire.modbus import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ModbusError, ModbusServer, float_words


class ModbusAdc:
    """`absorbance` is AU."""

    LATENCY = 0.02  # s
    CONVERSIONS = 10.0  # 1/s, what the counter counts

    def __init__(
        self,
        now: Now,
        absorbance: Sensor,
        *,
        framing: str = "rtu",
        unit_id: int = 1,
        address: int = 0,
        full_scale: float = 2.5,
        status_address: int | None = None,
        counter_address: int | None = None,
    ) -> None:
        self.settings = WireSettings() if framing == "rtu" else WireSettings(baudrate=None)
        self._now = now
        self._absorbance = absorbance
        self._address = address
        self._full_scale = full_scale
        self._status_address = status_address
        self._counter_address = counter_address
        self._words = float_words(0.0)
        self._started = now()
        self._zero = 0.0
        self.status = 0
        self._out = Outbox(now, self.LATENCY)
        self.server = ModbusServer(now, framing, unit_id, self._register)

    def receive(self, data: bytes) -> None:
        for reply in self.server.feed(data):
            self._out.put(reply)

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def press_autozero(self) -> None:
        """The detector's autozero key."""
        self._zero = self._absorbance()

    def power_cycle(self) -> None:
        """Autozero is forgotten and the counter starts again."""
        self._out.clear()
        self.server.clear()
        self._zero, self._started = 0.0, self._now()

    def _register(self, function: int, address: int) -> int:
        if function != 3:
            raise ModbusError(ILLEGAL_FUNCTION)
        if address == self._address:
            self._words = float_words(self._milli())
            return self._words[0]
        if address == self._address + 1:
            return self._words[1]
        if address == self._status_address:
            return self.status
        if address == self._counter_address:
            return int((self._now() - self._started) * self.CONVERSIONS) & 0xFFFF
        raise ModbusError(ILLEGAL_ADDRESS)

    def _milli(self) -> float:
        value = self._absorbance() - self._zero
        if math.isnan(value):
            return value
        return 1000.0 * min(max(value, -0.1 * self._full_scale), self._full_scale)
