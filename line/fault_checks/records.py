"""A journal that somebody with access to the file has changed."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from line.trial_result import Result
from records.journal import Journal, verify
from vesiflow.clock import VirtualClock

ENTRIES, AT = 200, 120
Change = Callable[[sqlite3.Connection], object]


async def tampered(result: Result, seed: int) -> Result:
    """A bit flipped, a row deleted, two swapped, the tail cut, the file rolled back: each is found, the place named."""
    with tempfile.TemporaryDirectory() as folder:
        path, old = Path(folder) / "journal.sqlite", Path(folder) / "old.sqlite"
        _written(path, ENTRIES // 2)
        shutil.copy(path, old)
        anchor = _written(path, ENTRIES // 2)
        result.add("" if verify(path, anchor).ok else "an untouched journal does not hold")
        for name, change in _CHANGES.items():
            changed = Path(folder) / "changed.sqlite"
            shutil.copy(path, changed)
            _change(changed, change)
            found = verify(changed, anchor)
            result.add(f"{name} was not found" if found.ok or found.first_bad_seq is None else "")
        result.add("a roll-back was not found" if verify(old, anchor).ok else "")
    return result.ended("Refused", by="verify")


def _written(path: Path, entries: int) -> tuple[int, str]:
    """`entries` more in the journal; its last (seq, hash), as it would be printed in a report."""
    with Journal(path, VirtualClock(), code_version="1", boot_id="boot") as journal:
        for number in range(entries):
            journal.event("note", "batch", number=number)
    with sqlite3.connect(path) as db:
        seq, hash_ = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    db.close()
    return int(seq), str(hash_)


def _change(path: Path, change: Change) -> None:
    db = sqlite3.connect(path)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    change(db)
    db.commit()
    db.close()


def _swap(db: sqlite3.Connection) -> None:
    for old, new in ((AT, -1), (AT + 1, AT), (-1, AT + 1)):
        db.execute("UPDATE audit SET seq = ? WHERE seq = ?", (new, old))


_CHANGES: dict[str, Change] = {
    "a flipped bit": lambda db: db.execute(
        "UPDATE audit SET body = replace(body, 'number', 'nvmber') WHERE seq = ?", (AT,)
    ),
    "a deleted row": lambda db: db.execute("DELETE FROM audit WHERE seq = ?", (AT,)),
    "swapped rows": _swap,
    "a cut tail": lambda db: db.execute("DELETE FROM audit WHERE seq > ?", (AT,)),
}
