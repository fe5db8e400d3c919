"""The one clock. Everything that waits or dates asks it; this is the only module that may sleep.

`WallClock` is real time, `ScaledClock` runs N times faster, `VirtualClock` jumps from deadline to deadline as
soon as every registered actor waits, so that a 50 h batch takes seconds through the same code.

Process time (`now`) is in seconds since the clock's epoch and never goes back; `utc` is the date it stands for.

With a virtual clock an *actor* is a coroutine started by `spawn`. It counts as busy unless it waits in
`sleep`, `join` or an `Event` of this clock; time moves only when no actor is busy and nobody has frozen it.
Whatever waits for the world outside (HTTP, threads, people) must do so under `frozen`.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

_Deadline = tuple[float, int, "asyncio.Future[None]"]

SIMULATED_EPOCH = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class Event(Protocol):
    """A flag that actors may wait for without stopping the clock."""

    def set(self) -> None: ...
    def is_set(self) -> bool: ...
    async def wait(self) -> None: ...


class Clock(Protocol):
    """Time as an argument: `now` in s, `utc` as a date, and the only ways to wait.

    `speed` is how many process seconds pass in a real one, where real time counts at all; `real` that nothing but real
    time passes: the only clock on which instruments are real. `follow` waits like `sleep`, but a virtual clock does not
    move for it alone: for whoever looks on and would not have time pass by itself.
    """

    virtual: bool
    real: bool
    speed: float

    def now(self) -> float: ...
    def utc(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...
    async def follow(self, seconds: float) -> None: ...
    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]: ...
    async def join(self, task: asyncio.Task[T]) -> T: ...
    def event(self) -> Event: ...
    def frozen(self) -> AbstractContextManager[None]: ...


class WallClock:
    """Real time, monotonic; `speed` process seconds pass per real second."""

    virtual = False
    real = True

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start = time.monotonic()
        self._epoch = datetime.now(UTC)

    def now(self) -> float:
        return (time.monotonic() - self._start) * self.speed

    def utc(self) -> datetime:
        if self.speed == 1.0:
            return datetime.now(UTC)
        return self._epoch + timedelta(seconds=self.now())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0) / self.speed)

    async def follow(self, seconds: float) -> None:
        await self.sleep(seconds)

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        return asyncio.create_task(work, name=name)

    async def join(self, task: asyncio.Task[T]) -> T:
        return await task

    def event(self) -> Event:
        return _WallEvent()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        yield


class ScaledClock(WallClock):
    """Real waiting, N times faster: an emulated line that foreign clients watch over TCP or a pty.

    Its process time counts from midnight (UTC), so that the processes of one day agree on it across restarts.
    """

    real = False

    def __init__(self, speed: float) -> None:
        super().__init__(speed)
        self._epoch = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._start -= (datetime.now(UTC) - self._epoch).total_seconds()


class _WallEvent:
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        await self._event.wait()


class VirtualClock:
    """Jumps to the next deadline when every actor waits. One event loop, no threads."""

    virtual = True
    real = False
    speed = 1.0

    def __init__(self, epoch: datetime = SIMULATED_EPOCH, start: float = 0.0) -> None:
        self._epoch = epoch
        self._now = start
        self._busy = 0
        self._order = count()
        self._heap: list[_Deadline] = []
        self._followers: list[_Deadline] = []
        self._scheduled = False

    def now(self) -> float:
        return self._now

    def utc(self) -> datetime:
        return self._epoch + timedelta(seconds=self._now)

    def step_wall(self, by: timedelta) -> None:
        """The date jumps, as a computer's does when somebody sets it; process time goes on as ever."""
        self._epoch += by

    async def sleep(self, seconds: float) -> None:
        await self._until(seconds, self._heap)

    async def follow(self, seconds: float) -> None:
        await self._until(seconds, self._followers)

    async def _until(self, seconds: float, heap: list[_Deadline]) -> None:
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(heap, (self._now + max(seconds, 0.0), next(self._order), alarm))
        await self._park(alarm)

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        self._busy += 1
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda _: self._release())
        return task

    async def join(self, task: asyncio.Task[T]) -> T:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task.add_done_callback(lambda _: self._wake(done))
        await self._park(done)
        return await task

    def event(self) -> Event:
        return _VirtualEvent(self)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        self._busy += 1
        try:
            yield
        finally:
            self._release()

    async def _park(self, alarm: asyncio.Future[None]) -> None:
        """Wait for `alarm`; whoever resolves it counts this actor busy again at that moment."""
        self._release()
        try:
            await alarm
        except asyncio.CancelledError:
            if alarm.cancelled():
                self._busy += 1
            raise

    def _wake(self, alarm: asyncio.Future[None]) -> None:
        if not alarm.done():
            self._busy += 1
            alarm.set_result(None)

    def _release(self) -> None:
        self._busy -= 1
        if self._busy == 0 and not self._scheduled:
            # One turn of the loop later: an actor just cancelled gets to count itself busy first.
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._advance)

    def _advance(self) -> None:
        self._scheduled = False
        while self._busy == 0 and self._heap:
            if self._heap[0][2].done():
                heapq.heappop(self._heap)
                continue
            first = self._followers and self._followers[0] < self._heap[0]
            deadline, _, alarm = heapq.heappop(self._followers if first else self._heap)
            if not alarm.done():
                self._now = max(self._now, deadline)
                self._wake(alarm)


class _VirtualEvent:
    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._set = False
        self._waiters: list[asyncio.Future[None]] = []

    def set(self) -> None:
        self._set = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            self._clock._wake(waiter)

    def is_set(self) -> bool:
        return self._set

    async def wait(self) -> None:
        if not self._set:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await self._clock._park(waiter)


class Lock:
    """A first-come lock whose waiters do not stop the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held = False
        self._queue: list[Event] = []

    async def acquire(self) -> None:
        """Wait for the lock; on release it is handed to the longest waiter."""
        if not self._held:
            self._held = True
            return
        turn = self._clock.event()
        self._queue.append(turn)
        try:
            await turn.wait()
        except asyncio.CancelledError:
            if turn.is_set():
                self.release()
            else:
                self._queue.remove(turn)
            raise

    def release(self) -> None:
        """Hand the lock on."""
        if self._queue:
            self._queue.pop(0).set()
        else:
            self._held = False

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()
