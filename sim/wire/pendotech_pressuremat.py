"""PendoTECH PressureMAT monitor: answers the poll `AZK` with one frame of a row per sensor.

Facts: the published reader of the PMAT4A (README and source); no command chapter exists. UNCONFIRMED and chosen
here: one frame with CR LF after each row (`single_frame=False` gives one frame per row), n3 = n4 as in all
published rows, and a sensor without signal keeps showing its last value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sim.wire.emulator import Now, Outbox, Sensor, WireSettings
from sim.wire.framing import BAR, PSI, Lines

_UNITS = {"psi": (PSI, 1), "bar": (BAR, 3)}
_POLL = b"AZK"


class PressureMat:
    """Shows up to four pressures (Pa gauge) in the unit set on its front panel."""

    LATENCY = 0.03  # s until the first byte
    BYTE_TIME = 10 / 9600  # s; four rows take a third of a second

    settings = WireSettings()

    def __init__(
        self, now: Now, pressures: Sequence[Sensor], *, unit: str = "psi", single_frame: bool = True, status: int = 1734
    ) -> None:
        if not 1 <= len(pressures) <= 4:
            raise ValueError(f"a PressureMAT has 1 to 4 sensors, not {len(pressures)}")
        self._pressures = pressures
        self._scale, self._decimals = _UNITS[unit]
        self._single_frame = single_frame
        self._status = status
        self._shown = [0.0] * len(pressures)
        self._zero = [0.0] * len(pressures)
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r\n")

    def receive(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if line == _POLL:
                frame = self._frame()
                self._out.put(frame, self.LATENCY + len(frame) * self.BYTE_TIME)

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def press_tare(self, channel: int) -> None:
        """Zero one sensor (1-based) at the front panel."""
        self._zero[channel - 1] += self._read(channel - 1)

    def power_cycle(self) -> None:
        """Tare is forgotten."""
        self._out.clear()
        self._lines.clear()
        self._zero = [0.0] * len(self._pressures)

    def _read(self, index: int) -> float:
        value = self._pressures[index]() / self._scale
        if math.isfinite(value):
            self._shown[index] = value
        return self._shown[index] - self._zero[index]

    def _frame(self) -> bytes:
        rows = [self._row(i) for i in range(len(self._pressures))]
        if self._single_frame:
            return b"\x10\x02" + b"".join(row + b"\r\n" for row in rows) + b"\x10\x03"
        return b"".join(b"\x10\x02" + row + b"\x10\x03" for row in rows)

    def _row(self, index: int) -> bytes:
        shown = f"{self._read(index):11.{self._decimals}f}"
        none = f"{0:11.{self._decimals}f}"
        body = f",00000.0{2 * index + 1},4,{none},{none},{shown},{shown},{self._status:05d},X,X,X,X,X,".encode()
        return b"AZ" + body + f"{-sum(body) & 0xFF:02X}".encode()
