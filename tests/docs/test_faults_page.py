"""The page on faults says what the code does: its tables are written by docs/write_faults.py, its example is read."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from sim.faults.files import load

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"


def test_tables_are_up_to_date() -> None:
    filled = runpy.run_path(str(ROOT / "docs" / "write_faults.py"))["filled"]
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text) == text, "run python docs/write_faults.py"


def test_the_example_is_a_fault_file(tmp_path: Path) -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    file = tmp_path / "faults.yaml"
    file.write_text(example, encoding="utf-8")
    assert [one.id for one in load(file)] == ["draught", "leak", "cable"]
