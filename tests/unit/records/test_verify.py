"""Whatever is changed in a journal is found, with the first entry that does not hold."""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.journal import Journal, JournalReader, StoreError, verify
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError
from vesiflow.ids import canonical

ENTRIES = 31
UNGUARDED = "audit_no_update audit_no_delete intent_no_update outcome_no_update intent_no_delete outcome_no_delete " \
            "head_no_delete head_no_update audit_in_order"  # fmt: skip


def written(path: Path) -> Journal:
    """A journal of ENTRIES entries: ten actions with outcomes and ten notes; left open, so without final head."""
    journal = Journal(path, VirtualClock(), code_version="0.1.0", boot_id="boot", source=random.Random(7))
    for number in range(10):
        name = journal.intent("B1", "k/1", "feed", "set_flow", [number], "S", "read back", None, "s", "sim", 1)
        journal.outcome(name, "DONE", "reply", "OK", None, "acknowledged")
        journal.event("note", "B1", text=f"note {number}", value=number / 7)
    return journal


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    written(path)._db.close()
    return path


@pytest.fixture
def tamper(original: Path, tmp_path: Path) -> Callable[..., Path]:
    def change(*statements: tuple[str, tuple[object, ...]]) -> Path:
        path = tmp_path / "changed.sqlite"
        shutil.copy(original, path)
        db = sqlite3.connect(path, isolation_level=None)
        for trigger in UNGUARDED.split():
            db.execute(f"DROP TRIGGER {trigger}")
        for sql, values in statements:
            assert db.execute(sql, values).rowcount > 0
        db.close()
        return path

    return change


def test_an_untouched_journal_holds(original: Path) -> None:
    result = verify(original)
    assert (result.ok, result.first_bad_seq, result.count) == (True, None, ENTRIES)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_of_any_body_is_found(
    original: Path, tamper: Callable[..., Path], data: st.DataObject
) -> None:
    seq = data.draw(st.integers(1, ENTRIES), label="seq")
    with sqlite3.connect(original) as db:
        body = bytearray(db.execute("SELECT CAST(body AS BLOB) FROM audit WHERE seq = ?", (seq,)).fetchone()[0])
    db.close()
    place = data.draw(st.integers(0, len(body) - 1), label="place")
    body[place] ^= data.draw(st.integers(1, 255), label="flip")
    path = tamper(("UPDATE audit SET body = CAST(? AS TEXT) WHERE seq = ?", (bytes(body), seq)))
    result = verify(path)
    path.unlink()
    assert (result.ok, result.first_bad_seq) == (False, seq)


@pytest.mark.parametrize("seq", [1, 15, ENTRIES])
def test_a_body_changed_together_with_its_hash_is_found_by_the_next(tamper: Callable[..., Path], seq: int) -> None:
    body = canonical({"seq": seq, "kind": "note", "batch": "B1", "prev_hash": "x", "data": {}})
    digest = hashlib.sha256(body.encode()).hexdigest()
    path = tamper(("UPDATE audit SET body=?, hash=?, kind='note', batch='B1' WHERE seq=?", (body, digest, seq)))
    assert verify(path).first_bad_seq == seq


def test_a_hash_valid_body_that_is_no_entry_is_found(tamper: Callable[..., Path]) -> None:
    digest = hashlib.sha256(b"[]").hexdigest()
    assert verify(tamper(("UPDATE audit SET body='[]', hash=? WHERE seq=4", (digest,)))).first_bad_seq == 4


@pytest.mark.parametrize(
    ("sql", "values", "first"),
    [
        ("DELETE FROM audit WHERE seq = ?", (12,), 12),
        ("UPDATE audit SET kind = 'alarm' WHERE seq = ?", (4,), 4),
        ("UPDATE audit SET batch = 'B2' WHERE seq = ?", (4,), 4),
        ("UPDATE intent SET args = '[99]' WHERE seq = ?", (5,), 5),
        ("UPDATE intent SET late = 1 WHERE seq = ?", (8,), 8),
        ("UPDATE outcome SET state = 'UNKNOWN' WHERE seq = ?", (6,), 6),
        ("DELETE FROM outcome WHERE seq = ?", (9,), 9),
        ("UPDATE intent SET seq = 1 WHERE seq = ?", (5,), 5),
    ],
)
def test_changes_outside_the_body_are_found(
    tamper: Callable[..., Path], sql: str, values: tuple[int, ...], first: int
) -> None:
    result = verify(tamper((sql, values)))
    assert (result.ok, result.first_bad_seq) == (False, first), result.reason


def test_swapped_entries_are_found(tamper: Callable[..., Path]) -> None:
    path = tamper(
        ("UPDATE audit SET seq = -1 WHERE seq = ?", (7,)),
        ("UPDATE audit SET seq = 7 WHERE seq = ?", (10,)),
        ("UPDATE audit SET seq = 10 WHERE seq = ?", (-1,)),
    )
    assert verify(path).first_bad_seq == 7


def test_a_row_without_entry_is_found(tamper: Callable[..., Path]) -> None:
    path = tamper((
        "INSERT INTO intent SELECT 99, 'forged', batch, phase, device, device_serial, device_kind, cls, verb, args,"
        " rule, pre, token, retry_of, actor, code_version, boot, utc, mono_ns, late FROM intent WHERE seq = ?", (2,),
    ))  # fmt: skip
    result = verify(path)
    assert (result.ok, result.first_bad_seq) == (False, 99)


@pytest.mark.parametrize("cut", [1, 2, 10, ENTRIES])
def test_a_cut_tail_shows_against_the_anchor(tamper: Callable[..., Path], original: Path, cut: int) -> None:
    with JournalReader(original) as reader:
        anchor = reader.head()
    kept = ENTRIES - cut
    last = {"outcome": 30, "intent": 29, "audit": ENTRIES}
    path = tamper(*((f"DELETE FROM {table} WHERE seq > ?", (kept,)) for table in last if last[table] > kept))
    assert verify(path, anchor).first_bad_seq == kept + 1


def test_a_cut_tail_shows_against_the_head_in_the_file(original: Path, tmp_path: Path) -> None:
    path = tmp_path / "closed.sqlite"
    written(path).close()
    db = sqlite3.connect(path)
    db.execute("DROP TRIGGER audit_no_delete")
    db.execute("DELETE FROM audit WHERE seq = ?", (ENTRIES,))
    db.commit()
    db.close()
    assert verify(path).first_bad_seq == ENTRIES
    with pytest.raises(StoreError, match="cut off"):
        Journal(path, VirtualClock(), code_version="0.1.0", boot_id="b2")


def test_a_journal_written_anew_differs_from_its_anchor(original: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.sqlite"
    journal = Journal(forged, VirtualClock(), code_version="0.1.0", boot_id="other")
    for _ in range(ENTRIES + 5):
        journal.event("note", "B1", text="all is well")
    journal.close()
    with JournalReader(original) as reader:
        anchor = reader.head()
    assert verify(forged).ok
    assert verify(forged, anchor).first_bad_seq == anchor[0]
    assert verify(original, anchor).ok


def test_opening_a_changed_tail_is_refused(tamper: Callable[..., Path]) -> None:
    path = tamper(("UPDATE intent SET args = '[99]' WHERE seq = ?", (5,)))
    with pytest.raises(StoreError, match="changed outside vesiflow"):
        Journal(path, VirtualClock(), code_version="0.1.0", boot_id="b2")


def test_a_damaged_file_is_a_result_and_an_absent_one_an_error(original: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    content = bytearray(original.read_bytes())
    content[100:] = bytes(len(content) - 100)
    broken.write_bytes(content)
    assert not verify(broken).ok
    with pytest.raises(ConfigError):
        verify(tmp_path / "absent.sqlite")
