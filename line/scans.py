"""The scan loop of a phase: requests are met first, and nothing is looked at more often than it must be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from vesiflow.clock import Clock

_OF_WHAT_IS_LEFT = 0.4
"""A stretched scan never covers more of the way to the end of a phase: the end is met as closely as ever."""

Resume = Callable[[], Awaitable[None]]


class Scanned(Protocol):
    """What a scan loop knows of its phase. `stretch` is how much longer than written a scan may take."""

    clock: Clock
    progress: float
    stretch: float

    async def attend(self, resume: Resume | None = None) -> None:
        """Meet a request to hold or stop, now."""


class Scans:
    """The loop as an async iterator over the seconds since it began."""

    def __init__(self, run: Scanned, period: float, resume: Resume | None) -> None:
        self._run = run
        self._period = period
        self._resume = resume
        self._start = self._due = run.clock.now()
        self._first = True
        self._before = (self._start, run.progress)

    def __aiter__(self) -> Scans:
        return self

    async def __anext__(self) -> float:
        clock = self._run.clock
        if not self._first:
            self._due = max(self._due + self._next(), clock.now())
            await clock.sleep(self._due - clock.now())
        self._first = False
        await self._run.attend(self._resume)
        return clock.now() - self._start

    def _next(self) -> float:
        """Seconds to the next scan: the period, or up to `stretch` times as long while the end is far away."""
        run, period = self._run, self._period
        if run.stretch <= 1.0:
            return period
        now, (then, before) = run.clock.now(), self._before
        self._before = (now, run.progress)
        if run.progress <= before:
            return period
        left = (1.0 - run.progress) * (now - then) / (run.progress - before)
        return max(period, min(period * run.stretch, _OF_WHAT_IS_LEFT * left))
