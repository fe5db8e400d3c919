"""Finds drivers: entry points of the group `vesiflow.drivers`, ours and anybody else's.

A driver is one plain class:

    class Julabo:
        settings = SerialSettings(4800, 7, "E", rtscts=True)   # factory line settings
        options = JulaboOptions                                 # pydantic model of its line-file keys, or None
        provides = ("circulator",)                              # capabilities of devices.roles.CAPABILITIES
        channels = None                                         # or the allowed channels of one instrument
        asks_with = {...}                                       # optional: options for a scan; None: cannot ask
        def __init__(self, link, clock, options): ...
        async def connect(self) -> Identity: ...                # sets the link's identity
        def role(self, capability, channel=None, **options): ...  # an object that is that capability
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from devices.link import Link
from devices.readings import Identity
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError

GROUP = "vesiflow.drivers"


class Driver(Protocol):
    """One instrument. Idempotent methods, read-back, no policy, no waiting but by the clock."""

    settings: ClassVar[SerialSettings]
    provides: ClassVar[tuple[str, ...]]

    def __init__(self, link: Link, clock: Clock, options: Any) -> None: ...
    async def connect(self) -> Identity: ...
    def role(self, capability: str, **options: Any) -> object: ...


class NoOptions(BaseModel, extra="forbid", frozen=True):
    """A driver without line-file keys of its own."""


@lru_cache
def _found() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def names() -> list[str]:
    """All registered driver names."""
    return sorted(_found())


def load(name: str) -> Any:
    """The driver class registered as `name`; ConfigError names the known ones."""
    point = _found().get(name)
    if point is None:
        raise ConfigError(f"unknown driver {name!r}", remedy=f"known drivers: {', '.join(names())}")
    return point.load()
