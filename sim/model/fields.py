"""What may stand in a case file: lists, tables and concentrations made of the single values in `scalars`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sim.model.scalars import (
    Bad,
    Count,
    Field,
    Fields,
    Number,
    Text,
    bare,
    not_negative,
    positive,
    share,
    shown,
    signed,
    temperature,
)
from vesiflow.quantities import inside, quantity, units

__all__ = [
    "Amount",
    "Bad",
    "Concentration",
    "Count",
    "Field",
    "Fields",
    "ListOf",
    "Named",
    "Number",
    "Series",
    "Table",
    "Text",
    "not_negative",
    "positive",
    "share",
    "shown",
    "signed",
    "temperature",
]


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
            if isinstance(value, str | int | float) and not isinstance(value, bool) and not bare(value):
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
