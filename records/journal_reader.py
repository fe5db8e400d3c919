"""Reading the journal, on a connection of its own that cannot write."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from records.coding import decode, loads
from records.database import open_reader
from records.heads import Head, kept
from records.schema import SCHEMA


@dataclass(frozen=True, slots=True)
class Entry:
    """One audit row: what happened (`kind`, `data`), when (`utc`; `t` process seconds), in which boot."""

    seq: int
    kind: str
    batch: str
    utc: datetime
    t: float
    boot: str
    data: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended: DONE, NOT_DONE or UNKNOWN, and what proves it."""

    state: str
    origin: str
    reply: Any
    post: Any
    reason: str
    utc: datetime
    t: float


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person decided about an UNKNOWN outcome: done, not_done or discard."""

    verdict: str
    by: str
    reason: str
    utc: datetime


@dataclass(frozen=True, slots=True)
class Intent:
    """A physical action as written before it was sent; `kind` is its command class (S, C, P, M, X)."""

    seq: int
    id: str
    batch: str
    phase: str
    device: str
    serial: str
    device_kind: str
    kind: str
    verb: str
    args: Any
    rule: str
    pre: Any
    token: int
    retry_of: str | None
    actor: str
    code_version: str
    boot: str
    utc: datetime
    t: float
    late: bool
    outcome: Outcome | None
    resolution: Resolution | None


@dataclass(frozen=True, slots=True)
class BatchHead:
    """A batch in a list: its recipe, when it was created and the state it is in."""

    batch: str
    recipe: str
    version: str
    created: datetime
    state: str
    simulated: bool


_INTENTS = """
SELECT i.seq, i.id, i.batch, i.phase, i.device, i.device_serial, i.device_kind, i.cls, i.verb, i.args, i.rule, i.pre,
  i.token, i.retry_of, i.actor, i.code_version, i.boot, i.utc, i.mono_ns, i.late,
  o.state, o.origin, o.reply, o.post, o.reason, o.utc, o.mono_ns, r.verdict, r.signature, r.reason, r.utc
FROM intent i LEFT JOIN outcome o ON o.intent = i.id LEFT JOIN resolution r ON r.intent = i.id
"""


def select_events(
    db: sqlite3.Connection, batch: str | None, kinds: Iterable[str] | None = None, after: int = 0
) -> Iterator[Entry]:
    """Audit rows of `batch` (None: of all) with seq > `after`, in order; only `kinds` when given."""
    where, values = ["seq > ?"], [after]  # type: tuple[list[str], list[Any]]
    if batch is not None:
        where.append("batch = ?")
        values.append(batch)
    if kinds is not None:
        wanted = list(kinds)
        where.append(f"kind IN ({','.join('?' * len(wanted))})")
        values.extend(wanted)
    sql = f"SELECT seq, kind, batch, body, hash FROM audit WHERE {' AND '.join(where)} ORDER BY seq"
    for row in db.execute(sql, values):
        yield _entry(*row)


def select_intents(
    db: sqlite3.Connection,
    batch: str | None,
    *,
    verb: str | None = None,
    open_only: bool = False,
    doubt_only: bool = False,
) -> list[Intent]:
    """Intents of `batch` (None: of all) in order, with outcome and resolution as far as there are any."""
    where, values = ["1"], []  # type: tuple[list[str], list[str]]
    if verb is not None:
        where.append("i.verb = ?")
        values.append(verb)
    if batch is not None:
        where.append("i.batch = ?")
        values.append(batch)
    if open_only:
        where.append("o.intent IS NULL")
    if doubt_only:
        where.append("o.state = 'UNKNOWN' AND r.intent IS NULL")
    return [_intent(row) for row in db.execute(f"{_INTENTS} WHERE {' AND '.join(where)} ORDER BY i.seq", values)]


class JournalReader:
    """Reads the journal at `path` while another process writes it; ConfigError when there is none.

    A file whose controller died before the first entry is an empty journal.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_reader(path)
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit'").fetchone():
            self._db.close()
            self._db = sqlite3.connect(":memory:", isolation_level=None)
            self._db.executescript(SCHEMA)

    def events(self, batch: str | None, kinds: Iterable[str] | None = None, after: int = 0) -> list[Entry]:
        """Entries of `batch` (None: of the whole line) with seq > `after`, in order; only `kinds` when given."""
        return list(select_events(self._db, batch, kinds, after))

    def bodies(self, batch: str) -> Iterator[tuple[int, str, str]]:
        """(seq, body, hash) of every entry of `batch` as stored: SHA-256 of the body's bytes is the hash."""
        yield from self._db.execute("SELECT seq, body, hash FROM audit WHERE batch = ? ORDER BY seq", (batch,))

    def intents(self, batch: str | None, verb: str | None = None) -> list[Intent]:
        """Actions of `batch` (None: of all) in the order they were meant, with outcome and resolution."""
        return select_intents(self._db, batch, verb=verb)

    def batches(self) -> list[BatchHead]:
        """Every batch of the line, oldest first."""
        states: dict[str, str] = {}
        for entry in select_events(self._db, None, ("batch.state",)):
            states[entry.batch] = str(entry.data.get("new", ""))
        return [_head(entry, states) for entry in select_events(self._db, None, ("batch.created",))]

    def head(self) -> tuple[int, str]:
        """(seq, hash) of the last entry; (0, "") when the journal is empty."""
        row = self._db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (0, "")

    def signed_head(self, seq: int) -> Head | None:
        """The first signed head that covers entry `seq`."""
        return next((head for head in kept(self._db, seq - 1).values() if head.signed), None)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _entry(seq: int, kind: str, batch: str, body: str, digest: str) -> Entry:
    data = json.loads(body)
    utc = datetime.fromisoformat(data["utc"])
    return Entry(seq, kind, batch, utc, _seconds(data["mono_ns"]), data["boot"], decode(data["data"]), digest)


def _intent(row: tuple[Any, ...]) -> Intent:
    values = list(row[:20])
    values[9], values[11] = loads(values[9]), loads(values[11])
    values[17], values[18], values[19] = datetime.fromisoformat(values[17]), _seconds(values[18]), bool(values[19])
    state, origin, reply, post, reason, utc, mono_ns, verdict, by, why, resolved = row[20:]
    outcome = resolution = None
    if state is not None:
        outcome = Outcome(
            state, origin, loads(reply), loads(post), reason, datetime.fromisoformat(utc), _seconds(mono_ns)
        )
    if verdict is not None:
        resolution = Resolution(verdict, by, why, datetime.fromisoformat(resolved))
    return Intent(*[*values, outcome, resolution])


def _head(entry: Entry, states: dict[str, str]) -> BatchHead:
    recipe = entry.data.get("recipe") or {}
    return BatchHead(
        batch=entry.batch,
        recipe=str(recipe.get("recipe", "")),
        version=str(recipe.get("version", "")),
        created=entry.utc,
        state=states.get(entry.batch, "created"),
        simulated=bool(entry.data.get("simulated", False)),
    )


def _seconds(nanoseconds: int | str) -> float:
    return int(nanoseconds) / 1e9
