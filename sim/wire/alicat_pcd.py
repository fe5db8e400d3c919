"""Alicat PCD pressure controller, from the Serial Communications Primer Rev 2 (2023-02) and the PC manuals.

`<id><cmd>[arg]\\r` at 19200 8N1; a foreign id is answered by silence, `?` means not understood. Out-of-range
set-points are clamped, not refused. While held (HLD) a set-point is accepted but acts only after `C`.
UNCONFIRMED and chosen here: the columns of a PCD (gauge pressure, its set-point); set-point zero after power-up.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.wire.emulator import Actuator, Now, Outbox, Sensor, WireSettings
from sim.wire.framing import BAR, PSI, Lines, number, text

_UNITS = {"PSIG": (10, PSI, 2), "barG": (7, BAR, 3), "kPaG": (4, 1e3, 2)}
"""Unit code, Pa, decimals."""
_PRESSURE, _SETPOINT = "006", "038"


class AlicatPcd:
    """`setpoint` gets Pa gauge when the loop takes one; `pressure` is what the sensor sees."""

    LATENCY = 0.02  # s
    LINE_TIME = 0.03  # s between the lines of a table
    STREAM = 0.05  # s between frames of a streaming unit

    settings = WireSettings(19200)

    def __init__(
        self,
        now: Now,
        pressure: Sensor,
        setpoint: Actuator,
        *,
        full_scale: float = 30 * PSI,
        unit_id: str = "A",
        unit: str = "PSIG",
        serial_number: str = "248172",
        firmware: str = "10v20.0-R24",
    ) -> None:
        self._now = now
        self._pressure = pressure
        self._setpoint = setpoint
        self._code, self._scale, self._decimals = _UNITS[unit]
        self._unit = unit
        self._full_scale = full_scale / self._scale
        self._first_id = self._id = unit_id
        self._serial_number = serial_number
        self._firmware = firmware
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r", drop=b"\n")
        self._source = "S"
        self._requested = 0.0
        self._zero = 0.0
        self._held = ""
        self._locked = False
        self._streaming_at: float | None = None
        self._commands: dict[str, Callable[[str], str | None]] = {
            "": lambda a: self._frame(),
            "S": self._set,
            "LS": self._set_or_read,
            "LSS": self._set_source,
            "HP": lambda a: self._hold("HP", a),
            "HC": lambda a: self._hold("HC", a),
            "C": lambda a: self._hold("", a),
            "P": self._tare,
            "PC": lambda a: self._frame(),
            "VE": lambda a: f"{self._id}   {self._firmware} Jan  9 2025,15:04:07",
            "FPF": self._full_scale_of,
            "L": lambda a: self._lock(True, a),
            "U": lambda a: self._lock(False, a),
            "??D*": lambda a: self._table(self._columns()),
            "??M*": lambda a: self._table(self._about()),
        }

    def receive(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self._hear(text(line).upper())

    def transmit(self) -> bytes:
        if self._streaming_at is not None and self._now() >= self._streaming_at - 1e-9:
            self._streaming_at = self._now() + self.STREAM
            self._out.put(self._frame("@").encode() + b"\r", 0.0)
        return self._out.take()

    def due_in(self) -> float | None:
        due = self._out.due_in()
        if self._streaming_at is None:
            return due
        stream = max(self._streaming_at - self._now(), 0.0)
        return stream if due is None else min(due, stream)

    def power_cycle(self) -> None:
        """Set-point zero, loop closed, not streaming; id and unit are kept."""
        self._out.clear()
        self._lines.clear()
        self._held, self._locked, self._streaming_at = "", False, None
        self._requested = 0.0
        self._setpoint(0.0)

    def override(self, source: str) -> None:
        """Set the set-point source at the panel: S serial, U user, A analog (then serial ones are refused)."""
        self._source = source

    def _hear(self, line: str) -> None:
        if line == f"@@ {self._id}" or line == f"@@={self._id}":
            self._streaming_at = None
            return
        own = "@" if self._streaming_at is not None else self._id
        if line[:1] != own:
            return
        body = line[1:]
        if body[:1] == "@":
            self._change_id(body[1:])
            return
        answer = self._answer(body)
        if answer is not None:
            self._out.put(answer.encode() + b"\r")

    def _answer(self, body: str) -> str | None:
        command = self._commands.get(body)
        if command is not None:
            return command("")
        if body[:1] in "0123456789+-.":
            return self._legacy(body)
        for size in (3, 2, 1):
            name, argument = body[:size], body[size:]
            if name in ("LSS", "FPF", "LS", "S") and (argument[:1] == " " or size == 1):
                return self._commands[name](argument.removeprefix(" "))
        return "?"

    def _change_id(self, new: str) -> None:
        new = new.lstrip(" =")
        if new == "@":
            self._streaming_at = self._now() + self.STREAM
        elif len(new) == 1 and "A" <= new <= "Z":
            self._id = new

    # -- values

    def _shown(self, value: float) -> str:
        width = 5 + (self._decimals if self._decimals > 2 else 2)
        return f"{value:+0{width}.{self._decimals}f}"

    def _measured(self) -> float:
        value = self._pressure() / self._scale - self._zero
        return value if math.isfinite(value) else 0.0

    def _frame(self, shown_id: str | None = None) -> str:
        measured = self._measured()
        status = " POV" if measured > 1.28 * self._full_scale else ""
        status += " HLD" if self._held else ""
        status += " LCK" if self._locked else ""
        return f"{shown_id or self._id} {self._shown(measured)} {self._shown(self._requested)}{status}"

    def _set(self, argument: str) -> str:
        value = number(argument)
        if value is None or self._source != "S":
            return "?"
        self._take(value)
        return self._frame()

    def _take(self, value: float) -> None:
        self._requested = round(min(max(value, 0.0), self._full_scale), self._decimals)
        if not self._held:
            self._setpoint(self._requested * self._scale)

    def _legacy(self, body: str) -> str:
        """The integer set-point of old firmware: 64000 is full scale."""
        if not body.isdigit() or int(body) > 65535 or self._source != "S":
            return "?"
        self._take(int(body) / 64000 * self._full_scale)
        return self._frame()

    def _set_or_read(self, argument: str) -> str:
        if argument and self._set(argument) == "?":
            return "?"
        shown = self._shown(self._requested)
        return f"{self._id} {shown} {shown} {self._code} {self._unit}"

    def _set_source(self, argument: str) -> str:
        if argument in ("S", "U", "A"):
            self._source = argument
        elif argument:
            return "?"
        return f"{self._id} {self._source}"

    def _hold(self, kind: str, argument: str) -> str:
        self._held = kind
        if not kind:
            self._setpoint(self._requested * self._scale)
        return self._frame()

    def _tare(self, argument: str) -> str:
        self._zero += self._measured()
        return self._frame()

    def _lock(self, on: bool, argument: str) -> str:
        self._locked = on
        return self._frame()

    def _full_scale_of(self, argument: str) -> str:
        if argument.zfill(3) not in (_PRESSURE, _SETPOINT):
            return "?"
        return f"{self._id} {self._shown(self._full_scale)} {self._code:03d} {self._unit}"

    # -- tables

    def _table(self, rows: list[str]) -> None:
        for row in rows:
            self._out.put(f"{self._id} {row}\r".encode(), self.LINE_TIME)
        self._out.put(b"\r", self.LINE_TIME)

    def _columns(self) -> list[str]:
        numeric = f"{'s decimal':<11} {f'7/{self._decimals}':>5} {self._code:03d} 02 {self._unit}"
        return [
            f"D00 ID_ {'NAME':_<26} {'TYPE':_<11} WIDTH {'NOTES':_<24}",
            f"D01 700 {'Unit ID':<26} {'string':<11} {'1':>5}",
            f"D02 {_PRESSURE} {'Gauge Press':<26} {numeric}",
            f"D03 {_SETPOINT} {'Gauge Press Setpt':<26} {numeric}",
            f"D04 701 {'*Error':<26} {'string':<11} {'3':>5} HLD",
        ]

    def _about(self) -> list[str]:
        return [
            "M00 Alicat Scientific",
            "M01 www.alicat.com",
            "M02 Ph   520-290-6060",
            "M03 info@alicat.com",
            f"M04 Model Number PCD-{self._full_scale:.0f}{self._unit}-D",
            f"M05 Serial Number {self._serial_number}",
            "M06 Date Manufactured 03/02/2025",
            "M07 Date Calibrated   03/02/2025",
            "M08 Calibrated By     BL",
            f"M09 Software Revision {self._firmware}",
        ]
