"""The journal keeps what it acknowledges, refuses change, and says so when it cannot write."""

from __future__ import annotations

import random
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from records.journal import Journal, JournalReader, StoreError, verify
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError, Refused

ACTION: dict[str, Any] = {
    "batch": "B1", "phase": "1-tff/1-concentrate/1", "device": "feed", "verb": "set_flow",
    "args": {"flow": 1.4667e-6},
    "kind": "S", "rule": "set_flow: read back", "pre": {"flow": 0.0}, "serial": "0412",
    "device_kind": "sim", "token": 1,
}  # fmt: skip


def opened(path: Path, **options: Any) -> Journal:
    return Journal(path, VirtualClock(), code_version="0.1.0", boot_id="boot-1", source=random.Random(1), **options)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with opened(tmp_path / "lines" / "sim" / "journal.sqlite") as journal:
        yield journal


def test_settings_that_durability_needs_are_in_force(journal: Journal) -> None:
    opened_event = journal.events("", ("journal.opened",))[0]
    assert opened_event.data["sqlite"] == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "recursive_triggers": 1,
        "busy_timeout": 5000,
    }  # fmt: skip


def test_a_folder_that_refuses_wal_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: real(":memory:", **options))  # memory has no WAL
    with pytest.raises(StoreError, match=r"journal_mode=wal.*local disk"):
        opened(tmp_path / "journal.sqlite")


def test_events_come_back_in_order_with_their_data(journal: Journal) -> None:
    first = journal.event("phase.ended", "B1", key="k", outcome="complete", results={"volume": [1e-4, "m^3"]})
    second = journal.event("note", "B1", text="überlebt")
    journal.event("note", "B2", text="another batch")
    with JournalReader(journal.path) as reader:
        entries = reader.events("B1")
        assert [entry.seq for entry in entries] == [first, second] == [2, 3]
        assert entries[0].data["results"] == {"volume": [1e-4, "m^3"]}
        assert [entry.data["text"] for entry in reader.events("B1", ["note"])] == ["überlebt"]
        assert [entry.seq for entry in reader.events(None, after=second)] == [4]


def test_another_connection_sees_an_intent_before_it_is_closed(journal: Journal) -> None:
    name = journal.intent(**ACTION)
    with JournalReader(journal.path) as reader:
        (intent,) = reader.intents("B1")
        assert (intent.id, intent.args, intent.pre, intent.outcome) == (name, {"flow": 1.4667e-6}, {"flow": 0.0}, None)
    assert [intent.id for intent in journal.open_intents("B1")] == [name]
    assert journal.open_intents("B2") == []


def test_an_outcome_closes_an_intent_once(journal: Journal) -> None:
    name = journal.intent(**ACTION)
    journal.outcome(name, "DONE", "evidence", b"OK\r", {"flow": 1.4667e-6}, "read back")
    assert journal.open_intents() == []
    with pytest.raises(Refused, match="outcome already"):
        journal.outcome(name, "NOT_DONE", "evidence", None, None, "second thoughts")
    with JournalReader(journal.path) as reader:
        outcome = reader.intents("B1")[0].outcome
    assert outcome is not None
    assert (outcome.state, outcome.reply, outcome.post) == ("DONE", b"OK\r", {"flow": 1.4667e-6})


def test_doubt_is_resolved_by_a_named_person_once(journal: Journal) -> None:
    name = journal.intent(**{**ACTION, "kind": "X"})
    with pytest.raises(Refused):
        journal.resolve(name, "done", "A. Technician", "no outcome yet")
    journal.outcome(name, "UNKNOWN", "reply", None, None, "no reply")
    assert [intent.id for intent in journal.in_doubt()] == [name]
    with pytest.raises(Refused):
        journal.resolve(name, "done", "", "nobody signed")
    journal.resolve(name, "not_done", "A. Technician", "tip is full")
    assert journal.in_doubt() == []
    with pytest.raises(Refused, match="resolved already"):
        journal.resolve(name, "done", "B. Other", "no, it was done")
    assert verify(journal.path).ok


def test_only_doubt_can_be_resolved(journal: Journal) -> None:
    name = journal.intent(**ACTION)
    journal.outcome(name, "DONE", "reply", None, None, "acknowledged")
    with pytest.raises(Refused, match="only an UNKNOWN"):
        journal.resolve(name, "discard", "A. Technician", "wish")


@pytest.mark.parametrize(
    "change",
    [{"kind": "R"}, {"device_kind": "imagined"}, {"retry_of": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}],
    ids=["reads need no intent", "neither real nor sim", "retry of nothing"],
)
def test_an_intent_that_breaks_a_rule_leaves_nothing(journal: Journal, change: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        journal.intent(**{**ACTION, **change})
    assert verify(journal.path).count == 1
    assert journal.fault is None


def test_an_outcome_of_nothing_is_refused(journal: Journal) -> None:
    with pytest.raises(Refused, match="no such action"):
        journal.outcome("01ARZ3NDEKTSV4RRFFQ69G5FAV", "DONE", "reply", None, None, "")


@pytest.mark.parametrize("table", ["audit", "intent", "outcome", "resolution", "head"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET seq = seq + 100"])
def test_no_row_is_changed_or_deleted_through_sql(journal: Journal, table: str, change: str) -> None:
    name = journal.intent(**ACTION)
    journal.outcome(name, "UNKNOWN", "reply", None, None, "no reply")
    journal.resolve(name, "done", "A. Technician", "seen")
    journal.seal()
    stranger = sqlite3.connect(journal.path)
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        stranger.execute(change.format(table))
    stranger.close()


def test_no_audit_row_is_replaced_or_skipped(journal: Journal) -> None:
    stranger = sqlite3.connect(journal.path)
    for seq in (1, 5):
        with pytest.raises(sqlite3.IntegrityError, match="without gap"):
            stranger.execute("INSERT OR REPLACE INTO audit VALUES (?, 'note', '', '{}', 'x')", (seq,))
    stranger.close()


def test_a_reader_cannot_write(journal: Journal) -> None:
    with JournalReader(journal.path) as reader, pytest.raises(sqlite3.OperationalError):
        reader._db.execute("INSERT INTO head VALUES (1, 'x', 'x', x'', 'x')")


def test_a_reader_of_nothing_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.sqlite"):
        JournalReader(tmp_path / "absent.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_reopening_continues_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    for _ in range(3):
        with opened(path) as journal:
            journal.event("note", "B1", text="x")
    result = verify(path)
    assert (result.ok, result.count) == (True, 6)


def test_batches_are_listed_with_their_last_state(journal: Journal) -> None:
    journal.event("batch.created", "B1", recipe={"recipe": "exosome", "version": "1.0.0"}, simulated=True)
    journal.event("batch.created", "B2", recipe={"recipe": "tff", "version": "2"})
    journal.event("batch.state", "B1", old="idle", new="running", who="A", why="start")
    journal.event("batch.state", "B1", old="running", new="complete", who="controller", why="end of recipe")
    with JournalReader(journal.path) as reader:
        first, second = reader.batches()
    assert (first.batch, first.recipe, first.state, first.simulated) == ("B1", "exosome", "complete", True)
    assert (second.batch, second.version, second.state) == ("B2", "2", "created")


def test_a_full_disk_poisons_the_journal_and_loses_nothing_acknowledged(journal: Journal) -> None:
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages + 2}")
    kept = 1
    with pytest.raises(StoreError, match=r"full.*free disk space"):
        for _ in range(1000):
            journal.event("note", "B1", text="x" * 500)
            kept += 1
    journal._db.execute("PRAGMA max_page_count=100000")  # space again: still refused until it is reopened
    with pytest.raises(StoreError, match="takes nothing since a write failed"):
        journal.intent(**ACTION)
    assert journal.fault is not None
    journal.close()
    with opened(journal.path) as again:
        assert len(again.events(None)) == kept + 1
        assert again.open_intents() == []
        again.intent(**ACTION)


_WRITE_UNTIL_ERROR = """
import random, resource, sys
from pathlib import Path
from records.journal import Journal, StoreError
from vesiflow.clock import VirtualClock
journal = Journal(Path(sys.argv[1]), VirtualClock(), code_version="0.1.0", boot_id="b")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
acknowledged = 1
try:
    while acknowledged < 5000:
        journal.event("note", "B1", text="x" * 500)
        acknowledged += 1
except StoreError as error:
    print(acknowledged, error)
try:
    journal.event("note", "B1", text="after the error")
except StoreError as error:
    print(error)
"""


def test_an_input_output_error_poisons_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_UNTIL_ERROR, str(path), "300000"], capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert "restart the line" in first
    assert "takes nothing since a write failed" in second
    result = verify(path)
    assert result.ok
    assert result.count == int(first.split()[0])


def test_a_second_writer_that_is_busy_is_refused_without_poison(journal: Journal) -> None:
    other = sqlite3.connect(journal.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    journal._db.execute("PRAGMA busy_timeout=0")
    with pytest.raises(StoreError, match="another process"):
        journal.event("note", "B1", text="x")
    other.execute("ROLLBACK")
    other.close()
    assert journal.event("note", "B1", text="now") == 2


def test_data_without_written_form_leaves_nothing(journal: Journal) -> None:
    with pytest.raises(TypeError):
        journal.event("note", "B1", thing=object())
    assert journal.event("note", "B1", text="next") == 2


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"no vesiflow file|not a database"):
        opened(path)


def full(journal: Journal) -> None:
    """Fill the disk of the journal: the file may not grow by a page, and an entry was refused."""
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="free disk space"):
        for _ in range(100):
            journal.event("note", "B1", text="x" * 500)


def test_a_full_disk_gives_its_reserve_for_what_makes_safe_and_goes_on_without_repair(journal: Journal) -> None:
    assert journal.reserve.held
    full(journal)
    journal._db.execute("PRAGMA max_page_count=100000")  # what the reserve has freed
    with pytest.raises(StoreError, match="takes nothing"):
        journal.intent(**ACTION)
    assert journal.reserve.held
    journal.tell("batch.state", "B1", new="Held")
    name = journal.intent(**{**ACTION, "verb": "stop"}, safe=True)
    journal.outcome(name, "DONE", "reply", None, None, "read back")
    assert not journal.reserve.held and journal.owed == 0
    with pytest.raises(StoreError, match="takes nothing"):
        journal.intent(**ACTION)
    with pytest.raises(StoreError, match="takes nothing"):
        journal.event("fact", "B1", name="x", value=1)
    journal.reopen()
    assert journal.reserve.held
    journal.intent(**ACTION)
    assert verify(journal.path).ok


def test_what_not_even_the_reserve_takes_is_owed_and_written_late(journal: Journal) -> None:
    full(journal)
    journal.reserve.release()
    journal.tell("batch.state", "B1", new="Held")
    with pytest.raises(StoreError):
        journal.intent(**{**ACTION, "verb": "stop"}, safe=True)
    journal.owe("DONE", "read back", None, *[v for k, v in ACTION.items() if k not in ("serial", "device_kind", "token")],
                "0412", "sim", 1)  # fmt: skip
    assert journal.owed == 2
    journal.reopen()
    assert journal.owed == 0
    (told,) = journal.events("B1", ["batch.state"])
    assert told.data["late"] is True
    (intent,) = journal.intents("B1")
    assert intent.late and intent.outcome is not None
    assert intent.outcome.reason == "read back, 0 s before it was written"


def test_what_is_owed_after_an_error_of_the_disk_is_written_at_the_end(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.sqlite")
    journal._fault = StoreError("disk I/O error")
    journal.tell("batch.state", "B1", new="Aborted")
    with pytest.raises(StoreError, match="restart the line"):
        journal.reopen()
    journal.close()
    with JournalReader(journal.path) as reader:
        assert [entry.data["new"] for entry in reader.events("B1")] == ["Aborted"]


def test_a_file_whose_controller_died_before_the_first_entry_reads_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    sqlite3.connect(path).close()
    path.touch()
    with JournalReader(path) as reader:
        assert (reader.head(), reader.batches(), reader.intents(None)) == ((0, ""), [], [])
    with opened(path) as journal:
        assert journal.event("note", "B1", text="x") == 2
