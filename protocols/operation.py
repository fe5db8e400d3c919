"""What every operation of a recipe can do: say how it changes the stock and which phases it becomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from pydantic import model_validator

from protocols.fields import Strict
from protocols.phases import PhaseParams
from protocols.stock import NOTHING, Content, Stock
from vesiflow.errors import ConfigError
from vesiflow.line_profile import LineProfile

Unit = TypeVar("Unit")

Expanded = tuple[PhaseParams, float]
"""A phase's parameters and its expected duration in s."""


@dataclass(frozen=True, slots=True)
class Site(Generic[Unit]):
    """Where an operation takes place: its unit procedure, the line, and the expected stock before it."""

    procedure: Unit
    profile: LineProfile
    stock: Stock

    def holds(self, name: str) -> Content:
        """Expected content of vessel `name`, nothing when it was never filled."""
        return self.stock.get(name, NOTHING)

    def missing(self, unit: str) -> ConfigError:
        """The error of a line that lacks `unit`."""
        return ConfigError(
            f"line '{self.profile.name}' has no {unit} unit", remedy="choose another line or another recipe"
        )


class Operation(Strict):
    """Base of all operations: by default nothing moves and nothing scales."""

    def scaled(self, factor: float) -> Self:
        """The operation for a batch `factor` times as large."""
        return self

    def after(self, site: Site[Any]) -> Stock:
        """Expected stock after the operation."""
        return site.stock

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        """The phases it becomes, with durations in s."""
        raise NotImplementedError


class OneOf(Strict):
    """A mapping with exactly one key that names what it is: `- concentrate: {to: 100 mL}`."""

    @model_validator(mode="before")
    @classmethod
    def _empty_is_a_mapping(cls, data: Any) -> Any:
        """`- recover:` without parameters means `- recover: {}`."""
        if isinstance(data, dict):
            return {name: {} if value is None else value for name, value in data.items()}
        return data

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            allowed = ", ".join(type(self).model_fields)
            given = ", ".join(sorted(self.model_fields_set)) or "none"
            raise ValueError(f"exactly one of {allowed} is wanted (got {given})")
        return self

    @property
    def name(self) -> str:
        """The one key."""
        return next(iter(self.model_fields_set))

    @property
    def value(self) -> Any:
        """What stands under the one key."""
        return getattr(self, self.name)


def scale(value: Any, factor: float) -> Any:
    """A quantity or count times `factor`; None stays None, a count is rounded up."""
    if value is None:
        return None
    if isinstance(value, int):
        return max(1, -int(-value * factor // 1))
    return value * factor
