"""Interlocks: limits of recipe and line file, checked in the controller at every scan; they only move towards safe.

A value that is missing, stale or no number counts as outside. What trips first is kept as first-out until a person
lets the unit go on: that is the manual reset. Times come from the alarm's own row (on-delay) unless given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from line.alarm_table import rationale
from vesiflow.errors import LimitExceeded, VesiflowError

GENERAL = "line.limit"

Raise = Callable[..., Any]
"""(alarm name, what, value, limit, unit, tag): writes the alarm."""


@dataclass
class Interlocks:
    """All interlocks of one phase. `warn` raises an alarm, `calm` ends it, `note` writes a journal event."""

    now: Callable[[], float]
    warn: Raise
    calm: Callable[[str], None]
    note: Callable[..., Any]
    line: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    first_out: str | None = None
    _since: dict[str, float] = field(default_factory=dict)
    _warned: dict[str, float] = field(default_factory=dict)

    def limit(
        self, tag: str, value: float, *, high: float = math.inf, low: float = -math.inf, debounce: float | None = None,
        unit: str = "", alarm: str = GENERAL,
    ) -> None:  # fmt: skip
        """Trip when `value` stays outside for `debounce` s (default: the alarm's on-delay)."""
        inside = low <= value <= high
        bound = low if value < low else high if value > high or math.isinf(low) else low
        if self._lasts(f"{alarm} {tag}", not inside, alarm, debounce):
            self.trip(alarm, f"{tag} outside its limit", value=value, limit=bound, unit=unit, tag=tag)

    def require(
        self, alarm: str, good: bool, what: str, *, value: float = math.nan, limit: float = math.nan, unit: str = "",
        tag: str = "", debounce: float | None = None,
    ) -> None:  # fmt: skip
        """Trip when `good` stays false for `debounce` s (default: the alarm's on-delay)."""
        if self._lasts(alarm, not good, alarm, debounce):
            self.trip(alarm, what, value=value, limit=limit, unit=unit, tag=tag)

    def advise(
        self, alarm: str, bad: bool, what: str, *, value: float = math.nan, limit: float = math.nan, unit: str = "",
        tag: str = "",
    ) -> bool:  # fmt: skip
        """Raise `alarm` while `bad`, with its delays and without a trip; whether it is on."""
        row, now = rationale(alarm), self.now()
        if bad:
            if alarm not in self._warned and self._lasts(f"advise {alarm}", True, alarm, None):
                self.warn(alarm, what, value, limit, unit, tag)
            if now - self._since.get(f"advise {alarm}", now) >= row.on_delay:
                self._warned[alarm] = now
        else:
            self._since.pop(f"advise {alarm}", None)
            if alarm in self._warned and now - self._warned[alarm] >= row.off_delay:
                del self._warned[alarm]
                self.calm(alarm)
        return alarm in self._warned

    def of_line(self, tag: str, value: float) -> None:
        """The limits of the line file for `tag`, where it has any."""
        if tag in self.line:
            low, high = self.line[tag]
            self.limit(tag, value, low=low, high=high)

    def trip(
        self, alarm: str, what: str, *, value: float = math.nan, limit: float = math.nan, unit: str = "", tag: str = "",
        error: type[VesiflowError] = LimitExceeded,
    ) -> NoReturn:  # fmt: skip
        """Write alarm and trip, then `error`: the unit goes to its safe state and is held, or with Danger aborted."""
        first = self.first_out is None
        self.first_out = self.first_out or alarm
        self.warn(alarm, what, value, limit, unit, tag)
        self.note("interlock.tripped", alarm=alarm, tag=tag, first_out=first, cause=self.first_out)
        self._since.clear()
        raise error(
            what, device=tag or alarm, value=_shown(value, unit), bounds=_shown(limit, unit),
            remedy=rationale(alarm).response,
        )  # fmt: skip

    def reset(self) -> None:
        """A person lets the unit go on: first-out is forgotten and every delay begins anew."""
        if self.first_out is not None:
            self.note("interlock.reset", cause=self.first_out)
        self.first_out = None
        self._since.clear()
        self._warned.clear()

    def _lasts(self, what: str, bad: bool, alarm: str, debounce: float | None) -> bool:
        if not bad:
            self._since.pop(what, None)
            return False
        delay = rationale(alarm).on_delay if debounce is None else debounce
        return self.now() - self._since.setdefault(what, self.now()) >= delay


def _shown(value: float, unit: str) -> str | None:
    return None if math.isnan(value) else f"{value:.4g} {unit}".strip()
