"""Pfeiffer TPG 362 gauge controller with a Pirani (channel 1) and a capacitance gauge (channel 2).

Mnemonics protocol, BG 5510 BEN: `<mnemonic>[,p..]\\r` -> ACK or NAK CR LF; each ENQ then gives the data of the
last mnemonic afresh. After power-up values stream every second until the first byte. Relays 1-4: on below the
lower threshold, off above the upper one, evaluated at each byte and by `scan()`.
UNCONFIRMED and chosen here: no sign on positive values; SPn takes channel (1, 2), lower and upper threshold in the
current unit and survives a power cycle; an unassigned relay is off.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.wire.emulator import Now, Outbox, Sensor, WireSettings
from sim.wire.framing import TORR, text

ACK, NAK, ENQ, ETX = b"\x06\r\n", b"\x15\r\n", 0x05, 0x03
_UNITS = (100.0, TORR, 1.0, TORR / 1000, 100.0, 1.0)
"""Pa in mbar, Torr, Pa, micron, hPa; volts are shown as Pa."""
_PERIODS = (0.1, 1.0, 60.0)
_SYNTAX, _PARAMETER, _NO_HARDWARE = "0001", "0010", "0100"


class PfeifferTpg362:
    """`pirani` and `capacitance` are Pa absolute; NaN is a sensor error. `relay(n, on)` is called at each change."""

    LATENCY = 0.02  # s
    PIRANI = (0.05, 1e5)  # Pa, TPR 280
    LOWEST = 1e-4  # of the capacitance gauge's full scale

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        pirani: Sensor,
        capacitance: Sensor,
        relay: Callable[[int, bool], None],
        *,
        full_scale: float = 1100.0,
        unit: int = 0,
        serial_number: str = "44990000",
    ) -> None:
        self._now = now
        self._gauges = (pirani, capacitance)
        self._ranges = (self.PIRANI, (full_scale * self.LOWEST, full_scale))
        self._relay = relay
        self._unit = unit
        self._serial_number = serial_number
        self._out = Outbox(now, self.LATENCY)
        self._line = bytearray()
        self._asked: Callable[[], str] | None = None
        self._error_word = "0000"
        self._streaming: float | None = 1.0
        self._next = now() + 1.0
        self._filters, self._offsets_on, self._offsets = [1, 1], [0, 0], [0.0, 0.0]
        self._thresholds: list[tuple[int, float, float] | None] = [None] * 4  # channel, low Pa, high Pa
        self.relays = [False] * 4
        self._mnemonics: dict[str, Callable[[list[str]], Callable[[], str]]] = {
            "PR1": lambda p: self._plain(p, lambda: self._value(0)),
            "PR2": lambda p: self._plain(p, lambda: self._value(1)),
            "PRX": lambda p: self._plain(p, self._both),
            "COM": self._continuous,
            "UNI": self._units,
            "TID": lambda p: self._plain(p, lambda: "TPR/PCR,CMR/APR"),
            "SEN": self._switch,
            "ERR": lambda p: self._plain(p, self._read_error),
            "AYT": lambda p: self._plain(p, lambda: f"TPG362,PTG28290,{self._serial_number},010100,010100"),
            "PNR": lambda p: self._plain(p, lambda: "010100"),
            "FIL": lambda p: self._pair(p, self._filters),
            "OFC": self._offset_control,
            "OFD": self._offset_values,
            "SPS": lambda p: self._plain(p, lambda: ",".join(str(int(on)) for on in self.relays)),
            **{f"SP{index + 1}": self._switching(index) for index in range(4)},
        }

    # -- wire

    def receive(self, data: bytes) -> None:
        self.scan()
        if data and self._streaming is not None:
            self._streaming = None
        for byte in data:
            if byte == ETX:
                self._line.clear()
                self._out.clear()
            elif byte == ENQ:
                self._line.clear()
                self._enquire()
            elif byte == 0x0D:
                self._obey(text(bytes(self._line)))
                self._line.clear()
            elif byte not in (0x0A, 0x20) and len(self._line) < 128:
                self._line.append(byte)

    def transmit(self) -> bytes:
        if self._streaming is not None and self._now() >= self._next - 1e-9:
            self._next = self._now() + self._streaming
            self._say(self._both())
        return self._out.take()

    def due_in(self) -> float | None:
        due = self._out.due_in()
        if self._streaming is None:
            return due
        stream = max(self._next - self._now(), 0.0)
        return stream if due is None else min(due, stream)

    def scan(self) -> None:
        """Switch the relays; the plant calls it as it advances."""
        for index, threshold in enumerate(self._thresholds):
            if threshold is None:
                continue
            channel, low, high = threshold
            pressure = self._gauges[channel - 1]()
            on = pressure < low or (self.relays[index] and pressure <= high)
            if on != self.relays[index]:
                self.relays[index] = on
                self._relay(index + 1, on)

    def power_cycle(self) -> None:
        """Relays drop out for the moment of the cut; settings are kept; values stream until the first byte."""
        self._out.clear()
        self._line.clear()
        self._asked, self._error_word = None, "0000"
        self._streaming, self._next = 1.0, self._now() + 1.0
        for index, on in enumerate(self.relays):
            if on:
                self.relays[index] = False
                self._relay(index + 1, False)
        self.scan()

    def switching_points(self, relay: int) -> tuple[float, float] | None:
        """Thresholds of relay `relay` (1-4) in Pa, None when it is unassigned: the plant regulates by them."""
        threshold = self._thresholds[relay - 1]
        return None if threshold is None else threshold[1:]

    def select_unit(self, unit: int) -> None:
        """The unit key of the panel: 0 mbar, 1 Torr, 2 Pa, 3 micron, 4 hPa, 5 V."""
        _ = _UNITS[unit]
        self._unit = unit

    # -- dialogue

    def _say(self, line: str) -> None:
        self._out.put(line.encode() + b"\r\n")

    def _enquire(self) -> None:
        if self._asked is not None:
            self._say(self._asked())

    def _obey(self, line: str) -> None:
        name, *parameters = line.split(",")
        mnemonic = self._mnemonics.get(name)
        try:
            if mnemonic is None:
                raise _Refused(_SYNTAX)
            self._asked = mnemonic(parameters)
        except _Refused as refusal:
            self._error_word = refusal.word
            self._asked = self._read_error
            self._out.put(NAK)
        else:
            self._out.put(ACK)

    def _plain(self, parameters: list[str], data: Callable[[], str]) -> Callable[[], str]:
        if parameters:
            raise _Refused(_SYNTAX)
        return data

    def _read_error(self) -> str:
        word, self._error_word = self._error_word, "0000"
        return word

    # -- values

    def _value(self, index: int) -> str:
        status, pressure = self._measure(index)
        shown = f"{pressure / _UNITS[self._unit]:.4E}"
        if index == 0:  # a logarithmic gauge has two decimals
            shown = f"{float(f'{float(shown):.2E}'):.4E}"
        return f"{status},{shown}"

    def _measure(self, index: int) -> tuple[int, float]:
        low, high = self._ranges[index]
        pressure = self._gauges[index]()
        if not math.isfinite(pressure):
            return 3, 0.0
        if self._offsets_on[index]:
            pressure -= self._offsets[index]
        if pressure < low:
            return 1, low
        return (2, high) if pressure > high else (0, pressure)

    def _both(self) -> str:
        return f"{self._value(0)},{self._value(1)}"

    # -- settings

    def _continuous(self, parameters: list[str]) -> Callable[[], str]:
        if len(parameters) > 1 or (parameters and parameters[0] not in ("0", "1", "2")):
            raise _Refused(_PARAMETER)
        self._streaming = _PERIODS[int(parameters[0])] if parameters else 1.0
        self._next = self._now() + self._streaming
        return self._both

    def _units(self, parameters: list[str]) -> Callable[[], str]:
        if len(parameters) > 1 or (parameters and parameters[0] not in tuple("012345")):
            raise _Refused(_PARAMETER)
        if parameters:
            self._unit = int(parameters[0])
        return lambda: str(self._unit)

    def _switch(self, parameters: list[str]) -> Callable[[], str]:
        """Neither gauge can be switched: only "no change" is admissible."""
        if parameters and (len(parameters) != 2 or any(p not in ("0", "1", "2") for p in parameters)):
            raise _Refused(_PARAMETER)
        if any(p != "0" for p in parameters):
            raise _Refused(_NO_HARDWARE)
        return lambda: "0,0"

    def _pair(self, parameters: list[str], values: list[int]) -> Callable[[], str]:
        if parameters and (len(parameters) != 2 or any(p not in ("0", "1", "2") for p in parameters)):
            raise _Refused(_PARAMETER)
        if parameters:
            values[:] = [int(p) for p in parameters]
        return lambda: f"{values[0]},{values[1]}"

    def _offset_control(self, parameters: list[str]) -> Callable[[], str]:
        """0 off, 1 on, 2 take the present value as offset."""
        reply = self._pair(parameters, self._offsets_on)
        for index, value in enumerate(self._offsets_on):
            if value == 2:
                self._offsets[index] = self._gauges[index]()
                self._offsets_on[index] = 1
        return reply

    def _offset_values(self, parameters: list[str]) -> Callable[[], str]:
        if parameters:
            values = [_floating(p) for p in parameters]
            if len(values) != 2:
                raise _Refused(_PARAMETER)
            self._offsets[:] = [value * _UNITS[self._unit] for value in values]
        return lambda: ",".join(f"{value / _UNITS[self._unit]:.4E}" for value in self._offsets)

    def _switching(self, index: int) -> Callable[[list[str]], Callable[[], str]]:
        def handle(parameters: list[str]) -> Callable[[], str]:
            if parameters:
                self._assign(index, parameters)
            return lambda: self._threshold(index)

        return handle

    def _assign(self, index: int, parameters: list[str]) -> None:
        if len(parameters) != 3 or parameters[0] not in ("1", "2"):
            raise _Refused(_PARAMETER)
        low, high = (_floating(p) * _UNITS[self._unit] for p in parameters[1:])
        if not 0 <= low <= high:
            raise _Refused(_PARAMETER)
        self._thresholds[index] = (int(parameters[0]), low, high)
        self.scan()

    def _threshold(self, index: int) -> str:
        channel, low, high = self._thresholds[index] or (1, 0.0, 0.0)
        scale = _UNITS[self._unit]
        return f"{channel},{low / scale:.4E},{high / scale:.4E}"


class _Refused(Exception):
    """NAK with this error word."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def _floating(shown: str) -> float:
    """A number with or without exponent, as `1.0E-2`."""
    try:
        value = float(shown)
    except ValueError:
        raise _Refused(_PARAMETER) from None
    if not math.isfinite(value) or not shown.isascii() or "_" in shown:
        raise _Refused(_PARAMETER)
    return value
