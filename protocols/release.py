"""Release criteria: what may be asked of a batch and how it is written (">= 3e10", "<= 3 %", "60..150 nm")."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import ValidationInfo, field_validator

from protocols.control import Criterion
from protocols.fields import Strict
from vesiflow.quantities import parse, parse_range

CRITERIA: Mapping[str, tuple[str, str]] = {
    "particles": ("", "particles in all doses"),
    "doses": ("", "filled vials"),
    "particles_per_dose": ("", "particles in one vial"),
    "particles_per_ug": ("1/ug", "purity: particles per microgram of protein"),
    "size": ("nm", "mode diameter"),
    "overall_yield": ("percent", "particles in the doses over particles in the medium"),
    "residual_moisture": ("percent", "water in the cake by mass"),
    "recovery": ("percent", "particles after reconstitution over particles before freezing"),
    "tetraspanins": ("", "positive ones of CD9, CD63, CD81"),
    "negative_markers": ("", "negative markers below their limit"),
    "potency": ("percent", "potency against reference"),
    "cargo_protected": ("", "cargo molecules per particle after nuclease"),
}
"""Criterion -> (unit its value is kept in, what it is)."""

_COMPARISON = re.compile(r"\s*(<=|>=)\s*(.+?)\s*")


def criteria(name: str, text: str) -> tuple[Criterion, ...]:
    """The criteria written in `text`; ValueError says what is wrong with it."""
    if name not in CRITERIA:
        raise ValueError(f"unknown criterion '{name}'; known: {', '.join(CRITERIA)}")
    unit = CRITERIA[name][0]
    if ".." in text:
        low, high = parse_range(text, unit)
        return Criterion(name, ">=", low, unit), Criterion(name, "<=", high, unit)
    match = _COMPARISON.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no criterion; write '>= 3e10', '<= 3 %' or '60..150 nm'")
    return (Criterion(name, match[1], _value(match[2], unit), unit),)


def _value(text: str, unit: str) -> float:
    """With its unit, or a bare number in the unit of the criterion."""
    try:
        return float(text) if float(text) * 0 == 0 else parse(text, unit)
    except ValueError:
        return parse(text, unit)


class Release(Strict):
    """What a batch must show before it leaves; one text a criterion, see CRITERIA."""

    particles: str | None = None
    doses: str | None = None
    particles_per_dose: str | None = None
    particles_per_ug: str | None = None
    size: str | None = None
    overall_yield: str | None = None
    residual_moisture: str | None = None
    recovery: str | None = None
    tetraspanins: str | None = None
    negative_markers: str | None = None
    potency: str | None = None
    cargo_protected: str | None = None

    @field_validator("*")
    @classmethod
    def _readable(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.field_name:
            criteria(info.field_name, value)
        return value

    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion that was written."""
        written = ((name, getattr(self, name)) for name in type(self).model_fields)
        return tuple(item for name, text in written if text is not None for item in criteria(name, text))
