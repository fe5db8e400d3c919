"""The validation tables of the documentation are those that the code gives now."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[4] / "docs" / "models"
BUILD = runpy.run_path(str(DOCS / "build.py"))


@pytest.mark.parametrize("unit", list(BUILD["FIGURES"]))
def test_the_table_is_current(unit: str, tmp_path: Path) -> None:
    text = (DOCS / f"{unit}.md").read_text(encoding="utf-8")
    assert BUILD["page"](unit, text, tmp_path) == text


def test_every_figure_of_a_page_exists() -> None:
    for page in DOCS.glob("*.md"):
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("!["):
                assert (DOCS / line.split("(")[1].rstrip(")")).is_file()
