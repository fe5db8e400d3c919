"""The table of a study as CSV or Parquet: one row a sample, one column a parameter or result, units in the names."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from console.files import write_text
from line.direct.study import RESULTS, Row, Study
from vesiflow.errors import ConfigError

UNITS = {"moisture": "%", "recovery": "%", "size": "nm", "potency": "%"}


def expect_table(path: Path) -> None:
    """ConfigError when a table of that kind cannot be written."""
    if path.suffix == ".parquet":
        _pyarrow()
    elif path.suffix != ".csv":
        raise ConfigError("a table ends in .csv or .parquet", device=str(path))


def write_table(path: Path, study: Study, rows: Sequence[Row]) -> None:
    """Write all rows; None becomes an empty cell."""
    table = [record(study, row) for row in rows]
    if path.suffix == ".parquet":
        arrow, parquet = _pyarrow()
        parquet.write_table(arrow.Table.from_pylist(table), path)
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    write_text(path, text.getvalue())


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


def _pyarrow() -> tuple[Any, Any]:
    """An optional extra: a CSV needs nothing."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow, which is not installed", remedy="install vesiflow[parquet], or write .csv"
        ) from None
