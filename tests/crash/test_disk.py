"""A disk that is full, fails or loses power. `python -m benchmarks.disk` goes everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.disk import power, writes

PREFIXES, FAILURES = 40, 4


def test_no_acknowledged_entry_is_lost_with_the_power() -> None:
    assert [what for number in range(PREFIXES) if (what := power.trial(number, seed=2))] == []


def test_the_judge_sees_a_lost_entry(tmp_path: Path) -> None:
    snapshots, hashes = power.batch()
    last = snapshots[-1]
    for name, data in (("journal.sqlite", last.file), ("journal.sqlite-wal", last.log[: last.synced - 1])):
        (tmp_path / name).write_bytes(data)
    assert "acknowledged" in power._opened(tmp_path / "journal.sqlite", hashes, last.seq)


@pytest.mark.parametrize("kind", writes.KINDS)
def test_a_write_that_fails_lets_nothing_out_without_its_intent(kind: str) -> None:
    step = writes.chances(kind) // FAILURES
    for at in range(step // 2, writes.chances(kind), step):
        counts, trouble = writes.trial(kind, at)
        assert (counts["complete"] + counts["held"], trouble) == (1, ""), f"{kind} at write {at}"
