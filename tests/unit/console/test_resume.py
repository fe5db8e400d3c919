"""`vesiflow resume` on what must not go on: refused with the reason and what to do, and nothing moves."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from console.resume import resume
from records.store import Store
from vesiflow.errors import ConfigError, Refused, VesiflowError

DATA = Path(__file__).parents[2] / "data"
JOURNALS = DATA / "journals" / "0.1.0"


def held(name: str = "crash-sec") -> Path:
    """The journal of a batch called "crash" of an earlier life of line "sim"."""
    path = Store().journal("sim")
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.decompress((JOURNALS / f"{name}.sqlite.gz").read_bytes()))
    return path


def line_file(folder: Path, **changes: str) -> str:
    """The line file it began with, changed."""
    text = (JOURNALS / "crash-sec.line.yaml").read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "line.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_line_file_that_has_changed_since_the_batch_began(tmp_path: Path) -> None:
    journal = held()
    before = journal.read_bytes()
    with pytest.raises(ConfigError, match=r"line file has changed since the batch began.*bring the old file back"):
        resume("crash", yes=True, line=line_file(tmp_path, **{"300 mL/min": "299 mL/min"}))
    assert journal.read_bytes() == before


def test_another_recipe(tmp_path: Path) -> None:
    journal = held()
    before = journal.read_bytes()
    recipe = str(DATA / "recipes" / "crash-tff.yaml")
    with pytest.raises(ConfigError, match=r"runs another recipe.*crash-tff.*start a new batch"):
        resume("crash", yes=True, recipe=recipe, line=line_file(tmp_path))
    assert journal.read_bytes() == before


def test_another_line(tmp_path: Path) -> None:
    held()
    with pytest.raises(ConfigError, match="runs on another line"):
        resume("crash", yes=True, line=line_file(tmp_path, **{"name: sim": "name: other"}))


def test_a_batch_nobody_knows() -> None:
    with pytest.raises(ConfigError, match="no batch 'x'"):
        resume("x", yes=True)


def test_a_batch_that_is_over() -> None:
    held("crash-tff")
    with pytest.raises(Refused, match=r"is Complete.*start a new batch"):
        resume("crash", yes=True)


def test_nobody_to_ask() -> None:
    held()
    with pytest.raises(ConfigError, match=r"nobody to ask.*--yes"):
        resume("crash")


def test_a_simulated_plant_that_died_with_its_process(tmp_path: Path) -> None:
    held()
    with pytest.raises(VesiflowError, match=r"plant died with its process.*start a new batch"):
        resume("crash", yes=True, line=line_file(tmp_path))
