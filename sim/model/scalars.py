"""Single values of a case file: numbers with units, counts and texts, each saying what is wrong with it.

A field has `read(value, key)`, which returns a plain number in the unit the field names, or raises `Bad` with the key
path as a person would write it (`species[1].sieving`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vesiflow.quantities import inside, quantity

MAX_COUNT = 10**6


class Bad(ValueError):
    """A key and what is wrong with it."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class Field(Protocol):
    """One kind of value."""

    @property
    def optional(self) -> bool: ...

    def read(self, value: Any, key: str) -> Any: ...


Fields = Mapping[str, Field]


def shown(value: Any) -> str:
    """A YAML value as it was written, on one line and not too long."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class Number:
    """A number with a unit ("" for none), in `unit` and within its range."""

    unit: str = ""
    low: float = 0.0
    high: float = math.inf
    open: bool = True  # the ends themselves are out of range
    optional: bool = False

    def read(self, value: Any, key: str) -> float:
        return self.checked(self.parsed(value, key), value, key)

    def parsed(self, value: Any, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            wanted = f" with a unit like {self.unit}" if self.unit else ""
            raise Bad(key, f"is not a number{wanted} (got {shown(value)})")
        if self.unit == "deg" and bare(value):
            raise Bad(key, f"has no unit, expected a unit like {self.unit} (got {shown(value)})")
        if self.unit == "K/min" and isinstance(value, str) and _offset_ramp(value):
            raise Bad(key, f"a ramp is in K/min or delta_degC/min (got {shown(value)})")
        try:
            number = inside(quantity(value, self.unit), self.unit)
        except (ValueError, OverflowError) as error:
            raise Bad(key, f"{_reason(error)} (got {shown(value)})") from None
        if not math.isfinite(number):
            raise Bad(key, f"is not a finite number (got {shown(value)})")
        return number

    def checked(self, number: float, value: Any, key: str) -> float:
        inside_range = self.low < number < self.high if self.open else self.low <= number <= self.high
        if inside_range:
            return number
        raise Bad(key, f"must be {self._range()} (got {shown(value)})")

    def _range(self) -> str:
        unit = f" {self.unit}" if self.unit and (self.low or self.high < math.inf) else ""
        if math.isinf(self.high):
            return f"{'greater than' if self.open else 'at least'} {self.low:g}{unit}"
        return f"{'strictly ' if self.open else ''}between {self.low:g} and {self.high:g}{unit}"


def bare(value: str | float) -> bool:
    """Whether a value is a number without a unit."""
    try:
        float(value)
    except (ValueError, OverflowError):
        return False
    return True


def _offset_ramp(text: str) -> bool:
    """Whether a ramp is written with an offset unit, as in "1 degC/min"."""
    plain = text.replace("delta_degC", "").replace("delta_degF", "")
    return any(name in plain for name in ("degC", "celsius", "°C", "degF", "fahrenheit", "°F"))


def _reason(error: Exception) -> str:
    text = str(error)
    if "expected a unit like" in text:
        return f"wrong dimension: {text.split(', ', 1)[1]}"
    if "is not a unit" in text:
        return "has a unit nobody knows"
    return "is not a finite number" if "finite" in text or isinstance(error, OverflowError) else "is not a number"


@dataclass(frozen=True)
class Count:
    """A whole number from 1 on."""

    optional: bool = False

    def read(self, value: Any, key: str) -> int:
        number = Number(low=-math.inf).parsed(value, key)
        if number != int(number):
            raise Bad(key, f"must be a whole number (got {shown(value)})")
        if not 1 <= number <= MAX_COUNT:
            limit = "at least 1" if number < 1 else f"at most {MAX_COUNT}"
            raise Bad(key, f"must be {limit} (got {shown(value)})")
        return int(number)


@dataclass(frozen=True)
class Text:
    """A name, or one of `choices`."""

    choices: tuple[str, ...] = ()
    optional: bool = False

    def read(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise Bad(key, f"must be a text (got {shown(value)})")
        if self.choices and value not in self.choices:
            raise Bad(key, f"must be one of {', '.join(self.choices)} (got {shown(value)})")
        return value


def positive(unit: str = "", *, optional: bool = False) -> Number:
    """Greater than zero."""
    return Number(unit, optional=optional)


def not_negative(unit: str = "") -> Number:
    """Zero or more."""
    return Number(unit, open=False)


def signed(unit: str) -> Number:
    """Any finite number."""
    return Number(unit, low=-math.inf)


def share(*, open_ends: bool = False) -> Number:
    """A fraction of one."""
    return Number("", 0.0, 1.0, open=open_ends)


def temperature(*, optional: bool = False) -> Number:
    """degC, above absolute zero."""
    return Number("degC", low=-273.15, optional=optional)
