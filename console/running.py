"""Runs the asynchronous part of a command; Ctrl-C and SIGTERM unwind it, so that the line reaches its safe state."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from vesiflow.errors import Terminated

T = TypeVar("T")


def drive(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; KeyboardInterrupt after Ctrl-C and Terminated after SIGTERM, once it has unwound."""
    try:
        return asyncio.run(_terminable(work))
    except asyncio.CancelledError:
        raise Terminated from None


async def _terminable(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


async def aside(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of `make()`, run on an event loop of its own in another thread, where libraries catch no signals.

    Cancelling this cancels it there, and waits until it has unwound.
    """
    begun: Future[Callable[[], object]] = Future()
    over: Future[T] = Future()

    async def there() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        begun.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await make()

    def run() -> None:
        try:
            over.set_result(asyncio.run(there()))
        except BaseException as error:
            over.set_exception(error)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="aside")
    thread.start()
    end = asyncio.wrap_future(over)
    try:
        return await asyncio.shield(end)
    except asyncio.CancelledError:
        if not end.done():
            begun.result()()
            await asyncio.wait({end})
        end.exception()  # looked at: it was to end
        raise
    finally:
        thread.join()
