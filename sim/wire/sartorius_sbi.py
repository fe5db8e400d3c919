"""Sartorius balance with the SBI interface (98647-000-53 and the Entris II notes).

`ESC <c>[_] CR LF`; only print answers: a 22-character line with identification, or 16 without. The unit is blank
while the weight moves; over and underload are words. Tare and zero are silent.
UNCONFIRMED and chosen here: unknown commands are silent; the model line of `ESC x1_`; 8N1 (8O1 on older models).
"""

from __future__ import annotations

from collections.abc import Callable

from sim.wire.emulator import Now, Outbox, Sensor, WireSettings
from sim.wire.framing import Lines, text


class SartoriusSbi:
    """`mass` is what lies on the pan (kg); `stable` whether it has settled."""

    LATENCY = 0.05  # s
    TARE = 0.5  # s until a tare or zero takes effect, when stable
    PATIENCE = 10.0  # s it waits for stability

    def __init__(
        self,
        now: Now,
        mass: Sensor,
        stable: Callable[[], bool],
        *,
        capacity: float = 6.2,
        decimals: int = 2,
        with_id: bool = True,
        parity: str = "N",
        model: str = "ENTRIS6202I-1S",
        serial_number: str = "0028607456",
    ) -> None:
        self.settings = WireSettings(9600, 8, parity, 1)
        self._now = now
        self._mass = mass
        self._stable = stable
        self._capacity = capacity
        self._decimals = decimals
        self._with_id = with_id
        self._about = {"x1_": model, "x2_": serial_number, "x3_": "00-39-02"}
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r\n")
        self._zero = 0.0
        self._tare = 0.0
        self._pending: tuple[str, float, float] | None = None
        self.locked = False

    def receive(self, data: bytes) -> None:
        self.scan()
        for line in self._lines.feed(data):
            if line.startswith(b"\x1b"):
                self._obey(text(line[1:]))

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def scan(self) -> None:
        """Carry out a tare or zero that waits for stability; it is given up after the time-out."""
        if self._pending is None:
            return
        kind, earliest, latest = self._pending
        now = self._now()
        if now >= earliest and self._stable():
            self._pending = None
            gross = self._mass() - self._zero
            if kind == "V" or (kind == "T" and gross < 0):
                self._zero, self._tare = self._mass(), 0.0
            else:
                self._tare = gross
        elif now >= latest:
            self._pending = None

    def power_cycle(self) -> None:
        """Zeroes at the start."""
        self._out.clear()
        self._lines.clear()
        self._pending, self._tare, self.locked = None, 0.0, False
        self._zero = self._mass()

    def press_print(self) -> None:
        """The print key: an unsolicited line."""
        self._print()

    def _obey(self, command: str) -> None:
        if command == "P":
            self._print()
        elif command in ("T", "V"):
            self._pending = (command, self._now() + self.TARE, self._now() + self.PATIENCE)
        elif command in ("O", "R"):
            self.locked = command == "O"
        elif command == "S":
            self.power_cycle()
        elif command in self._about:
            self._out.put(f"{self._about[command]:<{20 if self._with_id else 14}}\r\n".encode())

    def _print(self) -> None:
        gross = self._mass() - self._zero
        if gross > self._capacity:
            self._line("Stat  ", "      High    ")
        elif gross < -0.02 * self._capacity:
            self._line("Stat  ", "      Low     ")
        else:
            value = round((gross - self._tare) * 1000, self._decimals)
            sign = "-" if value < 0 else "+"
            unit = " g  " if self._stable() else "    "
            self._line("N     ", f"{sign}{abs(value):9.{self._decimals}f}{unit}")

    def _line(self, identification: str, body: str) -> None:
        self._out.put(((identification if self._with_id else "") + body).encode() + b"\r\n")
