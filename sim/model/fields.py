"""What may stand in a case file: kinds of fields, each reading one YAML value or saying what is wrong with it.

Every field has `read(value, key)`, which returns plain numbers in the unit the field names, or raises `Bad` with the
key path as a person would write it (`species[1].sieving`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

from vesiflow.quantities import inside, quantity, units

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
        if self.unit == "deg" and _bare(value):
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


def _bare(value: str | float) -> bool:
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


@dataclass(frozen=True)
class Amount:
    """A concentration as it was given: magnitude and unit, and in SI (per m^3)."""

    value: float
    unit: str
    kind: str  # number, mass, moles or bare
    per_m3: float


_KINDS = {"number": "1/m^3", "mass": "kg/m^3", "moles": "mol/m^3", "bare": ""}


@dataclass(frozen=True)
class Concentration:
    """Any concentration; what comes out of the calculation is in the unit that was given."""

    kinds: tuple[str, ...] = tuple(_KINDS)
    optional: bool = False

    def read(self, value: Any, key: str) -> Amount:
        number = Number(low=-math.inf)
        found = None
        for kind in self.kinds:
            try:
                found = kind, quantity(value, _KINDS[kind])
            except (ValueError, OverflowError, TypeError):
                continue
            break
        if found is None or isinstance(value, bool):
            if isinstance(value, str | int | float) and not isinstance(value, bool) and not _bare(value):
                _dimension(value, key)
            number.parsed(value, key)  # says what is wrong with the number itself
            raise Bad(key, f"wrong dimension: expected a concentration (got {shown(value)})")
        magnitude = float(found[1].magnitude)
        if not math.isfinite(magnitude) or magnitude < 0.0:
            raise Bad(key, f"must be at least 0 (got {shown(value)})")
        return Amount(magnitude, str(found[1].units), found[0], inside(found[1], _KINDS[found[0]]))


def _dimension(value: Any, key: str) -> None:
    """Raise for text that is a quantity, but not of a concentration; leave other text to the caller."""
    name = str(value).split(maxsplit=1)[-1]
    try:
        units.Unit(name)
    except Exception:  # pint raises a dozen kinds for a misspelt unit
        return
    raise Bad(key, f"wrong dimension: expected a concentration (got {shown(value)})")


@dataclass(frozen=True)
class ListOf:
    """A list with at least one entry; `fields` may name a kind per position (the last one goes on)."""

    fields: tuple[Field, ...]
    optional: bool = False

    def read(self, value: Any, key: str) -> list[Any]:
        return [self.kind(i).read(item, f"{key}[{i}]") for i, item in enumerate(_listed(value, key))]

    def kind(self, position: int) -> Field:
        return self.fields[min(position, len(self.fields) - 1)]


@dataclass(frozen=True)
class Series:
    """Coefficients of a polynomial without constant: entry i has the unit (`numerator`) x (`variable`)^-i."""

    numerator: str
    variable: str
    optional: bool = False

    def read(self, value: Any, key: str) -> list[float]:
        return [
            Number(f"{self.numerator}/({self.variable})^{i}", open=False).read(item, f"{key}[{i - 1}]")
            for i, item in enumerate(_listed(value, key), start=1)
        ]


def _listed(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise Bad(key, f"must be a list (got {shown(value)})")
    if not value:
        raise Bad(key, "must not be empty")
    return value


@dataclass(frozen=True)
class Table:
    """A mapping with these keys and no others."""

    keys: Mapping[str, Field]
    optional: bool = False

    def read(self, value: Any, key: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Bad(key or "-", f"must be a mapping (got {shown(value)})")
        prefix = f"{key}." if key else ""
        for name in value:
            if name not in self.keys:
                close = get_close_matches(str(name), self.keys, n=1)
                raise Bad(f"{prefix}{shown(name)}", f"unknown key{f', did you mean {close[0]}?' if close else ''}")
        for name, field in self.keys.items():
            if name not in value and not field.optional:
                raise Bad(f"{prefix}{name}", "is missing")
        return {n: field.read(value[n], f"{prefix}{n}") for n, field in self.keys.items() if n in value}


@dataclass(frozen=True)
class Named:
    """A list of tables whose `name` must be unique; at least `least` of them."""

    table: Table
    least: int = 1
    optional: bool = False

    def read(self, value: Any, key: str) -> list[dict[str, Any]]:
        items = [self.table.read(item, f"{key}[{i}]") for i, item in enumerate(_listed(value, key))]
        names: Sequence[str] = [item["name"] for item in items]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise Bad(f"{key}[{i}].name", f"must be unique (got {shown(name)})")
        if len(items) < self.least:
            raise Bad(key, f"must have at least {self.least} entries (got {len(items)})")
        return items


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
