"""Keyence BL-1300 barcode reader (family protocol of the BL-600 and BL-700 manuals), 9600 7E1.

`<cmd>\\r` -> `<reply>\\r`, or STX/ETX around both. Reading commands and unknown ones are answered by silence unless
there is something to say: a code, or the no-read text. ESC before a command clears what was received.
UNCONFIRMED and chosen here: no reply when nothing is read (`no_read="ERR99"` sends a text instead); settings are
acknowledged whatever they are; one code per trigger.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.wire.emulator import Now, Outbox, WireSettings
from sim.wire.framing import text

_STX, _ETX, _CR, _LF, _ESC = 0x02, 0x03, 0x0D, 0x0A, 0x1B


class KeyenceBl1300:
    """`next_code` gives the text under the beam, empty when there is none."""

    LATENCY = 0.02  # s
    DECODE = 0.1  # s from the trigger to the code
    NO_READ = 0.8  # s until it gives up
    FORGETS = 30.0  # s between characters

    settings = WireSettings(9600, 7, "E", 1)

    def __init__(self, now: Now, next_code: Callable[[], str], *, no_read: str = "", motor: bool = True) -> None:
        self._now = now
        self._next_code = next_code
        self._no_read = no_read
        self._motor = motor
        self._out = Outbox(now, self.LATENCY)
        self._line = bytearray()
        self._heard_at = 0.0
        self._framed = False
        self._setting_up = False
        self.enabled = True
        self.beam = False
        self._commands: dict[str, Callable[[], None]] = {
            "RMOTOR": lambda: self._say("MOTORON" if self._motor else "MOTOROFF"),
            "MOTORON": lambda: self._turn(True),
            "MOTOROFF": lambda: self._turn(False),
            "LON": self._read,
            "LOFF": self._release,
            "SSET": lambda: self._settings_mode(True),
        }

    def receive(self, data: bytes) -> None:
        now = self._now()
        if now - self._heard_at > self.FORGETS:
            self._line.clear()
        self._heard_at = now
        for byte in data:
            if byte in (_STX, _ESC):
                self._line.clear()
                self._framed = byte == _STX
            elif byte in (_CR, _ETX):
                self._framed = byte == _ETX
                line = text(bytes(self._line))
                self._line.clear()
                self._obey(line)
            elif byte != _LF and len(self._line) < 256:
                self._line.append(byte)

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def power_cycle(self) -> None:
        """Beam off, motor on."""
        self._out.clear()
        self._line.clear()
        self._motor, self.enabled, self.beam, self._setting_up = True, True, False, False

    def _obey(self, line: str) -> None:
        if self._setting_up:
            self._settings_mode(line != "SEND")
            return
        command = self._commands.get(line)
        if command is not None:
            command()

    def _say(self, line: str, delay: float | None = None) -> None:
        body = line.encode("ascii", "replace")
        self._out.put(b"\x02" + body + b"\x03" if self._framed else body + b"\r", delay)

    def _turn(self, on: bool) -> None:
        self._motor = on
        self._say("OK")

    def _read(self) -> None:
        if not (self.enabled and self._motor):
            self._say("NG")
            return
        if self.beam:
            return  # latched: one code a trigger
        self.beam = True
        code = self._next_code()
        if code:
            self._say(code, self.DECODE)
        elif self._no_read:
            self._say(self._no_read, self.NO_READ)

    def _release(self) -> None:
        self.beam = False

    def _settings_mode(self, on: bool) -> None:
        """Settings are taken and forgotten: the recipe never sends them."""
        self._setting_up = on
        self._say("OK")
