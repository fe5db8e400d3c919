"""SQLite files that keep what they acknowledge: opened with the settings that durability needs, and proven.

Every setting is read back after it was made: SQLite ignores a pragma that it does not know or cannot grant.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from vesiflow.errors import ConfigError, VesiflowError

BUSY_TIMEOUT_MS = 5000
_LEVELS = {"NORMAL": 1, "FULL": 2, "EXTRA": 3}
_STRICT_SINCE = (3, 37, 0)


class StoreError(VesiflowError):
    """The journal or telemetry file could not be written or read: nothing may act until it is reopened.

    `mendable` when that can be done under a running line (the disk was full).
    """

    mendable = False


class Fenced(StoreError):
    """Another process has written the journal since: this one has lost the line and must not act, not even safely."""


def open_writer(path: Path, schema: str, *, synchronous: str = "FULL") -> sqlite3.Connection:
    """Open or create `path` in autocommit mode with WAL, `synchronous`, foreign keys and an untrusted schema.

    Raises StoreError when a setting does not hold, the file is damaged or cannot be opened.
    """
    if sqlite3.sqlite_version_info < _STRICT_SINCE:
        raise StoreError("SQLite is too old", value=sqlite3.sqlite_version, bounds=">= 3.37", remedy="update Python")
    created = not path.exists()
    try:
        connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise failed(path, "open", error) from error
    try:
        _settle(connection, synchronous)
        _assert_whole(connection, path)
        connection.executescript(schema)
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()  # what was left in the log is written anew
    except (sqlite3.Error, StoreError) as error:
        leave(connection, path)
        raise error if isinstance(error, StoreError) else failed(path, "open", error) from error
    if created:
        sync_folder(path.parent)
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open `path` for reading only; ConfigError when there is no such file."""
    if not path.is_file():
        raise ConfigError("there is no such file", device=str(path), remedy="run a batch on this line first")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA query_only=1")
        connection.execute("PRAGMA trusted_schema=0")
    except sqlite3.Error as error:
        raise failed(path, "open", error) from error
    return connection


def leave(connection: sqlite3.Connection, path: Path) -> None:
    """Close a writer whose disk has failed, without the checkpoint that SQLite makes at the last close.

    After a failed fsync the system may call lost pages clean, and another fsync good. So the log is neither synced
    again nor moved into the file: whoever opens it next reads as far as its checksums hold, and writes that anew.
    """
    with suppress(sqlite3.Error, ConfigError), closing(open_reader(path)) as other:
        other.execute("SELECT count(*) FROM sqlite_master").fetchone()  # has the file open: the close is not the last
        connection.close()
    connection.close()


def settings(connection: sqlite3.Connection) -> dict[str, object]:
    """The durability settings as SQLite reports them."""
    names = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "recursive_triggers", "busy_timeout")
    return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}


def failed(path: Path, action: str, error: sqlite3.Error) -> StoreError:
    """`error` of SQLite as a StoreError that says what to do."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    remedy = {
        sqlite3.SQLITE_FULL: "free disk space, then restart the line",
        sqlite3.SQLITE_IOERR: "check the disk, then restart the line: it reopens the file and checks it",
        sqlite3.SQLITE_BUSY: "another process writes this file: stop it",
        sqlite3.SQLITE_READONLY: "make the file and its folder writable",
        sqlite3.SQLITE_CANTOPEN: "check that the folder exists and is writable",
        sqlite3.SQLITE_CORRUPT: "keep the file for analysis and restore a backup",
        sqlite3.SQLITE_NOTADB: "this is no vesiflow file: move it away",
    }.get(primary or -1, "restart the line; it checks the file when it opens it")
    return StoreError(str(error), device=str(path), action=action, remedy=remedy)


def sync_folder(folder: Path) -> None:
    """Make a new directory entry durable (POSIX: the folder itself must be synced)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _settle(connection: sqlite3.Connection, synchronous: str) -> None:
    wanted: dict[str, object] = {
        "journal_mode": "wal",
        "synchronous": _LEVELS[synchronous],
        "foreign_keys": 1,
        "trusted_schema": 0,
        "recursive_triggers": 1,
        "busy_timeout": BUSY_TIMEOUT_MS,
    }
    for name, value in wanted.items():
        connection.execute(f"PRAGMA {name}={value}")
    found = settings(connection)
    for name, value in wanted.items():
        if found[name] != value:
            raise StoreError(
                f"SQLite does not grant {name}={value}",
                action="open",
                value=found[name],
                remedy="put the data folder on a local disk (WAL does not work on network file systems)",
            )


def _assert_whole(connection: sqlite3.Connection, path: Path) -> None:
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError(
            f"the file is damaged: {verdict}",
            device=str(path),
            action="open",
            remedy="keep the file for analysis and restore a backup",
        )
