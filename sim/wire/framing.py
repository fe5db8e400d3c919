"""Cuts what the host sends into requests, and the unit factors that emulators share.

Instruments have small input buffers: what overflows one is lost, as on the bench.
"""

from __future__ import annotations

ML = 1e-6
"""m3 in a mL."""
ML_PER_MIN = 1e-6 / 60.0
"""m3/s in a mL/min."""
PSI = 6894.757293168361
BAR = 1e5
TORR = 101325.0 / 760.0
INPUT_BUFFER = 4096


class Lines:
    """Collects bytes and gives back what stood before each end mark; `drop` bytes are not seen at all."""

    __slots__ = ("_drop", "_end", "_rest")

    def __init__(self, end: bytes = b"\r", drop: bytes = b"") -> None:
        self._end = end
        self._drop = drop
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The requests completed by `data`, without their end marks."""
        self._rest += data.translate(None, self._drop) if self._drop else data
        *lines, rest = self._rest.split(self._end)
        self._rest = rest[-INPUT_BUFFER:]
        return lines

    def clear(self) -> None:
        """Forget an incomplete request."""
        self._rest = b""


def text(line: bytes) -> str:
    """A request as text; every byte maps to one character, so nothing is ever misread as ASCII."""
    return line.decode("latin-1")


def number(shown: str) -> float | None:
    """A plain decimal number as instruments accept it: sign, digits, one point; no exponent, no inf, no spaces."""
    digits = shown[1:] if shown[:1] in ("+", "-") else shown
    whole, _, part = digits.partition(".")
    if not (digits.isascii() and (whole + part).isdigit()):
        return None
    return float(shown)
