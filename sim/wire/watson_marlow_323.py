"""Watson-Marlow 323Du peristaltic drive, from its user manual (RS-232 commands, p. 27).

`<n><CC>[value]\\r` at 9600 8N2 with echo. Actions are answered by the echo alone. UNCONFIRMED in the manual and
chosen here: what is not understood or out of range is echoed and ignored; replies end with CR; after power-up the
drive stands still at its lowest speed, clockwise.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.wire.emulator import Actuator, Now, Outbox, WireSettings
from sim.wire.framing import Lines, text


class WatsonMarlow323:
    """`drive` gets the shaft speed in rev/s, clockwise positive."""

    ECHO = 0.005  # s, a few characters at 9600 baud
    LATENCY = 0.02
    GAP = 0.010  # s between commands; what comes earlier is lost (manual)
    LOWEST, HIGHEST = 3, 400  # rpm, whole

    settings = WireSettings(9600, 8, "N", 2)

    def __init__(self, now: Now, drive: Actuator, *, pump_number: int = 1, line_end: bytes = b"\r") -> None:
        self._now = now
        self._drive = drive
        self._number = str(pump_number)
        self._line_end = line_end
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r")
        self._last_at = -1.0
        self._rpm = self.LOWEST
        self._clockwise = True
        self.running = False
        self._commands: dict[str, Callable[[], None]] = {
            "SI": lambda: self._speed(str(self._rpm + 1)),
            "SD": lambda: self._speed(str(self._rpm - 1)),
            "GO": lambda: self._turn(True),
            "ST": lambda: self._turn(False),
            "RR": lambda: self._direction(True),
            "RL": lambda: self._direction(False),
            "RC": lambda: self._direction(not self._clockwise),
            "RS": self._status,
            "ZY": lambda: self._say("1" if self.running else "0"),
        }

    def receive(self, data: bytes) -> None:
        self._out.put(data, self.ECHO)
        for line in self._lines.feed(data):
            now = self._now()
            if now - self._last_at >= self.GAP - 1e-6:
                self._obey(text(line))
            self._last_at = now

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def press_stop(self) -> None:
        """The stop key of the front panel: acts whatever the link says."""
        self._turn(False)

    def power_cycle(self) -> None:
        """The drive does not start by itself."""
        self._out.clear()
        self._lines.clear()
        self._rpm, self._clockwise = self.LOWEST, True
        self._turn(False)

    def _obey(self, line: str) -> None:
        if not line.startswith(self._number):
            return
        body = line[len(self._number) :]
        if body.startswith("SP"):
            self._speed(body[2:].removeprefix(" "))
        elif (command := self._commands.get(body)) is not None:
            command()

    def _speed(self, value: str) -> None:
        if value.isascii() and value.isdigit() and len(value) <= 3 and self.LOWEST <= int(value) <= self.HIGHEST:
            self._rpm = int(value)
            self._apply()

    def _direction(self, clockwise: bool) -> None:
        self._clockwise = clockwise
        self._apply()

    def _turn(self, on: bool) -> None:
        self.running = on
        self._apply()

    def _apply(self) -> None:
        speed = self._rpm / 60.0 if self.running else 0.0
        self._drive(speed if self._clockwise else -speed)

    def _status(self) -> None:
        self._say(f"323Du {self._rpm} {'CW' if self._clockwise else 'CCW'} {int(self.running)} !")

    def _say(self, answer: str) -> None:
        self._out.put(answer.encode() + self._line_end)
