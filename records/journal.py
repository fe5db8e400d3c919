"""The journal of a line: written before anything acts, never changed after.

One SQLite file a line, one writer. `intent` returns only when the row is on the disk (WAL, synchronous=FULL), so that
no byte leaves for an instrument without it; `outcome` closes it with evidence. Everything else is an event. All of it
hangs on one hash chain. A failed write poisons the journal: it refuses everything until it is opened again, because
after a failed fsync nobody knows what the disk holds. What has to be done meanwhile for safety is owed: kept in memory
and written, marked late, when the file takes entries again.

A full disk frees a reserve for the entries that bring the line to its safe state.

The journal is also an arbiter between two controllers: a writer that finds an entry it did not write has lost the
line, and refuses for ever (`Fenced`).
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from records.coding import dumps, encode
from records.database import Fenced, StoreError, failed, leave, settings
from records.heads import EVERY, Signer, keep
from records.journal_reader import BatchHead, Entry, Intent, JournalReader, Outcome, Resolution
from records.journal_reader import select_events as _select_events
from records.journal_reader import select_intents as _select_intents
from records.reserve import Reserve
from records.verify import GENESIS, VerifyResult, open_checked, row_digest, verify
from vesiflow.clock import Clock
from vesiflow.errors import Refused
from vesiflow.ids import canonical, ulid

__all__ = [
    "BatchHead", "Entry", "Fenced", "Intent", "Journal", "JournalReader", "Outcome", "Resolution", "Signer",
    "StoreError", "VerifyResult", "verify",
]  # fmt: skip


class Journal:
    """The one writer of the journal at `path`; opening it checks settings, file and chain.

    `code_version` and `boot_id` go into every row. `source` makes the ids of actions (a seeded one in tests), `guard`
    is held around every write and raises Fenced when this process has lost the line, `signer` signs the heads.
    Raises StoreError when the file is damaged, was changed or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        code_version: str,
        boot_id: str,
        actor: str = "line controller",
        source: random.Random | None = None,
        guard: AbstractContextManager[None] | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.path = path
        self._clock = clock
        self._code_version, self._boot, self._actor = code_version, boot_id, actor
        self._source, self._signer = source, signer
        self._guard = guard or nullcontext()
        self._fault: StoreError | None = None
        self._spending = False
        self._owed: list[Callable[[], object]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self.reserve = Reserve(path)
        self._open = partial(open_checked, path, signer.known if signer else ())
        self._db = self._open()
        try:
            self._mine = self._next = self._head()
            self._begin()
            self.reserve.hold()
        except BaseException:
            self._db.close()
            raise

    def _begin(self) -> None:
        """The first entry of this process, under a head that verification misses when it is gone."""
        key = self._signer.key if self._signer else None
        opened = encode({"code_version": self._code_version, "sqlite": settings(self._db), "key": key})
        with self._transaction():
            self._append("journal.opened", "", opened)
            self._keep_head()

    @property
    def fault(self) -> StoreError | None:
        """Why the journal refuses to write, or None."""
        return self._fault

    @property
    def fenced(self) -> bool:
        """Whether another controller has the line: nothing may be written or sent any more."""
        try:
            with self._guard:
                pass
        except Fenced as lost:
            self._fault = lost
        return isinstance(self._fault, Fenced)

    def event(self, kind: str, batch: str, **data: Any) -> int:
        """Append one durable entry; `batch` is "" for what concerns the line. Returns its seq.

        TypeError when `data` has no written form, StoreError when it could not be kept.
        """
        encoded = encode(data)
        with self._transaction():
            return self._append(kind, batch, encoded)

    def entries(self, kind: str, rows: Sequence[Mapping[str, Any]], batch: str) -> None:
        """Append several entries of one kind, durable all together."""
        encoded = [encode(row) for row in rows]
        with self._transaction():
            for row in encoded:
                self._append(kind, batch, row)

    def tell(self, kind: str, batch: str, **data: Any) -> None:
        """As `event`, for what must not fail (a unit is held, a batch aborted): owed while the file takes nothing.

        Fenced all the same when another process has the line.
        """
        encoded = encode(data)
        try:
            with self._transaction(spare=True):
                self._append(kind, batch, encoded)
        except Fenced:
            raise
        except StoreError:
            late = {**data, "late": True, "at": self._utc()}
            self._owed.append(partial(self.event, kind, batch, **late))

    def intent(
        self,
        batch: str,
        phase: str,
        device: str,
        verb: str,
        args: Any,
        kind: str,
        rule: str,
        pre: Any,
        serial: str,
        device_kind: str,
        token: int,
        retry_of: str | None = None,
        *,
        late: bool = False,
        safe: bool = False,
    ) -> str:
        """Write down, durably, what is about to be sent; only after this returns may a byte leave.

        `kind` is the command class (S, C, P, M, X), `rule` how evidence will be judged, `pre` the evidence read
        before, `device_kind` "real" or "sim", `token` the fencing token; `safe` de-energises and may use the reserve.
        Returns the id of the action.
        Refused when the row breaks a rule of the table, StoreError when it could not be kept.
        """
        name = ulid(self._clock.utc(), self._source)
        row = {
            "id": name, "batch": batch, "phase": phase, "device": device, "device_serial": serial,
            "device_kind": device_kind, "cls": str(kind), "verb": verb, "args": dumps(args), "rule": rule,
            "pre": dumps(pre), "token": token, "retry_of": retry_of, "actor": self._actor,
            "code_version": self._code_version, "boot": self._boot, "utc": self._utc(), "mono_ns": self._mono_ns(),
            "late": int(late),
        }  # fmt: skip
        with self._transaction(spare=safe):
            self._append_row("intent", batch, row, id=name)
        return name

    def outcome(self, intent_id: str, state: str, origin: str, reply: Any, post: Any, reason: str) -> None:
        """Close the action `intent_id`: `state` DONE, NOT_DONE or UNKNOWN; `origin` reply, evidence or reconcile.

        Refused when there is no such action or it is closed already: an outcome is never changed.
        """
        row = {
            "intent": intent_id, "state": str(state), "origin": origin, "reply": dumps(reply), "post": dumps(post),
            "reason": reason, "boot": self._boot, "utc": self._utc(), "mono_ns": self._mono_ns(),
        }  # fmt: skip
        with self._transaction(spare=True):
            self._append_row("outcome", self._batch_of(intent_id), row, id=intent_id, state=str(state))

    def owe(self, verdict: str, reason: str, post: Any, *intent: Any) -> None:
        """A de-energising action that went out although its intent could not be written: to be written later.

        `intent` as for `intent`, without retry_of.
        """
        then = self._clock.now()

        def write() -> None:
            ago = f"{self._clock.now() - then:.0f} s before it was written"
            self.outcome(self.intent(*intent, late=True), verdict, "reply", None, post, f"{reason}, {ago}")

        self._owed.append(write)

    def owe_outcome(self, *outcome: Any) -> None:
        """How an action ended whose outcome could not be written; arguments as for `outcome`."""
        self._owed.append(partial(self.outcome, *outcome))

    @property
    def owed(self) -> int:
        """How many entries wait in memory for a file that takes them."""
        return len(self._owed)

    def reopen(self) -> None:
        """After a fault whose cause is mended: open and check the file again, then write what is owed.

        Only a full disk can be mended under a running line. StoreError when it is still full, or anything else.
        """
        if self._fault is not None:
            if isinstance(self._fault, Fenced) or not self._fault.mendable or not self.reserve.hold():
                self._refuse_if_faulty()
            self._mend()
        self._pay()

    def _mend(self) -> None:
        self._db, before = self._open(), self._db
        before.close()
        self._fault, self._spending = None, False
        self.event("journal.reopened", "", owed=len(self._owed))

    def _pay(self) -> None:
        while self._owed:
            self._owed[0]()
            del self._owed[0]

    def _expect(self, head: tuple[int, str]) -> None:
        """Fenced when somebody else has written since."""
        if head == self._mine:
            return
        self._fault = Fenced(
            f"another controller has taken over this line (entry {head[0]} is not ours)",
            device=str(self.path),
            action="write",
            remedy="end this process; use `vesiflow line status`",
        )
        raise self._fault

    def resolve(self, intent_id: str, verdict: str, by: str, reason: str) -> None:
        """A person (`by`) decides about an UNKNOWN outcome: `verdict` done, not_done or discard, with a reason.

        Refused when the outcome is not UNKNOWN, is resolved already, or name or reason are empty.
        """
        row = {"intent": intent_id, "verdict": verdict, "signature": by, "reason": reason, "utc": self._utc()}
        with self._transaction():
            self._append_row("resolution", self._batch_of(intent_id), row, id=intent_id, verdict=verdict, by=by)

    def open_intents(self, batch: str | None = None) -> list[Intent]:
        """Actions without outcome, oldest first: what a restart must reconcile."""
        return _select_intents(self._db, batch, open_only=True)

    def intents(self, batch: str | None, verb: str | None = None) -> list[Intent]:
        """Actions of `batch` (None: of all) in order, with outcome and resolution; only those named `verb` if given."""
        return _select_intents(self._db, batch, verb=verb)

    def in_doubt(self, batch: str | None = None) -> list[Intent]:
        """Actions whose outcome is UNKNOWN and that nobody has resolved yet."""
        return _select_intents(self._db, batch, doubt_only=True)

    def events(self, batch: str | None, kinds: Iterable[str] | None = None, after: int = 0) -> list[Entry]:
        """Entries of `batch` as `JournalReader.events` gives them, for the writer itself."""
        return list(_select_events(self._db, batch, kinds, after))

    def seal(self) -> tuple[int, str]:
        """Keep the head of the chain in the file and return it (seq, hash), to be kept outside as an anchor."""
        with self._transaction():
            return self._keep_head()

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file; worth doing when a phase has ended."""
        self._refuse_if_faulty()
        try:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            raise self._poison(error) from error

    def close(self) -> None:
        """Keep the head and close the file; a faulty journal is closed as it is."""
        with suppress(StoreError):
            if self._owed and not isinstance(self._fault, Fenced):
                self._mend()  # whatever the fault was: what is on the disk is checked, and what is owed is not lost
                self._pay()
            self.seal()
        leave(self._db, self.path) if self._fault else self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append_row(self, table: str, batch: str, row: dict[str, Any], **data: Any) -> None:
        """Add `row` to `table` and the entry that carries its digest; within a transaction."""
        row = {**row, "seq": self._next[0] + 1}
        self._append(table, batch, encode({**data, "row": row_digest(row)}))
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))

    def _append(self, kind: str, batch: str, data: Any) -> int:
        seq, previous = self._next
        body = canonical({
            "seq": seq + 1, "kind": kind, "batch": batch, "utc": self._utc(), "mono_ns": str(self._mono_ns()),
            "clock": "virtual" if self._clock.virtual else "real", "boot": self._boot, "actor": self._actor,
            "data": data, "prev_hash": previous,
        })  # fmt: skip
        digest = hashlib.sha256(body.encode()).hexdigest()
        self._db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", (seq + 1, kind, batch, body, digest))
        self._next = (seq + 1, digest)
        if (seq + 1) % EVERY == 0:
            self._keep_head()
        return seq + 1

    def _keep_head(self) -> tuple[int, str]:
        keep(self._db, self._signer, *self._next, self._utc())
        return self._next

    def _head(self) -> tuple[int, str]:
        row = self._db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (0, GENESIS)

    def _batch_of(self, intent_id: str) -> str:
        row = self._db.execute("SELECT batch FROM intent WHERE id = ?", (intent_id,)).fetchone()
        if row is None:
            raise Refused("there is no such action", value=intent_id, remedy="see `vesiflow line doubts`")
        return str(row[0])

    @contextmanager
    def _transaction(self, *, spare: bool = False) -> Iterator[None]:
        """All or nothing, on the disk when it returns. Any failure of the file poisons the journal.

        `spare` entries are written even on a full disk, while the reserve lasts.
        """
        if not (spare and self._may_spend()):
            self._refuse_if_faulty()
        with self._guard:
            yield from self._committed()

    def _committed(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._expect(self._head())
            self._next = self._mine
            yield
            self._db.execute("COMMIT")
            self._mine = self._next
        except sqlite3.IntegrityError as error:
            self._rollback()
            raise Refused(str(error), device=str(self.path), action="write") from error
        except sqlite3.Error as error:
            self._rollback()
            raise self._poison(error) from error
        except BaseException:
            self._rollback()
            raise

    def _may_spend(self) -> bool:
        """Whether a full disk has given the reserve for this entry."""
        if self._fault is None or not self._fault.mendable:
            return False
        if not self._spending and self.reserve.held:
            self.reserve.release()
            self._spending = True
        return self._spending

    def _rollback(self) -> None:
        if self._db.in_transaction:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

    def _poison(self, error: sqlite3.Error) -> StoreError:
        fault = failed(self.path, "write", error)
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:  # busy: nothing was begun
            fault.mendable = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
            self._spending = False
            self._fault = fault
        return fault

    def _refuse_if_faulty(self) -> None:
        if isinstance(self._fault, Fenced):
            raise self._fault
        if self._fault is not None:
            raise StoreError(
                f"the journal takes nothing since a write failed ({self._fault.reason})",
                device=str(self.path),
                action="write",
                remedy="mend the cause and restart the line",
            ) from self._fault

    def _utc(self) -> str:
        return self._clock.utc().isoformat(timespec="microseconds")

    def _mono_ns(self) -> int:
        return round(self._clock.now() * 1e9)
