"""How people read the parameters of a phase: unit and display unit of every number in `protocols.phases`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from vesiflow.quantities import convert, show

MINUTE, HOUR = 60.0, 3600.0
TIME = "time"

_VOLUME = ("m^3", "mL")
_SMALL = ("m^3", "uL")
_FLOW = ("m^3/s", "mL/min")
_PRESSURE = ("Pa", "psi")
_TEMPERATURE = ("degC", "degC")
_SHARE = ("", "percent")
_TIME = ("s", TIME)
_VACUUM = ("Pa", "mtorr")

FIELDS: Mapping[str, tuple[str, str]] = {
    "cutoff": ("kg", "kDa"), "area": ("m^2", "cm^2"), "lumen": ("m", "mm"), "length": ("m", "cm"),
    "gap": ("m", "mm"), "max_shear": ("1/s", "1/s"), "max_tmp": _PRESSURE, "tmp": _PRESSURE,
    "max_flux": ("m/s", "LMH"), "min_permeability": ("m/s/Pa", "LMH/bar"), "min_recovery": _SHARE,
    "volume": _VOLUME, "target_volume": _VOLUME, "rinse": _VOLUME, "max_volume": _VOLUME, "fill_volume": _VOLUME,
    "collect_from": _VOLUME, "collect_to": _VOLUME, "fraction_volume": _VOLUME, "sample_volume": _SMALL,
    "cargo_volume": _SMALL, "feed_flow": _FLOW, "flow": _FLOW, "max_pressure": ("Pa", "bar"), "pressure": _VACUUM,
    "uv_threshold": ("AU", "mAU"), "peak_share": _SHARE, "voltage_tolerance": _SHARE, "volumes": ("", ""),
    "voltage": ("V", "V"), "capacitance": ("F", "uF"), "resistance": ("ohm", "ohm"), "width": ("s", "ms"),
    "interval": ("s", "s"), "time_constant_min": ("s", "ms"), "time_constant_max": ("s", "ms"),
    "limit": ("S/m", "mS/cm"), "cargo_stock": ("mol/m^3", "umol/L"), "concentration": ("1/m^3", "1/mL"),
    "temperature": _TEMPERATURE, "back_to": _TEMPERATURE, "condenser": _TEMPERATURE,
    "critical_temperature": _TEMPERATURE, "margin": ("K", "K"), "ramp": ("K/s", "K/min"), "ratio": ("", ""),
    "duration": _TIME, "max_duration": _TIME, "min_duration": _TIME, "soak": _TIME,
    "max_rise": ("Pa/s", "mtorr/min"),
}  # fmt: skip
"""Field -> (inside unit, display unit); `TIME` reads as seconds, minutes or hours by size."""

OVERRIDES: Mapping[tuple[str, str], tuple[str, str]] = {("Backfill", "pressure"): ("Pa", "kPa")}
"""(phase, field) -> units, where a name means something else."""

DETAILS: Mapping[str, tuple[str, str]] = {"concentration": ("mol/m^3", "umol/L")}
"""Details of prompts whose names mean something else in a phase."""

HIDDEN = ("membrane",)


def lines(params: Any) -> Iterator[tuple[str, str]]:
    """Every parameter of a phase as (name, text); a membrane shows in full once, then as its barcode."""
    fields = dataclasses.fields(params)
    for field in fields:
        value = getattr(params, field.name)
        if field.name in HIDDEN and len(fields) > 1:
            yield field.name, value.barcode
        elif dataclasses.is_dataclass(value):
            yield from lines(value)
        else:
            yield field.name, text(type(params).__name__, field.name, value)


def text(phase: str, name: str, value: Any) -> str:
    """One value for people: with its display unit, lists with commas."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if not isinstance(value, float):
        return str(value)
    unit, display = OVERRIDES.get((phase, name)) or FIELDS[name]
    if display == TIME:
        return time(value)
    return show(value, unit, display, 4 if abs(convert(value, unit, display)) < 1e4 else 5)


def detail(name: str, value: str) -> str:
    """A detail of a prompt for people: a number in the inside unit of `name` with its display unit, else as it is."""
    try:
        number = float(value)
    except ValueError:
        return value
    if name in DETAILS or (name in FIELDS and FIELDS[name][0]):
        unit, display = DETAILS.get(name) or FIELDS[name]
        return time(number) if display == TIME else show(number, unit, display, 4)
    return value


def time(seconds: float) -> str:
    """A duration for people: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.3g} s"
    minutes = round(seconds / MINUTE)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
