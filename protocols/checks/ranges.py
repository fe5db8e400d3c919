"""Every value within the allowed range of the parameter table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pint
from pydantic import BaseModel

from protocols.checks.plan import Finding, Plan
from protocols.fields import inside
from protocols.parameters import Parameter, parameters
from vesiflow.documents import Place
from vesiflow.quantities import show

MATERIAL = "material."
_TRANSPARENT = ("procedure", "operations")


ABSURD = 1e6
"""A value this many times outside its range is a slip of the pen: nothing is worth computing from it."""


def ranges(plan: Plan) -> list[Finding]:
    """Values outside the table of parameters; of the material alone where it has some: the others scale with it."""
    found = list(_outside(plan))
    return [one for one in found if one.path.startswith(MATERIAL)] or found


def computable(plan: Plan) -> bool:
    """Whether the material is within its range and every value near enough to its own for the other checks."""
    sane = all(_sane(value, *parameter.bounds) for parameter, _, value in _bounded(plan))
    return sane and not any(one.path.startswith(MATERIAL) for one in ranges(plan))


def _outside(plan: Plan) -> Iterator[Finding]:
    for parameter, place, value in _bounded(plan):
        low, high = parameter.bounds
        slack = 1e-9 * max(abs(low), abs(high))
        if not low - slack <= value <= high + slack:
            yield plan.error(place, _reason(parameter, value))


def _sane(value: float, low: float, high: float) -> bool:
    if abs(value) > ABSURD * max(abs(low), abs(high)):
        return False
    return value >= low / ABSURD if low > 0 else low < 0 or value >= 0


def _bounded(plan: Plan) -> Iterator[tuple[Parameter, Place, float]]:
    table = parameters()
    for name, place, value in _values(plan.recipe, "", ()):
        parameter = table.get(name)
        if parameter is not None and parameter.low is not None:
            plain = inside(value, parameter.unit) if isinstance(value, pint.Quantity) else float(value)
            yield parameter, place, plain


def _reason(parameter: Parameter, value: float) -> str:
    shown = show(value, parameter.unit, parameter.display)
    return f"{shown} is outside {parameter.allowed} ({parameter.criticality}: {parameter.why})"


def _values(model: BaseModel, prefix: str, place: Place) -> Iterator[tuple[str, Place, Any]]:
    for field_name in type(model).model_fields:
        value = getattr(model, field_name)
        name = prefix if field_name in _TRANSPARENT else f"{prefix}.{field_name}" if prefix else field_name
        yield from _inside(value, name, (*place, field_name))


def _inside(value: Any, name: str, place: Place) -> Iterator[tuple[str, Place, Any]]:
    if isinstance(value, BaseModel):
        yield from _values(value, name, place)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(item, name, (*place, key))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _inside(item, name, (*place, index))
    elif isinstance(value, pint.Quantity | int | float) and not isinstance(value, bool):
        yield name, place, value
