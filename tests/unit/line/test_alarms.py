"""Alarms: states, acknowledging, shelving to the second, first-out, floods, restarts, and a complete table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from line.alarm_table import Priority, table
from line.alarms import AlarmBook, AlarmState
from line.host import look_at_disk
from line.phases import PHASES
from line.state import Command, State
from records.journal import Journal
from records.reserve import Reserve
from records.tags import TAGS
from tests.unit.line.bench import TEST_PHASES, bench, recipe
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError, Refused

ROOT = Path(__file__).parents[3]
HIGH, MEDIUM, LATCHED, SAFETY = "tff.tmp", "tff.fouling", "lyo.shelf", "tff.integrity"


class Rig:
    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.journal = Journal(folder / "journal.sqlite", self.clock, code_version="test", boot_id="boot")
        self.book = AlarmBook(self.journal, self.clock)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.journal.events(None) if entry.kind.startswith("alarm.")]

    def states(self) -> dict[str, AlarmState]:
        return {one.id: one.state(self.clock.utc()) for one in self.book.standing()}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.journal.close()


async def later(rig: Rig, seconds: float) -> None:
    await rig.clock.spawn(rig.clock.sleep(seconds), "wait")


def test_raised_seen_returned_gone(rig: Rig) -> None:
    alarm = rig.book.raise_(HIGH, "TMP", batch="b1", value=4e4, limit=3e4, unit="Pa")
    assert rig.states() == {"tff.tmp@b1": AlarmState.UNACKNOWLEDGED}
    rig.book.acknowledge(alarm.id, "eva", "flushing")
    assert rig.states() == {"tff.tmp@b1": AlarmState.ACKNOWLEDGED}
    rig.book.clear(HIGH, "b1")
    assert rig.states() == {}
    assert rig.kinds() == ["alarm.raised", "alarm.acknowledged", "alarm.returned"]


def test_returned_before_anybody_looked_stays_until_acknowledged(rig: Rig) -> None:
    rig.book.raise_(HIGH, "TMP")
    rig.book.clear(HIGH)
    assert rig.states() == {HIGH: AlarmState.RETURNED}
    rig.book.acknowledge(HIGH, "eva", "seen")
    assert rig.states() == {}


def test_the_same_trouble_is_one_alarm(rig: Rig) -> None:
    for _ in range(5):
        rig.book.raise_(HIGH, "TMP")
    assert [one.count for one in rig.book.standing()] == [5]
    assert rig.kinds() == ["alarm.raised"]


def test_a_latched_alarm_waits_for_its_reset(rig: Rig) -> None:
    rig.book.raise_(LATCHED, "shelf")
    with pytest.raises(Refused, match="cannot be reset while Unacknowledged"):
        rig.book.reset(LATCHED, "eva", "mended")
    rig.book.acknowledge(LATCHED, "eva", "breaker off")
    with pytest.raises(Refused, match="cannot be reset while Acknowledged"):
        rig.book.reset(LATCHED, "eva", "mended")
    rig.book.clear(LATCHED)
    assert rig.states() == {LATCHED: AlarmState.LATCHED}
    rig.book.reset(LATCHED, "eva", "relay changed")
    assert rig.states() == {}


def test_acknowledging_needs_a_person_and_above_medium_a_comment(rig: Rig) -> None:
    rig.book.raise_(HIGH, "TMP")
    rig.book.raise_(MEDIUM, "TMP rises")
    with pytest.raises(Refused, match="a HIGH alarm needs a comment"):
        rig.book.acknowledge(HIGH, "eva", "  ")
    with pytest.raises(Refused, match="a person must be named"):
        rig.book.acknowledge(MEDIUM, " ")
    rig.book.acknowledge(MEDIUM, "eva")
    with pytest.raises(Refused, match="is acknowledged already"):
        rig.book.acknowledge(MEDIUM, "eva")
    with pytest.raises(ConfigError, match="no such alarm"):
        rig.book.acknowledge("nonsense", "eva")


async def test_shelving_ends_to_the_second(rig: Rig) -> None:
    rig.book.raise_(MEDIUM, "TMP rises")
    rig.book.shelve(MEDIUM, "eva", "known", 600.0)
    assert rig.states() == {MEDIUM: AlarmState.SHELVED}
    await later(rig, 599.0)
    assert rig.states() == {MEDIUM: AlarmState.SHELVED}
    await later(rig, 1.0)
    assert rig.states() == {MEDIUM: AlarmState.UNACKNOWLEDGED}


def test_what_cannot_be_shelved(rig: Rig) -> None:
    rig.book.raise_(SAFETY, "burst")
    rig.book.raise_(MEDIUM, "TMP rises")
    with pytest.raises(Refused, match="safety-critical"):
        rig.book.shelve(SAFETY, "eva", "busy", 60.0)
    with pytest.raises(Refused, match="needs a reason"):
        rig.book.shelve(MEDIUM, "eva", "", 60.0)
    with pytest.raises(Refused, match="not a time"):
        rig.book.shelve(MEDIUM, "eva", "for ever", 1e9)


def test_first_out_is_the_cause_not_the_consequence(rig: Rig) -> None:
    rig.book.raise_("tff.feed_pump", "stalls", batch="b1")
    rig.book.raise_("tff.air", "no pressure", batch="b1")
    rig.book.raise_("sec.pressure", "another unit", batch="b1")
    assert {one.row.name: one.first_out for one in rig.book.standing()} == {
        "tff.feed_pump": True, "tff.air": False, "sec.pressure": True,
    }  # fmt: skip
    assert [one.row.name for one in rig.book.groups()["tff@b1"]] == ["tff.feed_pump", "tff.air"]


def test_a_flood_is_flagged_and_loses_nothing(rig: Rig) -> None:
    for number in range(100):
        rig.book.raise_(HIGH, "utility air is gone", batch=f"b{number}")
    assert rig.book.flooded
    assert len(rig.book.standing()) == 100
    assert rig.kinds().count("alarm.raised") == 100
    assert rig.kinds().count("alarm.flood") == 1
    assert rig.kinds().index("alarm.flood") == 11


async def test_a_flood_ends(rig: Rig) -> None:
    for number in range(11):
        rig.book.raise_(HIGH, "TMP", batch=f"b{number}")
    await later(rig, 700.0)
    rig.book.raise_(MEDIUM, "TMP rises")
    assert not rig.book.flooded
    assert rig.kinds()[-1] == "alarm.flood_over"


def test_alarms_survive_a_restart(rig: Rig) -> None:
    rig.book.raise_(HIGH, "TMP", batch="b1", value=4e4, unit="Pa")
    rig.book.raise_(MEDIUM, "TMP rises", batch="b1")
    rig.book.raise_(LATCHED, "shelf")
    rig.book.raise_("tff.air", "air")
    rig.book.acknowledge("tff.air", "eva", "seen")
    rig.book.clear("tff.air")
    rig.book.acknowledge(LATCHED, "eva", "off")
    rig.book.clear(LATCHED)
    rig.book.shelve(f"{MEDIUM}@b1", "eva", "known", 3600.0)
    again = AlarmBook(rig.journal, rig.clock)
    again.restore()
    now = rig.clock.utc()
    assert {one.id: (one.state(now), one.details.get("value")) for one in again.standing()} == {
        f"{HIGH}@b1": (AlarmState.UNACKNOWLEDGED, 4e4),
        f"{MEDIUM}@b1": (AlarmState.SHELVED, None),
        LATCHED: (AlarmState.LATCHED, None),
    }


def test_the_most_urgent_is_first(rig: Rig) -> None:
    for name in (MEDIUM, HIGH, SAFETY, "line.clock"):
        rig.book.raise_(name, "x")
    order = [one.row.priority for one in rig.book.standing()]
    assert order == [Priority.CRITICAL, Priority.HIGH, Priority.MEDIUM, Priority.LOW]


def test_an_alarm_nobody_thought_through_is_refused(rig: Rig) -> None:
    with pytest.raises(ConfigError, match="not in the table"):
        rig.book.raise_("tff.surprise", "?")


def test_the_table_is_complete() -> None:
    used = set()
    for path in [*(ROOT / "line").rglob("*.py"), *(ROOT / "records").glob("*.py")]:
        used |= set(re.findall(r'"((?:tff|sec|ep|lyo|lh|line)\.[a-z_]+)"', path.read_text()))
    assert set(table()) <= used, "an alarm that nothing raises"
    named = {name for name in used if name in table()}
    assert named == set(table())


def test_every_row_says_what_to_do() -> None:
    for row in table().values():
        assert row.tag == "" or row.tag in TAGS, row.name
        assert row.within >= row.on_delay, row.name
        assert not (row.safety and row.may_shelve), row.name
        assert row.priority is not Priority.CRITICAL or row.latching, row.name


async def test_a_disk_without_room_holds_what_runs_while_it_can_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with patch.dict(PHASES, TEST_PHASES), bench(tmp_path) as rig:
        rig.controller.create("b1", recipe(["pump"]), "me")
        status = rig.controller.start_phase("b1", "1-tff/1-pump/1")

        async def technician() -> None:
            await rig.clock.sleep(20.0)
            with monkeypatch.context() as full:
                full.setattr(Reserve, "free", lambda self: 1000)
                look_at_disk(rig.controller)
                await rig.clock.sleep(20.0)
            assert rig.controller.batch("b1").state is State.HELD
            assert not rig.pump.running
            look_at_disk(rig.controller)
            await rig.controller.command("b1", Command.UNHOLD, "anna", "room again")

        await rig.clock.spawn(technician(), "technician")
        await status.finished.wait()
        assert status.state == "complete"
        assert [one["name"] for one in rig.events("alarm.raised")] == ["line.journal", "line.disk"]


async def test_a_disk_that_fills_up_is_told_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(tmp_path) as rig:
        look_at_disk(rig.controller)
        assert rig.events("alarm.raised") == []
        monkeypatch.setattr(Reserve, "free", lambda self: 3 << 20)
        look_at_disk(rig.controller)
        look_at_disk(rig.controller)
        (raised,) = rig.events("alarm.raised")
        assert (raised["name"], raised["what"]) == ("line.disk", "3 MiB free for the journal, 32 MiB wanted")
        monkeypatch.undo()
        look_at_disk(rig.controller)
        assert len(rig.events("alarm.returned")) == 1
