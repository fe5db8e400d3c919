"""Gilson FC203B fraction collector on the GSIOC bus (technical manual LT2181), byte by byte at 19200 8E1.

Select: FF drops everybody, `80h|id` is echoed by its owner. Immediate: one character, answered one byte at a time,
each but the last acknowledged by 06; the last has bit 7 set. Buffered: 0A is answered 0A (ready) or `#` (busy),
then every character is echoed up to 0D; the echo means received, not done.
UNCONFIRMED and chosen here: an unknown immediate command is silent, an invalid buffered one is echoed and ignored;
`T` reads back three digits, at once the tube it moves to; axis replies have no letter in front of S or M.
"""

from __future__ import annotations

from sim.wire.emulator import Actuator, Now, Outbox, WireSettings

_DROP, _ACK, _LF, _CR, _BUSY = 0xFF, 0x06, 0x0A, 0x0D, 0x23


class GilsonFc203b:
    """`tube` gets the tube under the outlet (0: none) once the arm is there; `divert` 1.0 for V1, 0.0 for V0."""

    BYTE = 0.002  # s from a byte to its answer; the bus allows 20 ms
    RESET = 2.0  # s
    HOMING = 5.0  # s: the first move after a start
    MOVE, PER_TUBE = 0.3, 0.05  # s
    LONGEST = 10.0  # s
    TUBE_PITCH, TUBES_PER_ROW = 180, 10  # 0.1 mm

    settings = WireSettings(19200, 8, "E", 1)

    def __init__(
        self, now: Now, tube: Actuator, divert: Actuator, *, unit_id: int = 6, tubes: int = 96, name: str = "203B V1.10"
    ) -> None:
        self._now = now
        self._tube = tube
        self._divert = divert
        self._select_byte = 0x80 | unit_id
        self._tubes = tubes
        self._name = name
        self._out = Outbox(now, self.BYTE)
        self._selected = False
        self._reply = b""  # rest of an immediate reply, waiting for 06
        self._line: bytearray | None = None  # a buffered command being received
        self._target = 0
        self._homed = False
        self._xy = (0, 0)
        self._arrival: float | None = None
        self._deaf_until = 0.0
        self._slip = 0
        self.locked = False
        self._immediate = {
            ord("%"): lambda: self._name,
            ord("T"): lambda: f"{self._target:03d}",
            ord("X"): lambda: self._axis(0),
            ord("Y"): lambda: self._axis(1),
            ord("$"): self._reset,
        }

    # -- wire

    def receive(self, data: bytes) -> None:
        self.scan()
        for byte in data:
            if self._now() >= self._deaf_until:
                self._hear(byte)

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def scan(self) -> None:
        """Arrive when the move is over; the plant calls it as it advances."""
        if self._arrival is not None and self._now() >= self._arrival - 1e-9:
            self._arrival = None
            self._tube(float(self._target))

    def lose_steps(self, tubes: int) -> None:
        """From now on the arm ends so many tubes beside where it was sent, as its encoders tell."""
        self._slip = tubes

    def power_cycle(self) -> None:
        """Position unknown, outlet over nothing, not diverted."""
        self._out.clear()
        self._selected, self._reply, self._line = False, b"", None
        self._lose_position()

    # -- the bus

    def _hear(self, byte: int) -> None:
        if byte == _DROP:
            self._selected, self._reply, self._line = False, b"", None
        elif byte >= 0x80:
            self._selected, self._reply, self._line = byte == self._select_byte, b"", None
            if self._selected:
                self._send(byte)
        elif self._selected and self._line is not None:
            self._collect(byte)
        elif self._selected:
            self._command(byte)

    def _send(self, byte: int) -> None:
        self._out.put(bytes((byte,)))

    def _command(self, byte: int) -> None:
        if byte == _ACK:
            self._next()
        elif byte == _LF:
            self._reply = b""
            if self._arrival is not None:
                self._send(_BUSY)
            else:
                self._line = bytearray()
                self._send(_LF)
        elif (answer := self._immediate.get(byte)) is not None:
            shown = answer().encode()
            self._reply = shown[:-1] + bytes((shown[-1] | 0x80,))
            self._next()

    def _next(self) -> None:
        if self._reply:
            self._send(self._reply[0])
            self._reply = self._reply[1:]

    def _collect(self, byte: int) -> None:
        assert self._line is not None
        self._send(byte)
        if byte != _CR:
            self._line.append(byte)
            return
        line, self._line = self._line.decode("latin-1"), None
        self._obey(line[:1], line[1:])

    # -- commands

    def _obey(self, name: str, argument: str) -> None:
        number = int(argument) if argument.isascii() and argument.isdigit() else None
        if name == "T" and len(argument) == 3 and number is not None and 1 <= number <= self._tubes:
            self._go_to(number)
        elif name in ("X", "Y") and len(argument) == 4 and number is not None:
            self._move_axis(name, number)
        elif name == "V" and argument in ("0", "1"):
            self._divert(float(argument))
        elif name == "L" and argument in ("0", "1"):
            self.locked = argument == "1"
        elif name == "M":
            self._homed = False
        # W (display) and G (beep) act on nothing that can be read back

    def _go_to(self, tube: int) -> None:
        tube = min(tube + self._slip, self._tubes)
        seconds = self.MOVE + self.PER_TUBE * abs(tube - self._target) if self._homed else self.HOMING
        index = tube - 1
        self._xy = (self.TUBE_PITCH * (index % self.TUBES_PER_ROW), self.TUBE_PITCH * (index // self.TUBES_PER_ROW))
        self._travel(tube, seconds)

    def _move_axis(self, axis: str, place: int) -> None:
        self._xy = (place, self._xy[1]) if axis == "X" else (self._xy[0], place)
        self._travel(0, self.MOVE if self._homed else self.HOMING)

    def _travel(self, tube: int, seconds: float) -> None:
        if tube != self._target or not self._homed:
            self._target, self._homed = tube, True
            self._arrival = self._now() + min(seconds, self.LONGEST)

    def _axis(self, axis: int) -> str:
        return f"{'M' if self._arrival is not None else 'S'}{self._xy[axis]:04d}"

    def _reset(self) -> str:
        self._deaf_until = self._now() + self.RESET
        self._lose_position()
        return "$"

    def _lose_position(self) -> None:
        self._target, self._homed, self._arrival, self._xy = 0, False, None, (0, 0)
        self._tube(0.0)
        self._divert(0.0)
