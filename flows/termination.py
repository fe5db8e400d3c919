"""SIGTERM during a flow: the flow's task is cancelled at its next wait, as by any other cancellation.

Prefect's own handler raises an exception wherever the main thread happens to be. Inside a callback of the event loop
it is logged and lost: the flow hangs until it is killed, and its line never reaches the safe state.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from prefect.utilities import engine

_THEIRS = "_prefect_sigterm_handler"


@contextmanager
def cancelled_by_sigterm() -> Iterator[None]:
    """SIGTERM cancels the current task while the block runs, if Prefect's handler is in charge here.

    Ours takes its name, too: Prefect tells its worker that a cancellation is heard only while the handler of that name
    is installed, and calls the run crashed otherwise.
    """
    theirs = getattr(engine, _THEIRS, None)
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not theirs:
        yield
        return
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def ours(number: int, frame: FrameType | None) -> None:
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    _install(ours)
    try:
        yield
    finally:
        _install(theirs)


def _install(handler: object) -> None:
    with engine._prefect_sigterm_bridge_lock:
        setattr(engine, _THEIRS, handler)
        signal.signal(signal.SIGTERM, handler)  # type: ignore[arg-type]
