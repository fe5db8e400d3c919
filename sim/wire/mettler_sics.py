"""Mettler-Toledo precision balance, MT-SICS levels 0 and 1 (reference manual 11780711).

CR LF both ways, upper case only. `S`, `Z` and `T` wait for stability up to the time-out and keep the bus busy:
commands that come meanwhile are answered afterwards. UNCONFIRMED and chosen here: `SR` sends a change of at least
1 g (or the preset it is given); an overload limit 5 d above the capacity.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from sim.wire.emulator import Now, Outbox, Sensor, WireSettings
from sim.wire.framing import Lines, number, text

_UNITS = {"g": (1e3, 2), "kg": (1.0, 5), "mg": (1e6, 0)}
"""Factor from kg, decimals shown."""


class MettlerBalance:
    """`mass` is what lies on the pan (kg); `stable` whether it has settled."""

    LATENCY = 0.03  # s
    STABILITY = 0.3  # s: the shortest time to call a weight stable
    PATIENCE = 12.0  # s: the stability time-out
    STREAM = 0.1  # s between weights of SIR
    ADJUSTMENT = 90.0  # s of internal adjustment
    START = 1.5  # s from power-on to the serial number

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        mass: Sensor,
        stable: Callable[[], bool],
        *,
        capacity: float = 6.2,
        serial_number: str = "B123456789",
        model: str = "MS6002TS",
        tare_status: str = "S",
    ) -> None:
        self._now = now
        self._mass = mass
        self._stable = stable
        self._capacity = capacity
        self._serial_number = serial_number
        self._model = model
        self._tare_status = tare_status
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r\n")
        self._zero = 0.0
        self._tare = 0.0
        self._unit = "g"
        self._name = ""
        self._queue: list[str] = []
        self._waiting: tuple[str, float, float] | None = None  # command, earliest and latest answer
        self._stream: tuple[str, float, float] | None = None  # kind, next look, threshold in kg
        self._streamed = 0.0
        self._busy_until = 0.0
        self.menu_open = False
        self.defect: int | None = None
        self._commands: dict[str, Callable[[str], str | None]] = {
            "S": self._ask_stable,
            "SI": lambda a: self._weight_now("S", a),
            "SIR": self._repeat,
            "SR": self._on_change,
            "Z": self._ask_stable,
            "ZI": self._zero_now,
            "T": self._ask_stable,
            "TI": self._tare_now,
            "TA": self._tare_value,
            "TAC": self._clear_tare,
            "@": self._reset,
            "I0": self._list_commands,
            "I1": lambda a: 'I1 A "01" "2.30" "2.22" "" ""',
            "I2": lambda a: f'I2 A "{self._model} {self._capacity * 1000:.2f} g"',
            "I3": lambda a: 'I3 A "2.10 10.28.0.493.142"',
            "I4": lambda a: f'I4 A "{self._serial_number}"',
            "I10": self._balance_name,
            "I11": lambda a: f'I11 A "{self._model}"',
            "D": self._display,
            "DW": lambda a: "DW A",
            "C3": self._adjust,
        }

    # -- wire

    def receive(self, data: bytes) -> None:
        self._advance()
        for line in self._lines.feed(data):
            if line == b"@":
                self._queue.clear()
                self._waiting = None
            if line:
                self._queue.append(text(line))
        self._work()

    def transmit(self) -> bytes:
        if self._waiting or self._stream or self._queue:
            self._advance()
            self._work()
        return self._out.take()

    def due_in(self) -> float | None:
        times = [] if (due := self._out.due_in()) is None else [due]
        now = self._now()
        if self._waiting:
            times.append(max(self._waiting[1] - now, 0.1))
        if self._stream:
            times.append(max(self._stream[1] - now, 0.0))
        if self._queue and not self._waiting:
            times.append(max(self._busy_until - now, 0.0))
        return min(times) if times else None

    def power_cycle(self) -> None:
        """Tare is gone, the load is taken as zero where it is small enough, the serial number is sent."""
        self._out.clear()
        self._lines.clear()
        self._queue.clear()
        self._waiting = self._stream = None
        self._tare, self._unit, self._busy_until = 0.0, "g", 0.0
        if abs(self._mass()) <= 0.2 * self._capacity:
            self._zero = self._mass()
        self._out.put(f'I4 A "{self._serial_number}"\r\n'.encode(), self.START)

    def select_unit(self, unit: str) -> None:
        """The unit key of the panel: g, kg or mg."""
        _ = _UNITS[unit]
        self._unit = unit

    def press_print(self) -> None:
        """The print key: an unsolicited weight line."""
        self._say(self._weight("S", self._stable()))

    # -- commands

    def _say(self, line: str) -> None:
        self._out.put(line.encode() + b"\r\n")

    def _work(self) -> None:
        while self._queue and not self._waiting and self._now() >= self._busy_until:
            self._obey(self._queue.pop(0))

    def _obey(self, line: str) -> None:
        name, _, argument = line.partition(" ")
        command = self._commands.get(name)
        if command is None:
            self._say("ES")
        elif self.menu_open:
            self._say("EL")
        else:
            if name in ("S", "SI", "SR", "SIR", "@"):
                self._stream = None
            self._name = name
            answer = command(argument)
            if answer:
                self._say(answer)

    def _ask_stable(self, argument: str) -> str | None:
        if argument:
            return f"{self._name} L"
        now = self._now()
        self._waiting = (self._name, now + self.STABILITY - self.LATENCY, now + self.PATIENCE)
        return None

    def _advance(self) -> None:
        """Answer a command that waits for stability, and stream."""
        now = self._now()
        if self._waiting:
            name, earliest, latest = self._waiting
            if self._stable() and now >= earliest - 1e-9:
                self._waiting = None
                self._say(self._settled(name))
            elif now >= latest:
                self._waiting = None
                self._say(f"{name} I")
        if self._stream and now >= self._stream[1] - 1e-9:
            kind, _, threshold = self._stream
            self._stream = (kind, now + self.STREAM, threshold)
            if kind == "SIR" or abs(self._net() - self._streamed) >= threshold:
                self._streamed = self._net()
                self._say(self._weight("S", self._stable()))

    def _settled(self, name: str) -> str:
        if name == "S":
            return self._weight("S", True)
        return self._do_zero("Z", "A") if name == "Z" else self._do_tare("T", self._tare_status)

    def _net(self) -> float:
        return self._mass() - self._zero - self._tare

    def _out_of_range(self) -> str:
        gross = self._mass() - self._zero
        if gross > self._capacity + 5e-5:
            return "+"
        return "-" if gross < -0.02 * self._capacity else ""

    def _value(self, kilograms: float) -> str:
        factor, decimals = _UNITS[self._unit]
        return f"{round(kilograms * factor, decimals) + 0.0:10.{decimals}f} {self._unit}"

    def _weight(self, name: str, stable: bool) -> str:
        if self.defect is not None:
            return f"S S Error {self.defect}"
        if sign := self._out_of_range():
            return f"{name} {sign}"
        return f"{name} {'S' if stable else 'D'} {self._value(self._net())}"

    def _weight_now(self, name: str, argument: str) -> str:
        return f"{name} L" if argument else self._weight(name, self._stable())

    def _repeat(self, argument: str) -> str | None:
        if argument:
            return "S L"
        self._stream = ("SIR", self._now(), 0.0)
        self._advance()
        return None

    def _on_change(self, argument: str) -> str | None:
        threshold = self._parse(argument) if argument else 1e-3
        if threshold is None or threshold <= 0:
            return "S L"
        self._streamed = self._net()
        self._stream = ("SR", self._now() + self.STREAM, threshold)
        return self._weight("S", self._stable())

    def _do_zero(self, name: str, status: str) -> str:
        gross = self._mass() - self._zero
        if abs(self._mass()) > 0.02 * self._capacity:
            return f"{name} {'+' if gross > 0 else '-'}"
        self._zero, self._tare = self._mass(), 0.0
        return f"{name} {status}"

    def _zero_now(self, argument: str) -> str:
        return "ZI L" if argument else self._do_zero("ZI", "S" if self._stable() else "D")

    def _do_tare(self, name: str, status: str) -> str:
        gross = self._mass() - self._zero
        if sign := self._out_of_range() or ("-" if gross < -5e-6 else ""):
            return f"{name} {sign}"
        self._tare = gross
        return f"{name} {status} {self._value(gross)}"

    def _tare_now(self, argument: str) -> str:
        return "TI L" if argument else self._do_tare("TI", "S" if self._stable() else "D")

    def _parse(self, argument: str) -> float | None:
        """A weight "12.34 g" in the unit shown, as kg."""
        shown, _, unit = argument.partition(" ")
        value = number(shown)
        return None if value is None or unit != self._unit else value / _UNITS[unit][0]

    def _tare_value(self, argument: str) -> str:
        if argument:
            value = self._parse(argument)
            if value is None or not 0 <= value <= self._capacity:
                return "TA L"
            self._tare = value
        return f"TA A {self._value(self._tare)}"

    def _clear_tare(self, argument: str) -> str:
        if argument:
            return "TAC L"
        self._tare = 0.0
        return "TAC A"

    def _reset(self, argument: str) -> str:
        self._tare = 0.0
        return f'I4 A "{self._serial_number}"'

    def _list_commands(self, argument: str) -> str | None:
        names = sorted(self._commands)
        for name in names:
            status = "A" if name == names[-1] else "B"
            level = 0 if name in ("S", "SI", "SIR", "Z", "ZI", "@", "I0", "I1", "I2", "I3", "I4") else 1
            self._say(f'I0 {status} {level} "{name}"')
        return None

    def _balance_name(self, argument: str) -> str:
        return "I10 L" if argument else f'I10 A "{self._model}"'

    def _display(self, argument: str) -> str:
        try:
            return "D A" if len(shlex.split(argument)) == 1 and argument[:1] == '"' else "D L"
        except ValueError:
            return "D L"

    def _adjust(self, argument: str) -> str | None:
        if argument:
            return "C3 L"
        if not self._stable() or abs(self._mass() - self._zero) > 0.02 * self._capacity:
            return "C3 I"
        self._busy_until = self._now() + self.ADJUSTMENT
        self._say("C3 B")
        self._out.put(b"C3 A\r\n", self.ADJUSTMENT)
        return None
