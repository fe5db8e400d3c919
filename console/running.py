"""Runs the asynchronous part of a command; Ctrl-C and SIGTERM unwind it, so that the line reaches its safe state."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

TERMINATED = 143


def drive(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; KeyboardInterrupt after Ctrl-C and SystemExit(143) after SIGTERM, once it has unwound."""
    try:
        return asyncio.run(_terminable(work))
    except asyncio.CancelledError:
        raise SystemExit(TERMINATED) from None


async def _terminable(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
