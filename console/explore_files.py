"""The table of a study: one row a sample, one column a parameter or result, units in the names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from line.direct.study import RESULTS, Row, Study
from records.tables import write_table

UNITS = {"moisture": "%", "recovery": "%", "size": "nm", "potency": "%"}


def write_study(path: Path, study: Study, rows: Sequence[Row]) -> None:
    """Write all rows of a study."""
    write_table(path, [record(study, row) for row in rows])


def record(study: Study, row: Row) -> dict[str, Any]:
    """One row by column names."""
    given = {_column(v.path, v.unit): value for v, value in zip(study.variations, row.values, strict=True)}
    return {
        "sample": row.sample,
        **given,
        "outcome": row.outcome,
        "failed_at": row.failed_at,
        "reason": row.reason,
        "yield": row.overall_yield,
        "particles": row.particles,
        "doses": row.doses,
        "particles_per_ug": row.particles_per_ug,
        "duration [h]": row.duration_h,
        **{_column(name, UNITS.get(name, "")): row.results.get(name) for name in RESULTS},
        "criteria_failed": row.criteria_failed,
        "deviations": row.deviations,
    }


def _column(name: str, unit: str) -> str:
    return f"{name} [{unit}]" if unit else name
