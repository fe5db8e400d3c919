"""Actual against set values: which result or curve of a phase answers which of its parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from records.model import Comparison
from records.tags import tag
from records.telemetry import TelemetryReader

_CURVES: Mapping[str, tuple[str, str]] = {
    "tff.tmp": ("tmp", "="),
    "tff.feed_flow": ("feed_flow", "="),
    "tff.flux": ("max_flux", "<="),
    "tff.shear": ("membrane.max_shear", "<="),
    "sec.flow": ("flow", "="),
    "sec.pressure": ("max_pressure", "<="),
    "electroporation.voltage": ("pulse.voltage", "="),
    "lyophilization.shelf": ("temperature", "="),
    "lyophilization.capacitance": ("pressure", "="),
}
"""Tag -> (parameter of the phase, how they compare)."""

_QUIET = ("_setpoint", "tff.retentate_mass", "tff.permeate_mass", "sec.volume", "sec.tube", "tff.diavolumes")
"""Tags without a row of their own: they set or count something that has one."""

_RESULTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "tff.flush": {"water permeability": ("min_permeability", ">=")},
    "tff.load": {"loaded volume": ("volume", "=")},
    "tff.concentrate": {"end volume": ("target_volume", "=")},
    "tff.diafilter": {"diavolumes": ("volumes", ">=")},
    "tff.dilute": {"added volume": ("volume", "=")},
    "tff.clean": {"permeability recovery": ("min_recovery", ">=")},
    "sec.inject": {"injected volume": ("volume", "=")},
    "sec.elute": {"elution volume": ("volume", "="), "UV peak above baseline": ("uv_threshold", ">=")},
    "sec.pool": {"pooled volume": ("max_volume", "<=")},
    "sec.wash": {"volume": ("volume", "=")},
    "electroporation.check_conductivity": {"conductivity": ("limit", "<=")},
    "electroporation.prepare": {"wells": ("wells", "=")},
    "electroporation.chill": {"temperature": ("temperature", "<=")},
    "electroporation.pulse": {"voltage": ("pulse.voltage", "="), "time constant": ("time_constant_min", ">=")},
    "electroporation.rest": {"rest": ("duration", "=")},
    "electroporation.collect": {"collected volume": ("volume", "=")},
    "lyophilization.formulate": {"volume after": ("max_volume", "<=")},
    "lyophilization.fill": {"vials filled": ("vials", "="), "fill volume": ("fill_volume", "=")},
    "lyophilization.load": {"count": ("vials", "=")},
    "lyophilization.freeze": {"shelf temperature": ("temperature", "=")},
    "lyophilization.evacuate": {"pressure": ("pressure", "="), "condenser": ("condenser", "<=")},
    "lyophilization.primary_drying": {"duration": ("max_duration", "<="),
                                      "warmest product while ice was left": ("critical_temperature", "<=")},
    "lyophilization.secondary_drying": {"pressure rise": ("max_rise", "<=")},
    "lyophilization.backfill": {"pressure": ("pressure", "=")},
    "lyophilization.stopper": {"count": ("vials", "=")},
    "lyophilization.unload": {"count": ("vials", "=")},
}  # fmt: skip
"""Phase kind -> result -> (parameter, how they compare)."""

_NUMBERED = re.compile(r"column \d+ ")


def comparisons(
    kind: str,
    params: Mapping[str, Any],
    results: Mapping[str, tuple[float, str]],
    window: tuple[float, float] | None,
    telemetry: TelemetryReader | None,
) -> tuple[Comparison, ...]:
    """A row for every result, then one for every curve of the phase."""
    rows = list(_of_results(kind, params, results))
    if telemetry is not None and window is not None and kind not in ("sample", "approve"):
        rows += _of_curves(kind.partition(".")[0], params, window, telemetry)
    return tuple(rows)


def parameter(params: Mapping[str, Any], path: str) -> float | None:
    """The number at `path` ("membrane.max_tmp"), None when there is none."""
    value: Any = params
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_results(kind: str, params: Mapping[str, Any], results: Mapping[str, tuple[float, str]]) -> Iterator[Comparison]:
    known = _RESULTS.get(kind, {})
    for name, (value, unit) in results.items():
        path, relation = known.get(_NUMBERED.sub("", name), ("", ""))
        target = parameter(params, path) if path else None
        yield Comparison(name, unit, relation if target is not None else "", target, value)


def _of_curves(
    unit: str, params: Mapping[str, Any], window: tuple[float, float], telemetry: TelemetryReader
) -> Iterator[Comparison]:
    for name in telemetry.tags():
        if not name.startswith(f"{unit}.") or name.endswith(_QUIET):
            continue
        found = telemetry.statistics(name, *window)
        if found is None:
            continue
        path, relation = _CURVES.get(name, ("", ""))
        target = parameter(params, path) if path else None
        shown = tag(name)
        yield Comparison(
            shown.label, shown.unit, relation if target is not None else "", target, found.mean,
            found.low, found.high, found.last, name,
        )  # fmt: skip
