"""Asks the person at the terminal without stopping what runs in this process."""

from __future__ import annotations

import asyncio
import sys


async def ask(question: str) -> str:
    """One line from the terminal, without blanks around it; "" at its end (Ctrl-D)."""
    print(question, end="", flush=True)
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline().strip()
