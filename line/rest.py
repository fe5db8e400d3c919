"""A phase at rest: held until a person lets it go on, or suspended until a cause from outside is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from line.requests import Requests, Stopped
from line.watch import repeated
from line.watchdog import Pulse
from vesiflow.clock import Clock
from vesiflow.errors import VesiflowError

STEADY = 300.0  # s that a cause from outside must be gone before a suspended unit goes on by itself
LOOK_AGAIN = 10.0  # s


@dataclass
class Rest:
    """The rests of one phase. `look` is done all the while; `began` and `over` tell the phase."""

    clock: Clock
    requests: Requests
    pulse: Pulse
    look: Callable[[], Awaitable[None]]
    began: Callable[[], None]
    over: Callable[[], None]

    async def held(self, reason: str) -> None:
        """Keep the product safe and wait until a person lets the phase go on; Stopped when they end it."""
        await self._rest(reason, self.requests.on_held, None)

    async def suspended(self, cause: str, gone: Callable[[], Awaitable[bool]]) -> None:
        """Keep the product safe while a cause from outside lasts; go on by itself once it has been `gone` for as long
        as `STEADY`, or when a person says so; Stopped when they end it."""
        async with self._until_gone(cause, gone) as watch:
            await self._rest(cause, self.requests.on_suspended, watch)

    @asynccontextmanager
    async def _until_gone(
        self, cause: str, gone: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[Callable[[], Coroutine[Any, Any, None]]]:
        tasks: set[asyncio.Task[None]] = set()

        async def watch() -> None:
            since = self.clock.now()
            while self.clock.now() - since < STEADY:
                await self.clock.sleep(LOOK_AGAIN)
                with suppress(VesiflowError):
                    since = since if await gone() else self.clock.now()
            if self.requests.on_gone:
                self.requests.on_gone(cause)

        async def begin() -> None:
            tasks.add(self.clock.spawn(watch(), "cause of the suspension"))

        try:
            yield begin
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _rest(
        self,
        reason: str,
        enter: Callable[[str], Awaitable[None]] | None,
        begin: Callable[[], Coroutine[Any, Any, None]] | None,
    ) -> None:
        requests = self.requests
        if requests.stop is not None:
            raise Stopped(requests.stop)
        requests.resumed = self.clock.event()
        with self.pulse.resting():
            if enter:
                await enter(reason)
            if begin:
                await begin()
            self.began()
            async with repeated(self.clock, self.look):
                await requests.resumed.wait()
        if requests.stop is not None:
            raise Stopped(requests.stop)
        self.over()
        if requests.on_resumed:
            await requests.on_resumed()
