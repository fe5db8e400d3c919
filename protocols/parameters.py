"""The table of parameters: name -> unit, allowed range, criticality and why, collected from the models.

A name is "unit.operation.parameter" ("tff.concentrate.shear"), "unit.block.parameter" for equipment blocks
("tff.membrane.cutoff") and "material.parameter" for what the batch starts with.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from protocols.model import Recipe
from vesiflow.quantities import Dimension, convert, parse, parse_range


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: inside `unit`, `display` unit, range in inside units (None for a name), criticality, why."""

    name: str
    unit: str
    display: str
    low: float | None
    high: float | None
    criticality: str
    why: str
    default: str | None
    required: bool

    @property
    def bounds(self) -> tuple[float, float]:
        """The range; everything for a name."""
        if self.low is None or self.high is None:
            return -math.inf, math.inf
        return self.low, self.high

    @property
    def allowed(self) -> str:
        """The range as people read it."""
        if self.low is None or self.high is None:
            return "a name"
        low, high = (f"{convert(value, self.unit, self.display):.6g}" for value in (self.low, self.high))
        return f"{low} to {high} {self.display}".rstrip()


@lru_cache(maxsize=1)
def parameters() -> Mapping[str, Parameter]:
    """Every parameter a recipe may hold, in the order of the models."""
    return dict(_walk(Recipe, ""))


def _walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Parameter]]:
    for field_name, field in model.model_fields.items():
        nested = nested_model(field.annotation)
        if nested is not None:
            yield from _walk(nested, _extend(prefix, field_name))
        elif isinstance(field.json_schema_extra, dict) and "criticality" in field.json_schema_extra:
            name = f"{prefix}.{field_name}" if prefix else field_name
            yield name, _parameter(name, field)


def _extend(prefix: str, field_name: str) -> str:
    if field_name in ("procedure", "operations"):
        return prefix
    return f"{prefix}.{field_name}" if prefix else field_name


def nested_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside `annotation` (list, mapping, optional), if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (list, tuple, dict, Mapping, Union, types.UnionType):
        return next((found for arg in get_args(annotation) if (found := nested_model(arg))), None)
    return next((found for arg in get_args(annotation) if (found := nested_model(arg))), None)


def _parameter(name: str, field: FieldInfo) -> Parameter:
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    dimension = dimension_of(field)
    unit, display = (dimension.unit, dimension.display) if dimension else ("", "")
    low, high = _range(str(extra["allowed"]), unit)
    default = None if field.is_required() or field.default is None else str(field.default)
    return Parameter(
        name, unit, display, low, high, str(extra["criticality"]), str(extra["why"]), default, field.is_required()
    )


def dimension_of(field: FieldInfo) -> Dimension | None:
    """The dimension of a quantity field, None for counts and names."""
    found = [item for item in field.metadata if isinstance(item, Dimension)]
    found += [item for arg in get_args(field.annotation) for item in getattr(arg, "__metadata__", ())]
    return next((item for item in found if isinstance(item, Dimension)), None)


def _range(allowed: str, unit: str) -> tuple[float | None, float | None]:
    if not allowed:
        return None, None
    if allowed.count("..") == 1 and not allowed.endswith(".."):
        return parse_range(allowed, unit)
    value = parse(allowed, unit)
    return value, value
