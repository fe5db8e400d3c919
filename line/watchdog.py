"""Dead-man: a phase that no longer looks at its unit loses it to the safe state; so does a controller that hangs.

Two guards. `supervised` watches one phase on the line's clock: no scan within its patience and the phase is ended.
`LoopWatch` is a thread of its own that watches the event loop: when that stands still, the safe list goes out from the
thread, over the drivers and worker threads of the ports, which need no event loop of the controller.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from vesiflow.clock import Clock, Event
from vesiflow.errors import DeviceFault

PATIENCE: Mapping[str, float] = {"tff": 60.0, "sec": 60.0, "electroporation": 900.0, "lyophilization": 600.0}
"""Seconds a phase may go without a scan: three scans and the time-outs of its instruments, or the robot's moves."""

HANG = 5.0  # s without a turn of the event loop
_BEAT = 1.0


@dataclass
class Pulse:
    """When the phase last scanned; `resting` while it rightly does not (held, or waiting for a person)."""

    clock: Clock
    at: float = 0.0
    _resting: int = 0
    _awake: Event | None = field(default=None)

    def __post_init__(self) -> None:
        self.at = self.clock.now()

    def beat(self) -> None:
        """The phase scans."""
        self.at = self.clock.now()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Nothing is expected meanwhile."""
        if self._resting == 0:
            self._awake = self.clock.event()
        self._resting += 1
        try:
            yield
        finally:
            self._resting -= 1
            self.beat()
            if self._resting == 0 and self._awake is not None:
                self._awake.set()

    async def quiet_for(self, seconds: float) -> None:
        """Return once there was no beat for `seconds` outside a rest."""
        while True:
            if self._resting and self._awake is not None:
                await self._awake.wait()
            left = self.at + seconds - self.clock.now()
            if left <= 1e-6 and not self._resting:
                return
            if not self._resting:
                await self.clock.sleep(left)


async def supervised(pulse: Pulse, work: Awaitable[None], patience: float, name: str) -> None:
    """Do `work`; DeviceFault when it shows no pulse for `patience` s, or when its task was taken away.

    On a clock that runs faster than time a scan takes no less of real time: then `patience` is `HANG` real seconds.
    """
    clock = pulse.clock
    patience = max(patience, HANG * clock.speed)
    pulse.beat()
    task = clock.spawn(_awaited(work), name)
    guard = clock.spawn(_guard(pulse, task, patience), f"dead-man of {name}")
    try:
        await clock.join(task)
    except asyncio.CancelledError:
        own = asyncio.current_task()
        if not task.done() or (own is not None and own.cancelling()):  # it is us who are cancelled
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            raise
        raise DeviceFault(
            "the phase is not supervised any more", device=name, remedy="the unit is safe; find out why before going on"
        ) from None
    finally:
        guard.cancel()
        with suppress(asyncio.CancelledError):
            await clock.join(guard)


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _guard(pulse: Pulse, task: asyncio.Task[None], patience: float) -> None:
    await pulse.quiet_for(patience)
    task.cancel()


class LoopWatch:
    """Watches the running event loop from a thread; `trip` is called there, once, when the loop stands still.

    `told` is called in the loop when it turns again after a trip, and not before `trip` has returned: two that speak to
    the same ports at once would wait for each other for ever.
    """

    def __init__(self, trip: Callable[[], Any], told: Callable[[], Any], *, hang: float = HANG) -> None:
        self._trip = trip
        self._told = told
        self._hang = hang
        self._beat = threading.Event()
        self._over = threading.Event()
        self._done = threading.Event()
        self._handle: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._watch, name="dead-man", daemon=True)
        self.tripped = False

    def start(self) -> None:
        """Begin; must be called in the loop."""
        self._turn()
        self._thread.start()

    def stop(self) -> None:
        """End the watch and its thread."""
        self._over.set()
        self._beat.set()
        if self._handle is not None:
            self._handle.cancel()
        if self._thread.is_alive():
            self._thread.join()

    def _turn(self) -> None:
        self._beat.set()
        if self.tripped:
            self._done.wait()
            self.tripped = False
            self._told()
        self._handle = asyncio.get_running_loop().call_later(min(_BEAT, self._hang / 3.0), self._turn)

    def _watch(self) -> None:
        while not self._over.is_set():
            turned = self._beat.wait(self._hang)
            self._beat.clear()
            if not turned and not self._over.is_set() and not self.tripped:
                self._done.clear()
                self.tripped = True
                try:
                    self._trip()
                finally:
                    self._done.set()
