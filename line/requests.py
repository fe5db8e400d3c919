"""What people or interlocks want from a running phase, and how it learns of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from devices.readings import Answer
from vesiflow.clock import Clock, Event
from vesiflow.errors import VesiflowError


class Stopped(VesiflowError):
    """A person asked to stop; the phase ends and the unit goes to its safe state."""


@dataclass
class Requests:
    """What people or interlocks want from the running phase; met at the next scan."""

    clock: Clock
    stop: str | None = None
    hold: str | None = None
    resumed: Event | None = None
    on_held: Callable[[str], Awaitable[None]] | None = None
    on_resumed: Callable[[], Awaitable[None]] | None = None
    on_suspended: Callable[[str], Awaitable[None]] | None = None
    on_gone: Callable[[str], None] | None = None
    asking: asyncio.Task[Answer] | None = None
    abort: bool = False
    held_while_asked: Event | None = None

    def keep(self, reason: str) -> None:
        """The unit is to be held: at the next scan, or now when it waits for a person."""
        self.hold = reason
        if self.held_while_asked:
            self.held_while_asked.set()

    def end(self, reason: str, *, abort: bool = False) -> None:
        """The phase is to end: at its next scan, or now when it is held or waits for a person."""
        self.stop, self.abort = reason, self.abort or abort
        if self.resumed:
            self.resumed.set()
        if self.asking:
            self.asking.cancel()
