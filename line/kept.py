"""What must hold while a unit rests: limits watched for as long as it is held or suspended, beside those of the line.

Nothing trips here, for the unit is in its safe state already. An alarm says that resting is not enough: somebody must
come. It ends by itself when the value is back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from devices.readings import Quality, Reading

BLIND = "line.blind"


@dataclass(frozen=True, slots=True)
class Kept:
    """`tag` stays between `low` and `high`, else `alarm` says `what`.

    With `beside` the two are distances: above the highest and below the lowest of those tags as they read now, or as
    `tag` itself read when the rest began.
    """

    tag: str
    alarm: str
    what: str
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    beside: tuple[str, ...] = ()


def of_line(interlocks: Mapping[str, tuple[float, float]]) -> list[Kept]:
    """The limits that the line file gives."""
    return [Kept(tag, "line.limit", f"{tag} outside its limit", *bounds) for tag, bounds in interlocks.items()]


@dataclass
class RestWatch:
    """Judges each look at a resting unit. `advise` raises an alarm while something is bad, with its delays."""

    limits: Iterable[Kept]
    advise: Callable[..., Any]
    _now: dict[str, float] = field(default_factory=dict)
    _first: dict[str, float] = field(default_factory=dict)

    def see(self, tag: str, reading: Reading | None) -> None:
        """One reading of this look; what is above its sensor's range is above every limit."""
        if reading is not None and reading.usable:
            self._now[tag] = reading.value
            self._first.setdefault(tag, reading.value)
        elif reading is not None and reading.quality is Quality.OVER:
            self._now[tag] = math.inf

    def judge(self) -> None:
        """Every alarm on or off by what this look has seen."""
        blind = sorted({kept.tag for kept in self.limits} - self._now.keys())
        self.advise(BLIND, bool(blind), f"no usable value of {', '.join(blind)}: nobody sees how the held unit is")
        by_alarm: dict[str, list[Kept]] = {}
        for kept in self.limits:
            if kept.tag in self._now:
                by_alarm.setdefault(kept.alarm, []).append(kept)
        for alarm, found in by_alarm.items():
            kept = max(found, key=self._outside)
            value, limit = self._now[kept.tag], self._limit(kept)
            self.advise(alarm, self._outside(kept), kept.what, value=value, limit=limit, unit=kept.unit, tag=kept.tag)
        self._now.clear()

    def _outside(self, kept: Kept) -> bool:
        low, high = self._bounds(kept)
        return not low <= self._now[kept.tag] <= high

    def _limit(self, kept: Kept) -> float:
        """The bound that is passed, or the one that there is."""
        low, high = self._bounds(kept)
        return low if self._now[kept.tag] < low or math.isinf(high) else high

    def _bounds(self, kept: Kept) -> tuple[float, float]:
        others = [self._first.get(tag) if tag == kept.tag else self._now.get(tag) for tag in kept.beside]
        known = [value for value in others if value is not None]
        if not kept.beside:
            return kept.low, kept.high
        return (kept.low + min(known), kept.high + max(known)) if known else (-math.inf, math.inf)
