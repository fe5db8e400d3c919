"""A controller that was stopped while another took its line wakes up harmless. `python -m benchmarks.fencing` tries 200."""

from __future__ import annotations

from collections import Counter

from benchmarks.fencing import attempt, race, stale, total

TRIES, RACES = 8, 10


def test_nothing_stale_goes_out_when_a_stopped_controller_wakes_up() -> None:
    found = total(attempt, TRIES, seed=2)
    assert (found["taken over"], found["woke up fenced"]) == (TRIES, TRIES), found
    assert not Counter({name: found[name] for name in ("stale on the wire", "journal broken", "failed")}).total(), found


def test_two_controllers_at_once_and_one_gets_the_line() -> None:
    assert total(race, RACES, seed=2)["one_owner"] == RACES


def test_the_judge_sees_a_stale_command() -> None:
    assert stale(["old 0", "new 0", "new 1"]) == 0
    assert stale(["old 0", "new 0", "old 1", "old stop"]) == 2
