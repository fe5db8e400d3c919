"""Copies of journals and telemetry that may be taken while they are written, each checked after copying."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from records.heads import KNOWN
from records.store import Store
from records.verify import verify
from vesiflow.errors import ConfigError, VesiflowError


def back_up(store: Store, target: Path) -> list[Path]:
    """Copy the data of all lines of `store` to the new folder `target`; the files written.

    Raises ConfigError when `target` exists or cannot be written, VesiflowError when a copied journal does not verify.
    """
    if target.exists():
        raise ConfigError("exists already", device=str(target), action="back up", remedy="give a new folder")
    copied: list[Path] = []
    for line in store.lines():
        source, copy = store.line(line), target / "lines" / line
        copied += [_copy(path, copy / path.relative_to(source)) for path in _files(source)]
        _verified(copy / "journal.sqlite")
    keys = store.root / KNOWN
    return [*copied, _copy(keys, target / KNOWN)] if keys.is_file() else copied


def _files(folder: Path) -> list[Path]:
    """Everything but locks, the reserve of disk space and SQLite's working files, whose contents the copy has."""
    left_out = ("-wal", "-shm", ".lock", ".reserve")
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(left_out))


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix != ".sqlite":
        return Path(shutil.copy2(source, target))
    with (
        closing(sqlite3.connect(source.resolve().as_uri() + "?mode=ro", uri=True)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer)
    return target


def _verified(journal: Path) -> None:
    result = verify(journal)
    if not result.ok:
        raise VesiflowError(
            f"the copy does not verify: {result.reason}", device=str(journal), action="back up", remedy="copy again"
        )
