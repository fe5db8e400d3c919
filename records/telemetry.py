"""Telemetry of a batch: samples of tags over time in a SQLite file of its own, outside the journal.

Samples are kept in memory until `flush_every` of them wait, then written in one transaction, so memory stays flat.
The file is WAL with synchronous=NORMAL: it stays consistent through a power cut, which may cost the last seconds of a
curve and never an entry of the journal.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from records.database import failed, open_reader, open_writer
from vesiflow.clock import Clock

Array = npt.NDArray[np.float64]

GOOD, UNCERTAIN, BAD = 0, 1, 2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tag(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS sample(
  tag INTEGER NOT NULL REFERENCES tag(id),
  t REAL NOT NULL,
  value REAL,
  quality INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tag, t)) STRICT, WITHOUT ROWID;
"""


class TelemetryWriter:
    """Writes the samples of one batch to `path`.

    `add` takes process time (`clock.now()`); the file keeps the date it stands for, in s since 1970 (UTC), so that
    the curves of a batch that was resumed by another process follow one another. Two samples of one tag at the same
    instant are one: the later replaces the earlier. Raises StoreError when the file cannot be written.
    """

    def __init__(self, path: Path, clock: Clock, flush_every: int = 2000) -> None:
        self.path = path
        self._origin = clock.utc().timestamp() - clock.now()
        self._flush_every = flush_every
        self._waiting: list[tuple[int, float, float | None, int]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = open_writer(path, _SCHEMA, synchronous="NORMAL")
        self._ids: dict[str, int] = {name: key for key, name in self._db.execute("SELECT id, name FROM tag")}

    def add(self, t: float, tag: str, value: float, quality: int = GOOD) -> None:
        """A sample of `tag` at process time `t` (s) in the tag's inside unit; NaN is kept as "no value"."""
        key = self._ids.get(tag)
        if key is None:
            key = self._new_tag(tag)
        number = float(value)
        self._waiting.append((key, self._origin + t, number if math.isfinite(number) else None, quality))
        if len(self._waiting) >= self._flush_every:
            self.flush()

    def flush(self) -> None:
        """Write what waits; worth doing when a phase ends."""
        if not self._waiting:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?)", self._waiting)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise failed(self.path, "write", error) from error
        self._waiting.clear()

    def close(self) -> None:
        """Write what waits and close the file."""
        try:
            self.flush()
        finally:
            self._db.close()

    def __enter__(self) -> TelemetryWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_tag(self, name: str) -> int:
        try:
            self._db.execute("INSERT INTO tag(name) VALUES (?)", (name,))
            key = int(self._db.execute("SELECT id FROM tag WHERE name = ?", (name,)).fetchone()[0])
        except sqlite3.Error as error:
            raise failed(self.path, "write", error) from error
        self._ids[name] = key
        return key


@dataclass(frozen=True, slots=True)
class Statistics:
    """A curve in five numbers, inside unit."""

    count: int
    mean: float
    low: float
    high: float
    last: float


class TelemetryReader:
    """Reads the samples at `path` on its own connection; ConfigError when there is no such file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = open_reader(path)

    def tags(self) -> list[str]:
        """Names of the tags that have samples, sorted."""
        sql = "SELECT name FROM tag WHERE EXISTS (SELECT 1 FROM sample WHERE sample.tag = tag.id) ORDER BY name"
        return [row[0] for row in self._db.execute(sql)]

    def series(self, tag: str, start: float | None = None, end: float | None = None) -> tuple[Array, Array]:
        """(t, value) of `tag` from `start` to `end` inclusive: s since 1970 (UTC), inside unit, NaN for no value.

        Empty arrays when there is nothing.
        """
        rows = self._db.execute(
            "SELECT t, value FROM sample WHERE tag = (SELECT id FROM tag WHERE name = ?) AND t BETWEEN ? AND ?"
            " ORDER BY t",
            (tag, -math.inf if start is None else start, math.inf if end is None else end),
        )
        flat = np.fromiter(
            (number for t, value in rows for number in (t, math.nan if value is None else value)), dtype=np.float64
        )
        return flat[0::2], flat[1::2]

    def samples(self, tag: str) -> Iterator[tuple[float, float | None, int]]:
        """(t, value, quality) of `tag` in order, one by one: memory stays flat; None for no value."""
        sql = "SELECT t, value, quality FROM sample WHERE tag = (SELECT id FROM tag WHERE name = ?) ORDER BY t"
        yield from self._db.execute(sql, (tag,))

    def statistics(self, tag: str, start: float, end: float) -> Statistics | None:
        """Mean, range and last value of `tag` after `start` up to `end`, inside unit; None when there is no value.

        A value at the very start belongs to what went before.
        """
        key, window = "(SELECT id FROM tag WHERE name = ?)", (tag, start, end)
        where = f"FROM sample WHERE tag = {key} AND t > ? AND t <= ? AND value IS NOT NULL"
        count, mean, low, high = self._db.execute(
            f"SELECT count(*), avg(value), min(value), max(value) {where}", window
        ).fetchone()
        if not count:
            return None
        last = self._db.execute(f"SELECT value {where} ORDER BY t DESC LIMIT 1", window).fetchone()[0]
        return Statistics(count, mean, low, high, last)

    def count(self) -> int:
        """How many samples there are."""
        return int(self._db.execute("SELECT count(*) FROM sample").fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def __enter__(self) -> TelemetryReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
