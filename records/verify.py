"""Proving that a journal is the one that was written: chain, row digests and heads.

A bare chain shows every change inside it, but not that all of it was written anew: that shows by the signatures of its
heads, against the public keys that are known. A cut at the end shows against the heads in the file and, when these
were cut off too or an old copy was put in the file's place, against an anchor (seq and hash, printed in every report).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records.database import StoreError, open_reader, open_writer
from records.heads import Head, kept
from records.schema import SCHEMA
from vesiflow.ids import digest

GENESIS = "0" * 64
OPENED = "journal.opened"
ROW_TABLES = ("intent", "outcome", "resolution")
_FIELDS = {"seq", "kind", "batch", "prev_hash", "data"}


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Whether all `count` entries hold, else the first seq that does not, and why; `head` is the last signed one."""

    ok: bool
    first_bad_seq: int | None
    count: int
    reason: str = ""
    head: Head | None = None


class _Broken(Exception):
    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq


def verify(path: Path, anchor: tuple[int, str] | None = None, keys: Collection[str] = ()) -> VerifyResult:
    """Check the whole journal at `path`, against `anchor` (seq, hash) and public `keys` when they are known.

    Every signature must hold by the key that it names; with `keys`, one of these, and there must be one. Needs only the
    file. ConfigError when there is no such file; a damaged file is a result, not an error.
    """
    db = open_reader(path)
    try:
        result = check(db, anchor=anchor, keys=keys)
    finally:
        db.close()
    if result.ok and keys and result.head is None:
        return VerifyResult(False, 1, result.count, "no head is signed, by any key that is known")
    return result


def open_checked(path: Path, keys: Collection[str] = ()) -> sqlite3.Connection:
    """The journal at `path` open for writing, its entries since the last head proven; `verify` checks all of them.

    StoreError when the file is damaged, cannot be written or was changed by somebody else.
    """
    db = open_writer(path, SCHEMA)
    last = db.execute("SELECT max(seq) FROM head").fetchone()[0]
    result = check(db, after=last - 1 if last else 0, keys=keys)
    if result.ok:
        return db
    db.close()
    raise StoreError(
        f"the journal was changed outside vesiflow: {result.reason}",
        device=str(path),
        action="open",
        remedy="keep the file for analysis and restore a backup",
    )


def check(
    db: sqlite3.Connection, after: int = 0, anchor: tuple[int, str] | None = None, keys: Collection[str] = ()
) -> VerifyResult:
    """Check the entries with seq > `after`; those before stand under a head and are trusted."""
    count = after
    try:
        db.execute("BEGIN")  # one snapshot, while the line goes on writing
        walk = _Walk(db, after, anchor, keys)
        for row in db.execute("SELECT seq, kind, batch, CAST(body AS BLOB), hash FROM audit WHERE seq > ?"
                              " ORDER BY seq", (after,)):  # fmt: skip
            walk.entry(*row)
            count += 1
        walk.finish()
    except _Broken as broken:
        return VerifyResult(False, broken.seq, count, str(broken))
    except sqlite3.DatabaseError as error:
        return VerifyResult(False, count + 1, count, f"the file cannot be read: {error}")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
    return VerifyResult(True, None, count, head=walk.head)


def row_digest(row: dict[str, Any]) -> str:
    """SHA-256 of an intent, outcome or resolution row: every column as text, absent ones as null."""
    return digest({name: None if value is None else str(value) for name, value in row.items()})


class _Walk:
    """The state of one pass over the chain; an anchor is a head that somebody kept elsewhere."""

    def __init__(
        self, db: sqlite3.Connection, after: int, anchor: tuple[int, str] | None, keys: Collection[str]
    ) -> None:
        self._db = db
        self._after, self._seq = after, after
        self._previous = self._hash_at(after)
        self._heads, self._keys = kept(db, after), keys
        self._anchor = {anchor[0]: anchor[1]} if anchor is not None else {}
        self.head: Head | None = None

    def entry(self, seq: int, kind: str, batch: str, body: bytes, stored: str) -> None:
        """Check one entry against the one before it, its row and its head."""
        if seq != self._seq + 1:
            raise _Broken(self._seq + 1, f"entry {self._seq + 1} is missing")
        if hashlib.sha256(body).hexdigest() != stored:
            raise _Broken(seq, f"entry {seq} was changed: its hash does not fit")
        data = _parsed(seq, body)
        if (data["seq"], data["kind"], data["batch"]) != (seq, kind, batch):
            raise _Broken(seq, f"entry {seq} was moved or relabelled")
        if data["prev_hash"] != self._previous:
            raise _Broken(seq, f"entry {seq} does not follow entry {seq - 1}")
        if kind in ROW_TABLES and self._digest(kind, seq) != data["data"].get("row"):
            raise _Broken(seq, f"the {kind} of entry {seq} was changed or is missing")
        self._under_head(seq, stored, self._heads.pop(seq, None), data["data"].get("key") if kind == OPENED else None)
        if self._anchor.pop(seq, stored) != stored:
            raise _Broken(seq, f"entry {seq} is not the one that the anchor names")
        self._seq, self._previous = seq, stored

    def _under_head(self, seq: int, stored: str, head: Head | None, key: str | None) -> None:
        """Check the head of an entry; `key` is the one that a starting controller says it signs with."""
        if key is not None and (head is None or head.key != key):
            raise _Broken(seq, f"the signed head of entry {seq} is missing")
        if head is None:
            return
        if head.hash != stored:
            raise _Broken(seq, f"entry {seq} is not the one that its head names")
        if not head.signed:
            return
        if not head.holds():
            raise _Broken(seq, f"the signature of entry {seq} does not hold")
        if self._keys and head.key not in self._keys:
            raise _Broken(seq, f"entry {seq} is signed with a key that is not known, {head.key}")
        self.head = head

    def finish(self) -> None:
        """What is left over after the last entry points beyond the end or at nothing."""
        if self._heads or self._anchor:
            raise _Broken(self._seq + 1, f"the journal is cut off after entry {self._seq}")
        for table in ROW_TABLES:
            sql = f"SELECT min(seq) FROM {table} WHERE seq > ? AND seq NOT IN (SELECT seq FROM audit WHERE kind = ?)"
            stray = self._db.execute(sql, (self._after, table)).fetchone()[0]
            if stray is not None:
                raise _Broken(stray, f"a row of table {table} has no entry")

    def _hash_at(self, seq: int) -> str:
        row = self._db.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
        return str(row[0]) if row else GENESIS

    def _digest(self, table: str, seq: int) -> str | None:
        cursor = self._db.execute(f"SELECT * FROM {table} WHERE seq = ?", (seq,))
        row = cursor.fetchone()
        names = (column[0] for column in cursor.description)
        return row_digest(dict(zip(names, row, strict=True))) if row else None


def _parsed(seq: int, body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("data"), dict) or not data.keys() >= _FIELDS:
        raise _Broken(seq, f"entry {seq} is no journal entry")
    return data
