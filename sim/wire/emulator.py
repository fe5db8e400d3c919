"""What every emulator is: bytes in, bytes out, at a time.

Emulators are written from the manuals, never from the drivers. They act on the plant only through the plain
callables they are given: a `Sensor` reads a value in inside units (SI, degC, AU), an `Actuator` sets one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

Now = Callable[[], float]
Sensor = Callable[[], float]
Actuator = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class WireSettings:
    """Line settings the instrument is set to; None for USB, TCP and others where they do not matter."""

    baudrate: int | None = 9600
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1


class Emulator(Protocol):
    """One instrument on the wire."""

    @property
    def settings(self) -> WireSettings:
        """Line settings the instrument is set to."""

    def receive(self, data: bytes) -> None:
        """Bytes from the host arrive."""

    def transmit(self) -> bytes:
        """Bytes that have left the instrument by now, each returned once."""

    def due_in(self) -> float | None:
        """Seconds until more bytes leave, or None while nothing is under way."""


@dataclass
class Outbox:
    """Replies on their way: `put` with a delay, `take` what is due. Order is kept."""

    now: Now
    latency: float = 0.01
    _queue: deque[tuple[float, bytes]] = field(default_factory=deque)

    def put(self, data: bytes, delay: float | None = None) -> None:
        """Send `data` after `delay` s (by default the latency), never before what was put earlier."""
        due = self.now() + (self.latency if delay is None else delay)
        if self._queue:
            due = max(due, self._queue[-1][0])
        self._queue.append((due, data))

    def take(self) -> bytes:
        """Everything due by now."""
        out = b""
        now = self.now() + 1e-9
        while self._queue and self._queue[0][0] <= now:
            out += self._queue.popleft()[1]
        return out

    def due_in(self) -> float | None:
        """Seconds until the next bytes, None when empty."""
        return max(self._queue[0][0] - self.now(), 0.0) if self._queue else None

    def clear(self) -> None:
        """Forget what has not left yet."""
        self._queue.clear()
