"""Release criteria judged on what the record holds: pass, fail, or missing when nothing was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocols.release import CRITERIA
from records.model import ReleaseResult, SampleResult, Summary, UnitRecord
from records.timeline import number
from vesiflow.quantities import convert

_FIGURES = {
    "particles": ("particles_out", "particle count times volume at {particles_at}"),
    "doses": ("doses", "vials counted out of the dryer"),
    "particles_per_dose": ("particles_per_dose", "particles at {particles_at} over vials"),
    "particles_per_ug": ("particles_per_ug", "particles over protein at {purity_at}"),
    "overall_yield": ("overall_yield", "particles at {particles_at} over particles in the material"),
}
_ASSAYS = {"residual_moisture": "moisture"}

Found = tuple[float, str, str]


def judge(
    criteria: Sequence[Mapping[str, Any]],
    figures: Summary,
    samples: Sequence[SampleResult],
    units: Sequence[UnitRecord],
) -> tuple[ReleaseResult, ...]:
    """Every criterion with its value, verdict and evidence."""
    return tuple(_judged(item, _find(str(item["name"]), figures, samples, units)) for item in criteria)


def _judged(item: Mapping[str, Any], found: Found | None) -> ReleaseResult:
    name, relation, unit = str(item["name"]), str(item["relation"]), str(item["unit"])
    limit = number(item["value"])
    label = CRITERIA.get(name, ("", name.replace("_", " ")))[1]
    if found is None:
        return ReleaseResult(name, label, relation, limit, unit, None, "missing", "not measured")
    value = convert(found[0], found[1], unit)
    met = value >= limit if relation == ">=" else value <= limit  # not a number meets nothing
    return ReleaseResult(name, label, relation, limit, unit, value, "pass" if met else "fail", found[2])


def _find(name: str, figures: Summary, samples: Sequence[SampleResult], units: Sequence[UnitRecord]) -> Found | None:
    """(value, unit, evidence) of a criterion: a figure of the batch, else the last assay or result of that name."""
    if name in _FIGURES:
        field, evidence = _FIGURES[name]
        value = getattr(figures, field)
        unit = {"particles_per_ug": "1/ug"}.get(name, "")
        points = {"particles_at": figures.particles_at, "purity_at": figures.purity_at}
        return None if value is None else (float(value), unit, evidence.format_map(points))
    assay = _ASSAYS.get(name, name)
    for sample in reversed(samples):
        if sample.assay == assay:
            unit = "" if sample.unit == "1" else sample.unit
            return sample.value, unit, f"sample {sample.point}" + (f", {sample.by}" if sample.by else "")
    for unit_record in reversed(units):
        for phase in reversed(unit_record.phases):
            if name in phase.results:
                value, unit = phase.results[name]
                return value, unit, f"phase {phase.key}"
    return None
