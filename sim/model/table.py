"""Results for people: one row per number, with the unit that its key ends in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SUFFIXES = {
    "_LMH_bar": "L/m2/h/bar",
    "_kg_h_m2": "kg/h/m2",
    "_g_per_vial": "g per vial",
    "_kV_cm": "kV/cm",
    "_V_cm": "V/cm",
    "_L_m2": "L/m2",
    "_LMH": "L/m2/h",
    "_kg_h": "kg/h",
    "_g_L": "g/L",
    "_g_h": "g/h",
    "_m_s": "m/s",
    "_1_s": "1/s",
    "_1_h": "1/h",
    "_cm2": "cm2",
    "_percent": "%",
    "_pct": "%",
    "_ohm": "ohm",
    "_psi": "psi",
    "_Pa": "Pa",
    "_mL": "mL",
    "_cm": "cm",
    "_ms": "ms",
    "_s2": "s2",
    "_L": "L",
    "_s": "s",
    "_h": "h",
    "_V": "V",
    "_A": "A",
    "_J": "J",
    "_K": "K",
    "_C": "degC",
}
WHOLE = {
    "charge_C": "C",
    "Kv": "cal/s/K/cm2",
    "Rp": "cm2 h Torr/g",
    "V_at_5ms": "V",
    "V_end": "V",
    "t_to_37pct_ms": "ms",
    "pirani_over_cm": "",
}
LABELS = {"VCF": "volume concentration factor", "particles_per_ug_final": "particles per ug of protein"}


def rows(result: dict[str, Any]) -> list[tuple[str, float, str]]:
    """(label, value, unit) of every number, in the order of the result."""
    return list(_rows(result, ""))


def _rows(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, float, str]]:
    for key, item in value.items():
        label, unit = described(key)
        label = f"{prefix}{label}"
        if isinstance(item, dict):
            yield from _rows(item, f"{label}: ")
        elif isinstance(item, list):
            for number, one in enumerate(item, start=1):
                yield f"{label} {number}", one, unit
        else:
            yield label, item, unit


def described(key: str) -> tuple[str, str]:
    """Label and unit of an output key: `wall_shear_1_s` is ("wall shear", "1/s")."""
    if key in WHOLE:
        unit = WHOLE[key]
        ending = {"charge_C": "_C", "V_at_5ms": "", "t_to_37pct_ms": "_ms"}.get(key, "")
        return key.removesuffix(ending).replace("_", " "), unit
    if key in LABELS:
        return LABELS[key], ""
    for suffix, unit in SUFFIXES.items():
        if key.endswith(suffix) and key != suffix:
            return key.removesuffix(suffix).replace("_", " "), unit
    return key.replace("_", " "), ""
