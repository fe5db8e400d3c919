"""A transport whose far end is an emulator, with everything that a cable or a tired instrument does to bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum

from devices.testing.counterpart import Emulator
from vesiflow.clock import Clock
from vesiflow.errors import NoReply, NotSent

NOISE = b"\x00\xfe\x55\x7f"
BYTE_GAP, SPLIT_TIME = 0.003, 0.2  # s between the bytes of a split reply, and for all of them
LATE = 2.5  # s

Spoil = Callable[[bytes], list[tuple[float, bytes]]]
"""What becomes of what the instrument says: pieces and how much later (s) they arrive."""


class Fault(StrEnum):
    NONE = "none"
    SILENT = "silent"  # the instrument acts, its reply is lost
    DEAF = "deaf"  # the request is lost
    LATE = "late"
    SPLIT = "split"
    DOUBLED = "doubled"
    GARBAGE = "garbage"  # noise before the reply
    STALE = "stale"  # every reply is that to the request before


class StillWaiting(AssertionError):
    """A method waited longer than it may."""


class Wire:
    """One cable. `fault` lasts until it is changed; `sent` is every write; order of bytes is always kept."""

    url = "wire://"
    blocks = False

    def __init__(self, clock: Clock, emulator: Emulator) -> None:
        self.emulator = emulator
        self.fault = Fault.NONE
        self.spoil: Spoil | None = None
        self.sent: list[bytes] = []
        self.lost = False
        self.until = float("inf")  # s on the clock: nobody may wait for longer
        self._plugged = True
        self._clock = clock
        self._queue: deque[tuple[float, bytes]] = deque()
        self._held = b""
        self._log: deque[tuple[float, str, bytes]] = deque(maxlen=24)

    @property
    def story(self) -> str:
        """The last writes (>) and what arrived (<) with their times, for the message of a failing test."""
        return "\n".join(f"{at:10.3f} {way} {data!r}" for at, way, data in self._log)

    def unplug(self) -> None:
        """The adapter is pulled: the port is gone, what was under way is lost."""
        self._plugged = False

    def plug(self) -> None:
        """The adapter is back; the port must be opened again."""
        self._plugged = True

    async def write(self, data: bytes) -> None:
        self._check(NotSent("device disconnected", device=self.url, action="write", remedy="check cable"))
        self.sent.append(data)
        self._log.append((self._clock.now(), ">", data))
        if self._held:
            self._deliver([(0.0, self._held)])
            self._held = b""
        if self.fault is not Fault.DEAF:
            self.emulator.receive(data)

    async def read(self, patience: float) -> bytes:
        deadline = self._clock.now() + patience
        while True:
            self._check(NoReply("device disconnected", device=self.url, action="read", remedy="check cable"))
            data = self._arrived()
            left = deadline - self._clock.now()
            if data or left <= 0:
                return data
            if self._clock.now() > self.until:
                raise StillWaiting(f"still waits at {self._clock.now():g} s, after {self.sent[-1:]}")
            await self._clock.sleep(min(self._next(), left))

    async def discard_input(self) -> bytes:
        self._check(NotSent("device disconnected", device=self.url, action="flush", remedy="check cable"))
        return self._arrived()

    async def reopen(self) -> None:
        if not self._plugged:
            raise NotSent("the port is lost", device=self.url, action="reopen", remedy="check cable")
        self.emulator.transmit()
        self._queue.clear()
        self.lost = False

    async def close(self) -> None:
        self._queue.clear()

    def _check(self, error: Exception) -> None:
        if self.lost or not self._plugged:
            self.lost = True
            raise error

    def _arrived(self) -> bytes:
        said = self.emulator.transmit()
        if said:
            self._deliver(self.spoil(said) if self.spoil else self._faulty(said))
        data, now = b"", self._clock.now() + 1e-9
        while self._queue and self._queue[0][0] <= now:
            data += self._queue.popleft()[1]
        if data:
            self._log.append((self._clock.now(), "<", data))
        return data

    def _deliver(self, pieces: list[tuple[float, bytes]]) -> None:
        for delay, piece in pieces:
            due = self._clock.now() + delay
            if self._queue:
                due = max(due, self._queue[-1][0])
            if piece:
                self._queue.append((due, piece))

    def _faulty(self, said: bytes) -> list[tuple[float, bytes]]:
        match self.fault:
            case Fault.SILENT:
                return []
            case Fault.LATE:
                return [(LATE, said)]
            case Fault.SPLIT:
                gap = min(BYTE_GAP, SPLIT_TIME / len(said))
                return [(n * gap, said[n : n + 1]) for n in range(len(said))]
            case Fault.DOUBLED:
                return [(0.0, said + said)]
            case Fault.GARBAGE:
                return [(0.0, NOISE + said)]
            case Fault.STALE:
                self._held += said
                return []
            case _:
                return [(0.0, said)]

    def _next(self) -> float:
        waits = [due - self._clock.now() for due, _ in list(self._queue)[:1]]
        due = self.emulator.due_in()
        if due is not None:
            waits.append(due)
        return max(min(waits), 1e-6) if waits else float("inf")
