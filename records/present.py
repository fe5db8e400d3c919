"""Numbers as people read them: a recorded value and its unit in the unit of the bench, four digits.

The unit depends on where the value belongs: pressure is psi on a TFF skid, bar at a column, mtorr in a freeze-dryer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vesiflow.quantities import convert

_DISPLAY: Mapping[str, str] = {
    "m^3": "mL", "m^3/s": "mL/min", "m/s": "LMH", "S/m": "mS/cm", "AU": "mAU", "m/s/Pa": "LMH/bar",
    "Pa/s": "mtorr/min", "m^2": "cm^2", "kg": "g", "1/m^3": "1/mL", "K/s": "K/min", "F": "uF", "m": "mm",
    "mol/m^3": "umol/L", "1/kg": "1/ug", "kg/m^3": "g/L", "V/m": "V/cm",
}  # fmt: skip
_PRESSURE = {"tff": "psi", "sec": "bar", "lyophilization": "mtorr"}
_WRITTEN = {
    "percent": "%", "degC": "°C", "uF": "µF", "uL": "µL", "umol/L": "µmol/L", "cm^2": "cm²", "1/s": "s⁻¹",
    "1/mL": "/mL", "1/ug": "/µg", "ug/mL": "µg/mL", "ohm": "Ω", "1": "", "mtorr": "mTorr", "mtorr/min": "mTorr/min",
}  # fmt: skip
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

PARAMETERS: Mapping[str, str] = {
    "volume": "m^3", "target_volume": "m^3", "rinse": "m^3", "max_volume": "m^3", "collect_from": "m^3",
    "collect_to": "m^3", "fraction_volume": "m^3", "sample_volume": "m^3", "cargo_volume": "m^3",
    "fill_volume": "m^3", "feed_flow": "m^3/s", "flow": "m^3/s", "tmp": "Pa", "max_tmp": "Pa", "max_pressure": "Pa",
    "pressure": "Pa", "max_flux": "m/s", "min_permeability": "m/s/Pa", "duration": "s", "max_duration": "s",
    "min_duration": "s", "soak": "s", "interval": "s", "width": "s", "time_constant_min": "s",
    "time_constant_max": "s", "limit": "S/m", "uv_threshold": "AU", "cargo_stock": "mol/m^3", "temperature": "degC",
    "back_to": "degC", "condenser": "degC", "critical_temperature": "degC", "margin": "K", "ramp": "K/s",
    "max_rise": "Pa/s", "voltage": "V", "gap": "m", "capacitance": "F", "resistance": "ohm",
    "concentration": "1/m^3", "cutoff": "kg", "area": "m^2", "lumen": "m", "length": "m", "max_shear": "1/s",
}  # fmt: skip
"""Parameter of a phase -> its inside unit; what is not listed has none."""

_SHARES = ("min_recovery", "peak_share", "voltage_tolerance")


def figure(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits; powers of ten written out: 2.32×10¹²."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 6:
        text = f"{value:.{max(digits - 1 - exponent, 0)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text.replace("-", "−")
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa.replace('-', '−')}×10{superscript(int(power))}"


def superscript(power: int) -> str:
    """12 as ¹²."""
    return str(power).translate(_SUPERSCRIPT)


def unit_for(unit: str, value: float, area: str = "") -> str:
    """The display unit for `value` in `unit` in a unit procedure of kind `area`."""
    if unit == "Pa":
        return "kPa" if area == "lyophilization" and abs(value) > 5e3 else _PRESSURE.get(area, "kPa")
    if unit == "s":
        size = abs(value)
        return "ms" if 0 < size < 0.5 else "s" if size < 120 else "min" if size < 3 * 3600 else "h"
    if unit == "m^3":
        return "uL" if 0 < abs(value) < 0.9999e-6 else "mL"
    if unit == "kg" and 0 < abs(value) < 1e-15:
        return "kDa"
    return _DISPLAY.get(unit, unit)


def unit_text(unit: str) -> str:
    """A unit as people write it."""
    return _WRITTEN.get(unit, unit)


def text(value: float | None, unit: str, area: str = "", *, display: str | None = None, digits: int = 4) -> str:
    """`value` in `unit` as text with its display unit."""
    if value is None or not math.isfinite(value):
        return "–"
    shown = display or unit_for(unit, value, area)
    number = figure(convert(value, "" if unit == "1" else unit, "" if shown == "1" else shown), digits)
    written = unit_text(shown)
    return f"{number}{'' if not written or written.startswith('/') else ' '}{written}"


def parameter(name: str, value: Any, area: str) -> str:
    """A parameter of a phase as text."""
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if name in _SHARES:
        return text(float(value), "", display="percent")
    return text(float(value), PARAMETERS.get(name, ""), area)


def parameters(params: Mapping[str, Any], area: str) -> list[tuple[str, str]]:
    """(label, text) of all parameters of a phase; a membrane by its barcode where it is not what the phase is about."""
    found: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, Mapping) and "barcode" in value and len(params) > 1:
            found.append((label(name), str(value["barcode"])))
        elif isinstance(value, Mapping):
            found += [(f"{label(name)}, {inner}", shown) for inner, shown in parameters(value, area)]
        else:
            found.append((label(name), parameter(name, value, area)))
    return found


def label(name: str) -> str:
    """A name of code as words."""
    words = name.replace("_", " ")
    return {"tmp": "TMP", "max tmp": "max TMP"}.get(words, words)


def percent(share: float | None, digits: int = 3) -> str:
    """A fraction of 1 in percent."""
    return "–" if share is None else f"{figure(100 * share, digits)} %"


def span(seconds: float | None) -> str:
    """A duration: "45 s", "12 min", "3 h 07 min", "2 d 05 h"."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours:02d} h"


def moment(utc: datetime | None) -> str:
    """A date with time, UTC."""
    return "–" if utc is None else utc.strftime("%Y-%m-%d %H:%M:%S")
