"""Who owns which unit: whole blocks at once or nothing, first come first served, never a circle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from devices.line_file import load_line
from line.claims import Block, Claims, blocks, needed, needs_on
from line.controller import Controller
from line.phases import PHASES, EquipmentPhase
from line.prepare import prepare
from line.run import PhaseRun
from line.state import Command, State
from protocols.control import ControlRecipe, Operation, Phase, UnitProcedure
from protocols.phases import KINDS, Approve
from records.telemetry import TelemetryWriter
from tests.unit.line.bench import Bench, bench
from vesiflow.errors import Refused

UNITS = ("tff", "sec", "electroporation", "lyophilization")


def recipe(*units: str, kind: str = "pump") -> ControlRecipe:
    """One phase per unit procedure."""
    procedures = []
    for number, unit in enumerate(units, 1):
        phase = Phase(f"{number}-{unit}/1-{kind}/1", kind, unit, Approve("?"), 1.0)
        procedures.append(UnitProcedure(number, unit, unit, (Operation("all", (phase,)),)))
    return ControlRecipe("test", "1", "tiny", tuple(procedures))


def units(phase: Phase) -> frozenset[str]:
    return frozenset({phase.unit})


def test_a_unit_is_kept_to_its_last_use_and_what_overlaps_is_one_block() -> None:
    found = blocks(recipe("tff", "sec", "tff", "lyophilization"), units)
    assert found == (Block(0, {"tff": 2, "sec": 1}), Block(3, {"lyophilization": 3}))


def test_the_packaged_batch_leaves_the_skids_before_it_goes_into_the_freeze_dryer() -> None:
    made = prepare("exosome", "sim")
    first, dryer = blocks(made.recipe, needs_on(made.line))
    keys = [phase.key for phase in made.recipe.phases()]
    assert set(first.last) == {"tff", "sec", "electroporation", "robot"}
    assert set(dryer.last) == {"lyophilization", "robot"}
    assert keys[first.last["robot"]].startswith("4-electroporation/6-collect")
    assert keys[dryer.last["robot"]].startswith("6-lyophilization/4-load")
    assert needed(made.recipe, keys[dryer.last["robot"] + 1], needs_on(made.line)) == {"lyophilization"}


def test_units_that_share_no_instrument_need_only_themselves() -> None:
    line = load_line("sim")
    phase = Phase("1-tff/1", "tff.load", "tff", Approve("?"), 1.0)
    assert needs_on(line)(phase) == {"tff"}


def test_all_at_once_or_not_at_all_and_nobody_overtakes_whom_it_would_keep_waiting() -> None:
    claims = Claims()
    for name in "abcd":
        claims.enrol(name)
    assert claims.claim("a", frozenset({"sec"}))
    assert not claims.claim("b", frozenset({"tff", "sec"}))
    assert claims.owned("b") == frozenset()
    assert claims.waits("b") == {"sec": "a"}
    assert not claims.claim("c", frozenset({"tff"}))
    assert claims.waits("c") == {"tff": "b"}
    assert claims.claim("d", frozenset({"lyophilization"}))
    claims.leave("a")
    assert claims.waiting() == ["b", "c"]
    assert claims.granted("b")
    assert claims.waits("c") == {"tff": "b"}
    assert claims.keep("b", frozenset({"sec"})) == {"tff"}
    assert claims.granted("c")


def test_a_circle_is_named_and_whoever_closes_it_is_refused() -> None:
    claims = Claims()
    for name in ("A", "B"):
        claims.enrol(name)
    assert claims.claim("A", frozenset({"tff"}))
    assert claims.claim("B", frozenset({"sec"}))
    assert not claims.claim("A", frozenset({"tff", "sec"}))
    with pytest.raises(Refused, match=r"A waits for sec \(batch B\)") as told:
        claims.claim("B", frozenset({"tff", "sec"}))
    assert "B waits for tff (batch A)" in str(told.value)
    claims.leave("B")
    assert claims.granted("A")


@pytest.mark.parametrize("seed", range(200))
def test_whatever_the_recipes_every_batch_comes_to_its_turn(seed: int) -> None:
    chance = random.Random(seed)
    made = {f"b{n}": recipe(*chance.choices(UNITS, k=chance.randint(1, 6))) for n in range(5)}
    claims, done = Claims(), dict.fromkeys(made, 0)
    for name in made:
        claims.enrol(name)
    for _ in range(1000):
        going = [name for name in made if done[name] < len(list(made[name].phases()))]
        if not going:
            return
        name = chance.choice(going)
        phases = list(made[name].phases())
        wanted = needed(made[name], phases[done[name]].key, units)
        if wanted <= claims.owned(name) or claims.claim(name, wanted):
            for other in made:
                assert other == name or not claims.owned(other) & claims.owned(name)
            done[name] += 1
            after = done[name] < len(phases) and any(b.start == done[name] for b in blocks(made[name], units))
            rest = done[name] < len(phases) and not after
            claims.keep(name, needed(made[name], phases[done[name]].key, units) if rest else frozenset())
    raise AssertionError(f"never over: {done}")


async def resting(run: PhaseRun, params: Any) -> None:
    """100 s in which nothing moves."""
    async for elapsed in run.scans(5.0, None):
        if elapsed >= 100.0:
            break


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Bench]:
    with patch.dict(PHASES, {"pump": EquipmentPhase(resting)}), bench(tmp_path) as made:
        yield made


async def test_the_second_batch_waits_in_line_and_begins_by_itself(rig: Bench) -> None:
    c = rig.controller
    c.create("a", recipe("tff"), "me")
    c.create("b", recipe("tff"), "me")
    first = c.start_phase("a", "1-tff/1-pump/1")
    second = c.start_phase("b", "1-tff/1-pump/1")
    assert (second.state, c.batch("b").state) == ("waiting", State.IDLE)
    assert c.arbiter.claims.waits("b") == {"tff": "a"}
    assert c.start_phase("b", "1-tff/1-pump/1") is second
    await second.finished.wait()
    assert (first.state, second.state) == ("complete", "complete")
    assert second.started == first.ended == pytest.approx(100.0)
    assert rig.events("phase.waiting") == [{"key": "1-tff/1-pump/1", "waits": {"tff": "a"}}]
    assert [e["token"] for e in rig.events("batch.claimed")] == [1, 2]


async def test_stopping_the_owner_or_who_waits(rig: Bench) -> None:
    c = rig.controller
    for name in ("a", "b", "c"):
        c.create(name, recipe("tff"), "me")
    statuses = {name: c.start_phase(name, "1-tff/1-pump/1") for name in ("a", "b", "c")}
    await c.command("b", Command.STOP, "anna", "not today")
    assert (statuses["b"].state, statuses["b"].reason) == ("stopped", "not today")
    assert statuses["b"].finished.is_set()
    await c.command("a", Command.HOLD, "anna", "")
    assert c.arbiter.claims.owned("a") == {"tff"}  # held is not over
    await c.command("a", Command.ABORT, "anna", "enough")
    await statuses["c"].finished.wait()
    assert (statuses["a"].state, statuses["c"].state) == ("stopped", "complete")


async def test_a_batch_that_is_held_in_the_line_keeps_its_place_and_does_not_begin(rig: Bench) -> None:
    c = rig.controller
    c.create("a", recipe("tff", "lyophilization"), "me")
    c.create("b", recipe("sec", "lyophilization"), "me")
    capture, polish = c.start_phase("a", "1-tff/1-pump/1"), c.start_phase("b", "1-sec/1-pump/1")
    await capture.finished.wait()
    await polish.finished.wait()
    drying, last = (c.start_phase(name, "2-lyophilization/1-pump/1") for name in ("a", "b"))
    assert (drying.state, last.state) == ("running", "waiting")
    await c.command("b", Command.HOLD, "anna", "lunch")
    await drying.finished.wait()
    assert (last.state, c.batch("b").state) == ("waiting", State.HELD)
    await c.command("b", Command.UNHOLD, "anna", "back")
    await last.finished.wait()
    assert (last.state, capture.ended, polish.ended) == ("complete", 100.0, 100.0)


async def test_claims_are_taken_again_after_a_restart_under_a_higher_token(rig: Bench, tmp_path: Path) -> None:
    c, key = rig.controller, "1-tff/1-pump/1"

    async def evening() -> None:
        c.create("a", recipe("tff"), "me")
        c.start_phase("a", key)
        await rig.clock.sleep(10.0)
        await c.command("a", Command.HOLD, "anna", "night")
        await rig.clock.sleep(10.0)

    await rig.clock.spawn(evening(), "evening")
    before = c.arbiter.granted["tff"]
    await c.close()  # a held batch is left to the next controller
    rig.controller = d = Controller(
        rig.line, rig.journal, rig.clock, lambda batch: TelemetryWriter(tmp_path / f"{batch}-2.sqlite", rig.clock)
    )
    with patch.dict(KINDS, {"pump": Approve}):
        await rig.clock.spawn(d.restore(), "restore")
    assert d.arbiter.claims.owned("a") == {"tff"}
    assert d.arbiter.granted["tff"] > before, "whoever wakes up with the old token is refused"
    d.create("b", recipe("tff"), "me")
    second = d.start_phase("b", key)
    assert second.state == "waiting"

    async def morning() -> None:
        await rig.clock.sleep(10.0)
        await d.command("a", Command.UNHOLD, "anna", "morning")

    await rig.clock.spawn(morning(), "morning")
    await second.finished.wait()
    assert (d.batch("a").phases[key].state, second.state) == ("complete", "complete")
