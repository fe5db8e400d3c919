"""A bench: the emulated instruments of one line at their `sim://` addresses, and the plant behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sim.wire.emulator import Emulator


@dataclass
class Bench:
    """`endpoints` maps an address without scheme ("lyo/gauge") to the emulator that answers there.

    `apps` make the ASGI application of an instrument that speaks HTTP, the same one at every call.
    """

    endpoints: Mapping[str, Emulator]
    apps: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    unplugged: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)


_current: ContextVar[Bench | None] = ContextVar("bench", default=None)


def current() -> Bench | None:
    """The bench that `sim://` addresses mean in this context."""
    return _current.get()


@contextmanager
def using(bench: Bench) -> Iterator[Bench]:
    """Let `sim://` addresses opened in this context mean `bench`."""
    token = _current.set(bench)
    try:
        yield bench
    finally:
        _current.reset(token)
