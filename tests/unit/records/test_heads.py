"""Signed heads: what a bare chain does not show, shows by signature, by key or by anchor."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from records.heads import KEY, KNOWN, Signer, known_keys
from records.journal import Journal, JournalReader, StoreError, verify
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError

FIRST, SEALED, LAST = 1, 11, 16


def opened(path: Path, signer: Signer | None) -> Journal:
    return Journal(
        path, VirtualClock(), code_version="1", boot_id="boot", source=random.Random(1), signer=signer
    )  # fmt: skip


def written(path: Path, signer: Signer | None) -> Path:
    """Heads stand at entries FIRST (start), SEALED (end of a batch) and LAST (shutdown)."""
    with opened(path, signer) as journal:
        for number in range(SEALED - 1):
            journal.event("note", "B1", number=number)
        journal.seal()
        for number in range(LAST - SEALED):
            journal.event("note", "B2", number=number)
    return path


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.of(tmp_path / "home")


@pytest.fixture
def journal(tmp_path: Path, signer: Signer) -> Path:
    return written(tmp_path / "journal.sqlite", signer)


@pytest.fixture
def changed(journal: Path) -> Callable[..., Path]:
    def change(*statements: str) -> Path:
        db = sqlite3.connect(journal, isolation_level=None)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        for sql in statements:
            assert db.execute(sql).rowcount > 0
        db.close()
        return journal

    return change


def test_heads_are_signed_at_start_end_of_batch_and_shutdown(journal: Path, signer: Signer) -> None:
    with JournalReader(journal) as reader:
        heads = [head for seq in (1, 2, SEALED + 1) if (head := reader.signed_head(seq))]
        assert reader.signed_head(LAST + 1) is None
    assert [head.seq for head in heads] == [FIRST, SEALED, LAST]
    assert all(head.holds() and head.key == signer.key for head in heads)
    result = verify(journal, keys=[signer.key])
    assert result.ok and result.head is not None and result.head.seq == LAST


@pytest.mark.parametrize(
    ("sql", "first", "reason"),
    [
        (f"UPDATE head SET sig = zeroblob(64) WHERE seq = {SEALED}", SEALED, "signature"),
        (f"UPDATE head SET sig = x'00' WHERE seq = {SEALED}", SEALED, "signature"),
        (f"UPDATE head SET utc = '2020-01-01' WHERE seq = {SEALED}", SEALED, "signature"),
        (f"UPDATE head SET key_id = 'unsigned' WHERE seq = {FIRST}", FIRST, "signed head of entry 1 is missing"),
        (f"DELETE FROM head WHERE seq = {FIRST}", FIRST, "signed head of entry 1 is missing"),
        (f"DELETE FROM audit WHERE seq > {SEALED}", SEALED + 1, "cut off"),
    ],
)
def test_changed_heads_are_found(changed: Callable[..., Path], sql: str, first: int, reason: str) -> None:
    result = verify(changed(sql))
    assert result.first_bad_seq == first
    assert reason in result.reason


def test_a_journal_written_anew_is_signed_with_another_key(tmp_path: Path, journal: Path, signer: Signer) -> None:
    forged = written(tmp_path / "forged.sqlite", Signer.of(tmp_path / "elsewhere"))
    assert verify(forged).ok
    found = verify(forged, keys=[signer.key])
    assert (found.first_bad_seq, "key that is not known" in found.reason) == (FIRST, True)
    unsigned = written(tmp_path / "unsigned.sqlite", None)
    assert verify(unsigned).ok
    assert verify(unsigned, keys=[signer.key]).first_bad_seq == 1
    assert verify(journal, keys=[signer.key]).ok


def test_a_rolled_back_copy_and_a_cut_with_its_heads_show_against_the_anchor(
    tmp_path: Path, changed: Callable[..., Path], journal: Path, signer: Signer
) -> None:
    old = tmp_path / "old.sqlite"
    shutil.copy(journal, old)
    with opened(journal, signer) as more:
        more.event("note", "B3")
        anchor = more.seal()
    assert verify(journal, anchor, [signer.key]).ok
    assert verify(old, anchor, [signer.key]).first_bad_seq == LAST + 1
    cut = changed(f"DELETE FROM head WHERE seq > {SEALED}", f"DELETE FROM audit WHERE seq > {SEALED}")
    assert verify(cut, keys=[signer.key]).ok
    assert verify(cut, anchor, [signer.key]).first_bad_seq == SEALED + 1


def test_a_controller_does_not_write_on_what_another_key_has_signed(tmp_path: Path, journal: Path) -> None:
    with pytest.raises(StoreError, match="key that is not known"):
        opened(journal, Signer.of(tmp_path / "elsewhere"))


def test_an_unsigned_journal_of_an_earlier_version_goes_on_signed(tmp_path: Path, signer: Signer) -> None:
    path = written(tmp_path / "early.sqlite", None)
    opened(path, signer).close()
    result = verify(path, keys=[signer.key])
    assert result.ok and result.head is not None and result.head.seq == LAST + 1


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path, signer: Signer) -> None:
    home = tmp_path / "home"
    assert Signer.of(home).key == signer.key
    assert known_keys(home) == (signer.key,)
    assert known_keys(tmp_path) == ()
    assert sorted(path.name for path in home.iterdir()) == [KEY, KNOWN]
    if os.name == "posix":
        assert (home / KEY).stat().st_mode & 0o777 == 0o600
        (home / KEY).chmod(0o640)
        with pytest.raises(ConfigError, match=r"others can read this key.*chmod 600"):
            Signer.of(home)


def test_two_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    start, keys = threading.Barrier(4), list[str]()

    def begin() -> None:
        start.wait()
        keys.append(Signer.of(tmp_path / "new").key)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 4 and len(set(keys)) == 1


def test_a_new_key_is_trusted_beside_those_before(tmp_path: Path, signer: Signer, journal: Path) -> None:
    home = tmp_path / "home"
    (home / KEY).unlink()
    second = Signer.of(home)
    assert second.known == known_keys(home) == (signer.key, second.key)
    opened(journal, second).close()
    assert verify(journal, keys=second.known).ok


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    Signer.of(tmp_path)
    (tmp_path / KEY).write_bytes(content)
    with pytest.raises(ConfigError, match="no Ed25519 key; put it back"):
        Signer.of(tmp_path)
