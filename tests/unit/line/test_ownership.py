"""Who owns a line, and what becomes of one who has lost it: nothing of theirs goes out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from line.ownership import GATE, LOCK, Owner, fence, owned
from records.journal import Fenced, Journal, verify
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError, Refused


async def taken(folder: Path) -> str | None:
    """Fence the line as an actor of a virtual clock."""
    clock = VirtualClock()
    return await clock.spawn(fence(folder, "bench", clock), "take over")


def test_a_second_owner_is_refused_and_told_who_it_is(tmp_path: Path) -> None:
    second = owned(tmp_path, "bench")
    with owned(tmp_path, "bench"), pytest.raises(Refused, match=f"owned by process {os.getpid()}"), second:
        pass


def test_a_line_whose_folder_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(ConfigError, match=r"cannot be written.*VESIFLOW_HOME"),
        owned(tmp_path / "file" / "bench", "bench"),
    ):
        pass


async def test_a_line_that_nobody_owns_is_not_fenced(tmp_path: Path) -> None:
    assert await taken(tmp_path) is None
    with owned(tmp_path, "bench"):
        pass
    assert await taken(tmp_path) is None


async def test_who_was_fenced_off_sends_nothing_any_more(tmp_path: Path) -> None:
    with owned(tmp_path, "bench") as before:
        with before:
            pass
        assert await taken(tmp_path) == str(os.getpid())
        with owned(tmp_path, "bench") as now:
            assert before.lost and not now.lost
            with pytest.raises(Fenced, match="nothing was sent"), before:
                raise AssertionError("this would have been the write")
            with now, now:
                pass


async def test_a_write_that_has_begun_is_not_overtaken(tmp_path: Path) -> None:
    """Somebody stopped between the look and the write would write as soon as they wake up."""
    with owned(tmp_path, "bench") as before:
        with before, pytest.raises(Refused, match=f"middle of a write.*kill -9 {os.getpid()}"):
            await taken(tmp_path)
        assert not before.lost
        assert await taken(tmp_path) == str(os.getpid())


def test_a_line_that_was_let_go_or_deleted_is_lost(tmp_path: Path) -> None:
    with owned(tmp_path / "a", "a") as first, owned(tmp_path / "b", "b") as second:
        shutil.rmtree(tmp_path / "b")
        with pytest.raises(Fenced), second:
            pass
    with pytest.raises(Fenced, match="let go"), first:
        pass
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [GATE, LOCK]


def journal(folder: Path, owner: Owner | None = None) -> Journal:
    return Journal(folder / "journal.sqlite", VirtualClock(), code_version="1", boot_id="boot", guard=owner)


async def test_the_journal_of_one_who_has_lost_the_line_takes_nothing(tmp_path: Path) -> None:
    with owned(tmp_path, "bench") as before:
        first = journal(tmp_path, before)
        await taken(tmp_path)
        with pytest.raises(Fenced):
            first.event("note", "B1", text="late")
        with pytest.raises(Fenced):
            first.tell("batch.state", "B1", new="Held")
        assert first.fenced
        with owned(tmp_path, "bench") as now, journal(tmp_path, now) as second:
            second.event("note", "B1", text="mine")
            first.close()
    result = verify(tmp_path / "journal.sqlite")
    assert (result.ok, result.count) == (True, 3)


def test_a_journal_that_somebody_else_continued_is_lost_even_without_a_lock(tmp_path: Path) -> None:
    first, second = journal(tmp_path), journal(tmp_path)
    with pytest.raises(Fenced, match="entry 2 is not ours"):
        first.event("note", "B1", text="x")
    with pytest.raises(Fenced):
        first.reopen()
    assert first.owed == 0
    first.close()
    assert second.event("note", "B1", text="y") == 3
    second.close()
