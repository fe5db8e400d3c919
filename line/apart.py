"""A line hosted in a thread of its own, with its own event loop.

For processes whose main thread is not ours: Prefect raises an exception from its SIGTERM handler, wherever the main
thread happens to be. Here it can never be inside a phase. The client is the same and its calls cross the threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any

import httpx

from devices.line_file import LineFile
from line.api import create_app
from line.client import LineClient
from line.host import hosted
from records.store import Store


@asynccontextmanager
async def hosted_apart(line: LineFile, store: Store, *, seed: int | None = None) -> AsyncIterator[LineClient]:
    """As `line.host.hosted`, but in another thread; on the way out the line is safe before this returns."""
    there = _Elsewhere(line, store, seed)
    there.thread.start()
    try:
        # Shielded: whoever is cancelled here leaves, and the thread must not find its answer taken away.
        transport = await asyncio.shield(asyncio.wrap_future(there.ready))
        async with httpx.AsyncClient(transport=transport, base_url="http://line") as http:
            yield LineClient(http)
    finally:
        there.leaving.set_result(None)
        await asyncio.shield(asyncio.wrap_future(there.over))
        there.thread.join()


class _Elsewhere:
    """The thread: `ready` gives the way in or why there is none, `leaving` ends it, `over` is done when it is left."""

    def __init__(self, line: LineFile, store: Store, seed: int | None) -> None:
        self.ready: Future[_Across] = Future()
        self.leaving: Future[None] = Future()
        self.over: Future[None] = Future()
        self.thread = threading.Thread(target=self._run, args=(line, store, seed), name=f"line {line.name}")

    def _run(self, line: LineFile, store: Store, seed: int | None) -> None:
        try:
            asyncio.run(self._host(line, store, seed))
        except BaseException as error:
            if self.ready.done():
                self.over.set_exception(error)
                return
            self.ready.set_exception(error)
        self.over.set_result(None)

    async def _host(self, line: LineFile, store: Store, seed: int | None) -> None:
        async with hosted(line, store, seed=seed) as host:
            self.ready.set_result(_Across(create_app(host.controller), asyncio.get_running_loop()))
            await asyncio.wrap_future(self.leaving)


class _Across(httpx.AsyncBaseTransport):
    """Requests from this event loop to an application on another one."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._app = httpx.ASGITransport(app=app)
        self._loop = loop

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer there, return here."""
        answer = self._app.handle_async_request(request)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer, self._loop))
