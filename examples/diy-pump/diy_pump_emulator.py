"""The pump's side of the wire, written from its firmware and not from the driver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class LineSettings:
    baudrate: int = 115200
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1


class PumpEmulator:
    """Bytes in, bytes out, 20 ms later; `now` is the clock's time in s."""

    settings = LineSettings()

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._rest = b""
        self._said: list[tuple[float, bytes]] = []
        self.hundredths, self.running = 0, False

    def receive(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._said += [(self._now() + 0.02, self._obey(line.decode("latin-1")).encode() + b"\n") for line in lines]

    def transmit(self) -> bytes:
        due = [data for at, data in self._said if at <= self._now() + 1e-9]
        del self._said[: len(due)]
        return b"".join(due)

    def due_in(self) -> float | None:
        return self._said[0][0] - self._now() if self._said else None

    def _obey(self, line: str) -> str:
        verb, _, value = line.partition(" ")
        if verb == "flow" and value.replace(".", "", 1).isdigit() and float(value) <= 30.0:
            self.hundredths = round(float(value) * 100)
            return "ok"
        if verb == "run" and value in ("0", "1"):
            self.running = value == "1"
            return "ok"
        answers = {"id?": "diy-pump 1.2 SN 0007", "flow?": f"{self.hundredths / 100:.2f}", "run?": f"{self.running:d}"}
        return answers.get(line, "no")
