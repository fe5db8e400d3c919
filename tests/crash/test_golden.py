"""Journals of every release are read by this version as the release read them."""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devices.line_file import line_from_text
from line.replay import Diverged, changes, compare, replay
from line.restore import refuse_strangers, remembered
from records.journal import JournalReader
from records.verify import GENESIS, row_digest
from vesiflow import __version__
from vesiflow.errors import DeviceFault
from vesiflow.ids import canonical

FOLDER = Path(__file__).parents[1] / "data" / "journals"
GOLDEN = sorted(FOLDER.glob("*/*.sqlite.gz"))


def decisions(journal: Path, folder: Path) -> list[str]:
    """What this version reads in a golden journal."""
    line = line_from_text(journal.with_name(f"{name_of(journal)}.line.yaml").read_text(encoding="utf-8"))
    path = folder / "journal.sqlite"
    path.write_bytes(gzip.decompress(journal.read_bytes()))
    return replay(path, line)


def name_of(journal: Path) -> str:
    return journal.name.removesuffix(".sqlite.gz")


def test_this_release_has_its_journals() -> None:
    mine = [one for one in GOLDEN if one.parent.name == __version__]
    text = "".join(one.with_name(f"{name_of(one)}.txt").read_text(encoding="utf-8") for one in mine)
    assert len(mine) == 4
    assert " by evidence" in text and " UNKNOWN" in text


@pytest.mark.parametrize("journal", GOLDEN, ids=lambda path: f"{path.parent.name} {name_of(path)}")
def test_a_golden_journal_is_read_as_it_was_written(journal: Path, tmp_path: Path) -> None:
    expected = journal.with_name(f"{name_of(journal)}.txt").read_text(encoding="utf-8").splitlines()
    compare(decisions(journal, tmp_path), expected)
    assert len(expected) > 20


def test_a_batch_of_another_version_or_line_says_so_when_it_is_taken_up(tmp_path: Path) -> None:
    journal = next(one for one in GOLDEN if name_of(one) == "crash-sec" and one.parent.name == __version__)
    decisions(journal, tmp_path)
    text = journal.with_name("crash-sec.line.yaml").read_text(encoding="utf-8")
    path: Any = SimpleNamespace(path=tmp_path / "journal.sqlite")
    with JournalReader(path.path) as reader:
        (past,) = remembered(reader)
    line: Any = SimpleNamespace(file=line_from_text(text), instruments=there(past.serials))
    assert list(changes(past, line, path)) == []
    assert list(changes(replace(past, software="0.0.9"), line, path)) == ["the batch was begun by version 0.0.9"]
    line.file = line_from_text(text.replace("300 mL/min", "299 mL/min"))
    assert list(changes(past, line, path)) == ["the line file has changed"]
    refuse_strangers(line, [past])
    line.instruments = there({**past.serials, "pumps": "9999"})
    with pytest.raises(DeviceFault, match=r"pumps 9999 \(was 0412\)"):
        refuse_strangers(line, [past])


def there(serials: Mapping[str, str]) -> dict[str, Any]:
    """Instruments with these serial numbers."""
    return {name: SimpleNamespace(identity=SimpleNamespace(serial_number=one)) for name, one in serials.items()}


def test_the_first_entry_that_differs_is_named() -> None:
    same = ["3 phase.started B1 a", "9 outcome B1 pump start DONE"]
    compare(same, list(same))
    with pytest.raises(Diverged, match=r"entry 9 .*NOT_DONE.*DONE"):
        compare([same[0], "9 outcome B1 pump start NOT_DONE"], same)
    with pytest.raises(Diverged, match=r"entry 9 .*nothing"):
        compare(same[:1], same)


@pytest.mark.parametrize(
    ("table", "column", "where", "value", "said"),
    [
        ("intent", "cls", "cls = 'S'", "X", r"\(intent\) is read otherwise \(got \['X'"),
        ("outcome", "state", "origin = 'reconcile' AND state <> 'UNKNOWN'", None, r"\(outcome\) is read otherwise"),
    ],
)
def test_a_journal_that_this_version_would_not_have_written(
    tmp_path: Path, table: str, column: str, where: str, value: str | None, said: str
) -> None:
    """The chain is whole, forged with all its digests; what it says is not what this version would say."""
    journal = next(one for one in GOLDEN if name_of(one) == "crash-tff" and one.parent.name == __version__)
    path = tmp_path / "journal.sqlite"
    path.write_bytes(gzip.decompress(journal.read_bytes()))
    db = sqlite3.connect(path)
    for name in ("audit", table):
        db.execute(f"DROP TRIGGER {name}_no_update")
    seq, old = db.execute(f"SELECT seq, {column} FROM {table} WHERE {where} LIMIT 1").fetchone()
    db.execute(f"UPDATE {table} SET {column} = ? WHERE seq = ?", (value or {"DONE": "NOT_DONE"}.get(old, "DONE"), seq))
    forge(db, table, seq)
    db.commit()
    db.close()
    line = line_from_text(journal.with_name("crash-tff.line.yaml").read_text(encoding="utf-8"))
    with pytest.raises(Diverged, match=said):
        replay(path, line)


def forge(db: sqlite3.Connection, table: str, changed: int) -> None:
    """Hash the whole chain anew after a row was changed, as somebody with the file could."""
    previous = GENESIS
    db.execute("DROP TRIGGER head_no_delete")
    db.execute("DELETE FROM head")
    for seq, body in db.execute("SELECT seq, body FROM audit ORDER BY seq").fetchall():
        entry: dict[str, Any] = json.loads(body)
        if seq == changed:
            cursor = db.execute(f"SELECT * FROM {table} WHERE seq = ?", (seq,))
            names = [column[0] for column in cursor.description]
            entry["data"]["row"] = row_digest(dict(zip(names, cursor.fetchone(), strict=True)))
        entry["prev_hash"] = previous
        text = canonical(entry)
        previous = hashlib.sha256(text.encode()).hexdigest()
        db.execute("UPDATE audit SET body = ?, hash = ? WHERE seq = ?", (text, previous, seq))
