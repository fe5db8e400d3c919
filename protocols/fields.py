"""How a recipe declares a parameter: type, allowed range, criticality and the reason, in one place.

ISA-88 and the quality guidelines (ICH Q8) sort process parameters by what they do to the product: *critical* ones
decide a quality attribute, *key* ones the performance of a step, *monitored* ones are watched. A model field says
so where it is declared; `protocols.parameters` collects the table that the check, the command line and docs use.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from vesiflow import quantities
from vesiflow.quantities import Dimension, Quantity

PRESSURE_RISE = Dimension(
    "pressure rise", "Pa/s", "mtorr/min", "10 mTorr/min", "(?:m|u|k|M|h)?(?:bar|Pa|torr|Torr)/(?:s|min|h)"
)
DIFFERENCE = Dimension("temperature difference", "K", "K", "2 K", "K|kelvin|delta_degC")
PERMEABILITY = Dimension("water permeability", "m/s/Pa", "LMH/bar", "150 LMH/bar", "LMH/(?:bar|psi|kPa)")

CRITICAL = "critical"
KEY = "key"
MONITORED = "monitored"

_REQUIRED: Any = ...


class Strict(BaseModel):
    """A mapping of a recipe: unknown keys refused, immutable once read, defaults read like written values."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


def _declare(criticality: str, allowed: str, why: str, default: Any) -> Any:
    extra: dict[str, Any] = {"criticality": criticality, "allowed": allowed, "why": why}
    if default is _REQUIRED:
        return Field(json_schema_extra=extra)
    return Field(default=default, json_schema_extra=extra)


def critical(allowed: str, why: str, default: Any = _REQUIRED) -> Any:
    """A parameter that decides a quality attribute; `allowed` is a range like "500..8000 1/s"."""
    return _declare(CRITICAL, allowed, why, default)


def key(allowed: str, why: str, default: Any = _REQUIRED) -> Any:
    """A parameter that decides how well a step performs."""
    return _declare(KEY, allowed, why, default)


def monitored(allowed: str, why: str, default: Any = _REQUIRED) -> Any:
    """A parameter that is recorded and watched; an empty `allowed` means any text."""
    return _declare(MONITORED, allowed, why, default)


def inside(value: Quantity, unit: str) -> float:
    """`value` in the inside unit, free of the last digits that unit conversion leaves (2 L is 0.002 m^3)."""
    return float(f"{quantities.inside(value, unit):.12g}")
