"""What everyone at the bench shares: reading the details of a request, pouring, taking their time."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sim.config import People
from sim.ledger import Ledger
from sim.material import Material
from sim.store import Store
from sim.vessels import Vessel
from vesiflow.quantities import convert

Details = Mapping[str, Any]
Answer = tuple[dict[str, Any], float]
Action = Callable[[Details], Answer]


@dataclass(frozen=True)
class Hands:
    """One pair of hands: their manners, the bottles within reach, and the time."""

    config: People
    ledger: Ledger
    store: Store
    now: Callable[[], float]
    random: Random

    def draw(self) -> float:
        """A standard normal number."""
        return self.random.gauss(0.0, 1.0)

    def takes(self, walks: float = 1.0, handles: float = 0.0, seconds: float = 0.0) -> float:
        """Seconds for so many walks and grips; people are not clocks, 15 % more or less."""
        planned = walks * self.config.walk + handles * self.config.handle + seconds
        return planned * max(1.0 + 0.15 * self.draw(), 0.4)

    def full(self, name: str, volume: float | None = None) -> Vessel:
        """The bottle `name`, made on demand; ValueError when it is empty."""
        bottle = self.store.bottle(name, volume)
        if bottle.volume <= 0.0:
            raise ValueError(f"bottle {name!r} is empty")
        return bottle

    def poured(self, material: Material) -> Material:
        """What arrives when a bottle is poured out: some clings to the wall."""
        clinging, arrived = material.split(min(self.config.pouring_loss, 0.01 * material.volume))
        self.ledger.discard(clinging)
        return arrived


def number(details: Details, name: str, default: float | None = None) -> float:
    """The detail `name` as a number; ValueError when it is missing or no number."""
    value: Any = details.get(name, default)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is not a number (got {value!r})") from None


def word(details: Details, name: str) -> str:
    """The detail `name` as text; ValueError when it is missing."""
    value = details.get(name)
    if value is None or str(value).strip() == "":
        raise ValueError(f"{name} is missing")
    return str(value)


def lot(name: str) -> str:
    """A lot number as it would stand on the label."""
    return f"L{zlib.crc32(name.encode()) % 10**6:06d}"


def in_unit(value: float, inside: str, unit: str) -> float:
    """`value` in the unit a prompt asks for, with five digits as a laboratory reports."""
    target = "" if unit in ("1", "", "text") else unit
    return float(f"{convert(value, inside, target):.5g}")
