"""Tables as CSV and Parquet."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.tables import as_csv, expect_table, write_table
from vesiflow.errors import ConfigError

ROWS = [{"recipe": "tff", "yield": 0.5}, {"recipe": "sec", "yield": None, "reason": "held"}]


def test_texts_are_safe_in_a_spreadsheet() -> None:
    text = as_csv(["recipe", "reason"], [{"recipe": "-x", "reason": "=1+1"}, {"recipe": "a,b", "reason": ""}])
    assert text.splitlines() == ["recipe,reason", "'-x,'=1+1", '"a,b",']


def test_a_column_that_some_rows_have_is_there_for_all(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", ROWS)
    assert (tmp_path / "a.csv").read_text().splitlines() == ["recipe,yield,reason", "tff,0.5,", "sec,,held"]


def test_parquet_keeps_numbers_and_gaps(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "new" / "a.parquet", ROWS)
    found = parquet.read_table(tmp_path / "new" / "a.parquet").to_pylist()
    assert found == [
        {"recipe": "tff", "yield": 0.5, "reason": None},
        {"recipe": "sec", "yield": None, "reason": "held"},
    ]


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.csv or \.parquet"):
        expect_table(tmp_path / "a.xlsx")
