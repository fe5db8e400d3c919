"""Tables of results as CSV or Parquet, by the ending of the file; None becomes an empty cell."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from records.report import write_text
from vesiflow.errors import ConfigError

Row = Mapping[str, object]


def expect_table(path: Path) -> None:
    """ConfigError when a table of that kind cannot be written."""
    if path.suffix == ".parquet":
        _pyarrow()
    elif path.suffix != ".csv":
        raise ConfigError("a table ends in .csv or .parquet", device=str(path))


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write `rows`; a column that only some of them have is there for all."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        arrow, parquet = _pyarrow()
        whole = [{name: row.get(name) for name in names} for row in rows]
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(arrow.Table.from_pylist(whole), path)
        return
    write_text(path, as_csv(names, rows))


def as_csv(names: Sequence[str], rows: Sequence[Row]) -> str:
    """The rows as CSV; texts that a spreadsheet would take for a formula are quoted."""
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def _pyarrow() -> tuple[Any, Any]:
    """An optional extra: a CSV needs nothing."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow, which is not installed", remedy="install vesiflow[parquet], or write .csv"
        ) from None
