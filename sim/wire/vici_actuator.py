"""VICI universal electric actuator (EUH/EUD/EUT manual, pp. 14-19): two-position (mode 1, 2) or multiposition (3).

`[id]<cmd>[arg]` with CR both ways by default. Actions are silent under IFM0; the move takes its time and `CP` shows
the old position until it is over. UNCONFIRMED and chosen here: unknown commands are silent; a command while moving
is taken when the move is over; with an id set, replies begin with it; IFM1/2 report the position after a move.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.wire.emulator import Actuator, Now, Outbox, WireSettings
from sim.wire.framing import Lines, text

_DELIMITERS = {"1": b"\r", "2": b"\n", "3": b"\r\n"}
_BAUDS = frozenset(("0048", "0096", "0192", "0384", "0576", "1152"))


class ViciActuator:
    """`position` gets the 1-based index at the end of a move: A is 1, B is 2."""

    LATENCY = 0.02  # s

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        position: Actuator,
        *,
        mode: int = 1,
        ports: int = 6,
        travel: float = 0.2,
        device_id: str = "",
        start: int = 1,
    ) -> None:
        self._now = now
        self._position = position
        self._mode = mode
        self._ports = ports
        self._travel = travel
        self._id = device_id
        self._out = Outbox(now, self.LATENCY)
        self._delimiter = b"\r"
        self._lines = Lines(b"\r")
        self._at = start
        self._count = 0
        self.jammed = False
        self._moves: list[tuple[float, int, int]] = []  # end of the move, position then, steps
        self._delay = 0
        self._direction = "A"
        self._respond, self._long = "0", False
        self._commands: dict[str, Callable[[str], str | None]] = {
            "CP": lambda a: None if a else self._place(),
            "GO": self._go,
            "CW": lambda a: self._turn(a, 1),
            "CC": lambda a: self._turn(a, -1),
            "HM": self._home,
            "TO": self._toggle,
            "TT": self._timed_toggle,
            "AM": self._actuator_mode,
            "NP": self._positions,
            "SM": self._set_direction,
            "DT": self._delay_time,
            "CNT": self._counter,
            "IFM": self._response_mode,
            "LG": self._long_replies,
            "DEL": self._delimiter_mode,
            "SB": self._baud,
            "LRN": self._learn,
            "VR": self._version,
            "ID": self._set_id,
            "/?": lambda a: None if a else "CP GO CW CC HM TO TT AM NP SM DT CNT IFM LG DEL SB LRN VR ID",
        }

    # -- wire

    def receive(self, data: bytes) -> None:
        self.scan()
        for line in self._lines.feed(data):
            self._obey(text(line))

    def transmit(self) -> bytes:
        if self._moves:
            self.scan()
        return self._out.take()

    def due_in(self) -> float | None:
        due = self._out.due_in()
        if due is None and self._moves and self._respond != "0":
            return max(self._moves[0][0] - self._now(), 0.0)
        return due

    def scan(self) -> None:
        """Finish the moves that are over; the plant calls it as it advances."""
        now = self._now() + 1e-9
        while self._moves and self._moves[0][0] <= now:
            _, self._at, steps = self._moves.pop(0)
            self._count += steps
            self._position(float(self._at))
            if self._respond != "0":
                self._say(self._place())

    def jam(self) -> None:
        """The rotor is stuck: commands are taken, nothing turns."""
        self.jammed = True

    def power_cycle(self) -> None:
        """A move is left where it ends; response mode and delay return to their defaults, the counter stays."""
        self.scan()
        self._moves.clear()
        self._out.clear()
        self._lines.clear()
        self._respond, self._long, self._delay = "0", False, 0

    # -- inside

    @property
    def _two(self) -> bool:
        return self._mode in (1, 2)

    def _say(self, answer: str) -> None:
        self._out.put((self._id + answer).encode() + self._delimiter)

    def _obey(self, line: str) -> None:
        if line == "*ID*":
            self._id = ""
            return
        if self._id:
            if not line.startswith(self._id):
                return
            line = line[len(self._id) :]
        for size in (3, 2):
            command = self._commands.get(line[:size])
            if command is not None:
                answer = command(line[size:])
                if answer is not None:
                    self._say(answer)
                return

    def _place(self) -> str:
        shown = ("A" if self._at == 1 else "B") if self._two else f"{self._at:02d}"
        return f"Position is = {shown}" if self._long else f"CP{shown}"

    def _heading(self) -> int:
        """Where the actuator stands when all moves are over."""
        return self._moves[-1][1] if self._moves else self._at

    def _move(self, target: int, direction: int = 0, after: float = 0.0) -> None:
        here = self._heading()
        if target == here:
            return
        steps = 1 if self._two else self._steps(here, target, direction)
        begin = max(self._now(), self._moves[-1][0]) if self._moves else self._now()
        if self.jammed:
            return
        self._moves.append((begin + after + steps * self._travel, target, steps))

    def _steps(self, here: int, target: int, direction: int) -> int:
        forward = (target - here) % self._ports
        backward = self._ports - forward
        direction = direction or {"F": 1, "R": -1, "A": 0}[self._direction]
        if direction:
            return forward if direction > 0 else backward
        return min(forward, backward)

    def _target(self, argument: str) -> int | None:
        """A position by number, `3` or `03`."""
        if not (argument.isascii() and argument.isdigit() and len(argument) <= 2):
            return None
        return int(argument) if 1 <= int(argument) <= self._ports else None

    # -- moves

    def _go(self, argument: str) -> None:
        if self._two:
            target = {"A": 1, "B": 2, "": 3 - self._heading()}.get(argument)
        else:
            target = self._heading() % self._ports + 1 if not argument else self._target(argument)
        if target is not None:
            self._move(target)

    def _turn(self, argument: str, direction: int) -> None:
        if self._two:
            if not argument:
                self._move(1 if direction > 0 else 2)
            return
        here = self._heading()
        target = self._target(argument) if argument else (here - 1 + direction) % self._ports + 1
        if target is not None:
            self._move(target, direction)

    def _home(self, argument: str) -> None:
        if not argument and not self._two:
            self._move(1)

    def _toggle(self, argument: str) -> None:
        if not argument and self._two:
            self._move(3 - self._heading())

    def _timed_toggle(self, argument: str) -> None:
        """To the other position and, after the delay, back."""
        if not argument and self._two and self._delay:
            self._toggle("")
            self._move(3 - self._heading(), after=self._delay / 1000)

    def _learn(self, argument: str) -> None:
        if not argument and self._mode == 1:
            self._move(1)

    # -- settings

    def _actuator_mode(self, argument: str) -> str | None:
        if not argument:
            return f"AM{self._mode}"
        if argument in ("1", "2", "3"):
            self._mode = int(argument)
            self._at = min(self._at, 2) if self._two else self._at
        return None

    def _positions(self, argument: str) -> str | None:
        if self._mode == 1:
            return None
        if not argument:
            return f"NP{self._ports:02d}"
        if argument.isascii() and argument.isdigit() and 2 <= int(argument) <= 40 and int(argument) % 2 == 0:
            self._ports = int(argument)
        return None

    def _set_direction(self, argument: str) -> None:
        if self._mode == 3 and argument in ("F", "R", "A"):
            self._direction = argument

    def _delay_time(self, argument: str) -> str | None:
        if not self._two:
            return None
        if not argument:
            return f"DT{self._delay}"
        if argument.isascii() and argument.isdigit() and int(argument) <= 65535:
            self._delay = int(argument)
        return None

    def _counter(self, argument: str) -> str | None:
        if not argument:
            return f"CNT{self._count}"
        if argument.isascii() and argument.isdigit() and int(argument) <= 65535:
            self._count = int(argument)
        return None

    def _response_mode(self, argument: str) -> None:
        if argument in ("0", "1", "2"):
            self._respond = argument

    def _long_replies(self, argument: str) -> None:
        if argument in ("0", "1"):
            self._long = argument == "1"

    def _delimiter_mode(self, argument: str) -> None:
        if argument in _DELIMITERS:
            self._delimiter = _DELIMITERS[argument]
            self._lines = Lines(self._delimiter)

    def _baud(self, argument: str) -> None:
        if argument in _BAUDS:
            self.settings = WireSettings(int(argument) * 100)

    def _version(self, argument: str) -> str | None:
        return {"": "I-PD-EUHX3RC-1 Feb 12 2019", "2": "I-PD-RS232 Jul 10 2017"}.get(argument)

    def _set_id(self, argument: str) -> None:
        if len(argument) == 1 and argument.isascii() and (argument.isdigit() or argument.isupper()):
            self._id = argument
