"""What the checks look at: recipe, line and the expected stock step by step; and what they find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from protocols.model import Recipe
from protocols.operation import Operation
from protocols.resolve import Step, walk
from vesiflow.documents import Document, Place, dotted
from vesiflow.errors import ConfigError
from vesiflow.line_profile import LineProfile
from vesiflow.quantities import convert, show

ERROR = "error"
WARNING = "warning"

Kind = TypeVar("Kind", bound=Operation)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found: `severity` "error" or "warning", path and line in the recipe, reason."""

    severity: str
    path: str
    line: int
    reason: str


@dataclass(frozen=True)
class Plan:
    """A recipe on a line, walked once."""

    recipe: Recipe
    profile: LineProfile

    @property
    def document(self) -> Document:
        """Where lines come from."""
        return self.recipe.document

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Operations in order, up to the first that needs a unit the line lacks."""
        return tuple(self._walk())

    def _walk(self) -> Iterator[Step]:
        steps = walk(self.recipe, self.profile)
        while True:
            try:
                yield next(steps)
            except (ConfigError, StopIteration):
                return

    def of(self, kind: type[Kind]) -> Iterator[tuple[Step, Kind]]:
        """The steps whose operation is a `kind`."""
        for step in self.steps:
            if isinstance(step.operation, kind):
                yield step, step.operation

    def units(self, name: str) -> Iterator[tuple[Place, Any]]:
        """Place and model of every unit procedure on unit `name`."""
        for index, entry in enumerate(self.recipe.procedure):
            if entry.name == name:
                yield ("procedure", index, name), entry.value

    def limit(self, role: str, argument: str) -> tuple[float, float] | None:
        """The line's limits of an argument, None when it states none."""
        return self.profile.roles.get(role, {}).get(argument)

    def error(self, place: Place, reason: str) -> Finding:
        """What must be mended before the recipe can run."""
        return Finding(ERROR, dotted(place), self.document.line(place), reason)

    def warning(self, place: Place, reason: str) -> Finding:
        """What can run but deserves a look."""
        return Finding(WARNING, dotted(place), self.document.line(place), reason)

    def within(self, place: Place, what: str, value: float, role: str, argument: str, text: str) -> Iterator[Finding]:
        """An error when `value` leaves the line's limits of `role`; `text` is "unit shown as"."""
        limits = self.limit(role, argument)
        if limits is None:
            return
        unit, display = text.split("|")
        slack = 1e-9 * max(map(abs, limits))
        if not limits[0] - slack <= value <= limits[1] + slack:
            low, high, shown = (show_value(v, unit, display) for v in (*limits, value))
            yield self.error(place, f"{what} of {shown} is outside what {role} can do ({low} to {high})")


def show_value(value: float, unit: str, display: str) -> str:
    """A value in the unit people read."""
    return show(value, unit, display, 3 if abs(convert(value, unit, display)) < 1000 else 4)


def ml(volume: float) -> str:
    """A volume for people."""
    return show_value(volume, "m^3", "mL")
