"""What a cable, an adapter or a tired instrument does to bytes: a wrapper around any emulator.

`Fault.UNPLUGGED` is a pulled data cable: the port stays, nothing passes either way. An adapter that vanishes is
the bench's `unplugged`.
"""

from __future__ import annotations

from enum import StrEnum

from sim.wire.emulator import Emulator, Now, Outbox, WireSettings


class Fault(StrEnum):
    NONE = "none"
    NO_REPLY = "no reply"  # the instrument acts, its answer is lost
    DEAF = "deaf"  # the request is lost, the instrument does nothing
    LATE = "late"  # the answer comes `seconds` later
    SPLIT = "split"  # byte by byte
    DOUBLED = "doubled"
    GARBAGE = "garbage"  # noise before the answer
    CORRUPT = "checksum error"  # one bit of the answer is wrong
    ENDLESS = "endless stream"
    UNASKED = "unasked line"  # an error that the instrument reports by itself, in front of the answer
    STALE = "stale"  # every answer is that to the request before
    UNPLUGGED = "unplugged"


class Faulty:
    """An emulator with faults that are switched on by `inject` and off by `clear` or after `times` answers."""

    BYTE_GAP = 0.005  # s between the bytes of a split answer
    STREAM_GAP, STREAM_BLOCK = 0.01, 256  # an endless stream fills a fast line
    REPORT = b"ERR401 door\r\n"
    NOISE = b"\x00\xfe\x55\x7f"

    def __init__(self, now: Now, emulator: Emulator) -> None:
        self.emulator = emulator
        self._now = now
        self._out = Outbox(now, 0.0)
        self._request = b""
        self._held = b""
        self._noisy_at = 0.0
        self.fault = Fault.NONE
        self._seconds = 0.0
        self._left: int | None = None
        self._only_after = b""

    @property
    def settings(self) -> WireSettings:
        return self.emulator.settings

    def inject(self, fault: Fault, *, seconds: float = 2.0, times: int | None = None, only_after: bytes = b"") -> None:
        """Begin `fault`: for `times` answers (or requests, when DEAF), or until `clear`; with `only_after`, only for
        requests that contain these bytes."""
        self.fault, self._seconds, self._left, self._only_after = fault, seconds, times, only_after
        self._noisy_at = self._now()

    def clear(self) -> None:
        """The wire is good again; an answer held back is lost."""
        self.fault, self._held = Fault.NONE, b""

    def receive(self, data: bytes) -> None:
        self._request = data
        if self._held:
            self._out.put(self._held)
            self._held = b""
        if self.fault is Fault.UNPLUGGED:
            return
        if self.fault is Fault.DEAF and self._applies():
            self._used()
            return
        self.emulator.receive(data)

    def transmit(self) -> bytes:
        answer = self.emulator.transmit()
        if self.fault is Fault.ENDLESS and self._applies():
            self._stream()
        elif answer and (self.fault is Fault.NONE or not self._applies()):
            self._out.put(answer)
        elif answer:
            self._spoil(answer)
        return self._out.take()

    def due_in(self) -> float | None:
        times = [self.emulator.due_in(), self._out.due_in()]
        if self.fault is Fault.ENDLESS:
            times.append(max(self._noisy_at - self._now(), 0.0))
        known = [due for due in times if due is not None]
        return min(known) if known else None

    def power_cycle(self) -> None:
        """The instrument restarts; the fault of the wire stays."""
        self._out.clear()
        self._held = b""
        cycle = getattr(self.emulator, "power_cycle", None)
        if cycle is not None:
            cycle()

    def _applies(self) -> bool:
        return self._only_after in self._request

    def _used(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self.fault = Fault.NONE

    def _stream(self) -> None:
        if self._now() >= self._noisy_at:
            self._noisy_at = self._now() + self.STREAM_GAP
            self._out.put(b"U" * self.STREAM_BLOCK)

    def _spoil(self, answer: bytes) -> None:
        fault = self.fault
        if fault is Fault.LATE:
            self._out.put(answer, self._seconds)
        elif fault is Fault.SPLIT:
            for i in range(len(answer)):
                self._out.put(answer[i : i + 1], i * self.BYTE_GAP)
        elif fault is Fault.DOUBLED:
            self._out.put(answer + answer)
        elif fault is Fault.GARBAGE:
            self._out.put(self.NOISE + answer)
        elif fault is Fault.UNASKED:
            self._out.put(self.REPORT + answer)
        elif fault is Fault.CORRUPT:
            middle = len(answer) // 2
            self._out.put(answer[:middle] + bytes((answer[middle] ^ 1,)) + answer[middle + 1 :])
        elif fault is Fault.STALE:
            self._held += answer
        if fault is not Fault.UNPLUGGED:
            self._used()
