"""The controller: phases by idempotent key, in order, held and stopped safely, everything in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from line.phases import PHASES, EquipmentPhase
from line.run import PhaseRun
from line.state import Command, State
from tests.unit.line.bench import TEST_PHASES, Bench, bench, recipe
from vesiflow.errors import ConfigError, DeviceFault, LimitExceeded, Refused

FIRST, SECOND = "1-tff/1-pump/1", "1-tff/2-pump/1"


@pytest.fixture
def phases() -> Iterator[dict[str, EquipmentPhase]]:
    with patch.dict(PHASES, TEST_PHASES) as table:
        yield table


@pytest.fixture
def rig(tmp_path: Path, phases: dict[str, EquipmentPhase]) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


async def test_a_batch_from_start_to_end(rig: Bench) -> None:
    c = rig.controller
    c.create("b1", recipe(["pump", "pump"]), "me")
    for key in (FIRST, SECOND):
        status = c.start_phase("b1", key)
        await status.finished.wait()
        assert status.state == "complete"
    assert c.finish("b1").state is State.COMPLETE
    assert rig.clock.now() == pytest.approx(200.0)
    assert not rig.pump.running
    assert [e["outcome"] for e in rig.events("phase.ended")] == ["complete", "complete"]
    assert [e["new"] for e in rig.events("batch.state")] == ["Starting", "Execute", "Completing", "Complete"]


async def test_keys_are_idempotent_and_ordered(rig: Bench) -> None:
    c = rig.controller
    c.create("b1", recipe(["pump", "pump"]), "me")
    with pytest.raises(Refused, match=f"phase {FIRST} comes first"):
        c.start_phase("b1", SECOND)
    status = c.start_phase("b1", FIRST)
    assert c.start_phase("b1", FIRST) is status
    await status.finished.wait()
    assert c.start_phase("b1", FIRST) is status
    assert rig.pump.starts == 1
    with pytest.raises(ConfigError, match="has no phase 'nonsense'"):
        c.start_phase("b1", "nonsense")
    with pytest.raises(ConfigError, match="unknown batch 'b2'"):
        c.start_phase("b2", FIRST)


async def test_same_id_same_recipe_same_batch(rig: Bench) -> None:
    c = rig.controller
    batch = c.create("b1", recipe(["pump"]), "me")
    assert c.create("b1", recipe(["pump"]), "me") is batch
    with pytest.raises(Refused, match="exists with another recipe"):
        c.create("b1", recipe(["pump", "pump"]), "me")
    with pytest.raises(ConfigError, match="control recipe is for line other"):
        c.create("b3", recipe(["pump"], "other"), "me")


async def test_hold_keeps_the_product_and_goes_on(rig: Bench) -> None:
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)

    async def technician() -> None:
        await rig.clock.sleep(20.0)
        await c.command("b1", Command.HOLD, "anna", "look at the column")
        await rig.clock.sleep(30.0)
        assert c.batch("b1").state is State.HELD
        assert not rig.pump.running
        await c.command("b1", Command.UNHOLD, "anna", "fine")
        await rig.clock.sleep(10.0)
        assert c.batch("b1").state is State.EXECUTE
        assert rig.pump.running

    await rig.clock.spawn(technician(), "technician")
    await status.finished.wait()
    assert status.state == "complete"
    assert [e["new"] for e in rig.events("batch.state")][2:] == ["Holding", "Held", "Unholding", "Execute"]


@pytest.mark.parametrize(
    ("command", "rest"),
    [(Command.HOLD, State.HELD), (Command.STOP, State.STOPPED), (Command.ABORT, State.ABORTED)],
)
async def test_what_is_asked_during_the_last_act_of_a_phase_is_met(
    rig: Bench, phases: dict[str, EquipmentPhase], command: Command, rest: State
) -> None:
    """A transfer that cannot be interrupted and has nothing after it, seeds 22 and 39 of `benchmarks.dst`."""

    async def in_one_go(run: PhaseRun, params: Any) -> None:
        await run.clock.sleep(4.0)

    phases["pump"] = EquipmentPhase(in_one_go)
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)

    async def technician() -> None:
        await rig.clock.sleep(2.0)
        await c.command("b1", command, "anna", "look at the robot")
        await rig.clock.sleep(10.0)
        assert c.batch("b1").state is rest
        if rest is State.HELD:
            assert not status.finished.is_set()
            await c.command("b1", Command.UNHOLD, "anna", "fine")

    await rig.clock.spawn(technician(), "technician")
    await status.finished.wait()
    assert status.state == ("complete" if rest is State.HELD else "stopped")
    assert c.finish("b1").state is (State.COMPLETE if rest is State.HELD else rest)


@pytest.mark.parametrize(("command", "end"), [(Command.STOP, State.STOPPED), (Command.ABORT, State.ABORTED)])
@pytest.mark.parametrize("held", [False, True])
async def test_stop_and_abort_reach_the_safe_state(rig: Bench, command: Command, end: State, held: bool) -> None:
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)

    async def technician() -> None:
        await rig.clock.sleep(20.0)
        if held:
            await c.command("b1", Command.HOLD, "anna", "")
            await rig.clock.sleep(10.0)
        await c.command("b1", command, "anna", "enough")

    await rig.clock.spawn(technician(), "technician")
    await status.finished.wait()
    assert status.state == "stopped"
    assert c.batch("b1").state is end
    assert not rig.pump.running
    with pytest.raises(Refused, match=f"batch b1 is {end}"):
        c.start_phase("b1", FIRST)


async def test_a_fault_holds_the_unit_safe_and_is_said(rig: Bench, phases: dict[str, EquipmentPhase]) -> None:
    async def breaks(run: PhaseRun, params: Any) -> None:
        await run.gateway.role("tff.feed_pump").start()
        raise DeviceFault("motor stalled", device="tff.feed_pump", remedy="look")

    phases["pump"] = EquipmentPhase(breaks)
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)
    await rig.clock.spawn(rig.clock.sleep(10.0), "meanwhile")
    assert (status.state, c.batch("b1").state) == ("running", State.HELD)
    assert "motor stalled" in c.batch("b1").reason
    assert not rig.pump.running
    await c.command("b1", Command.STOP, "anna", "give up")
    await status.finished.wait()
    assert (status.state, c.batch("b1").state) == ("stopped", State.STOPPED)


async def test_a_limit_holds_and_the_phase_is_run_again_from_what_it_remembers(
    rig: Bench, phases: dict[str, EquipmentPhase]
) -> None:
    runs: list[float] = []

    async def careful(run: PhaseRun, params: Any) -> None:
        runs.append(run.facts.get("reached", 0.0))
        run.fact("reached", 7.0)
        if len(runs) == 1:
            raise LimitExceeded("too high", device="tff.tmp")

    phases["pump"] = EquipmentPhase(careful)
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)

    async def technician() -> None:
        await rig.clock.sleep(60.0)
        assert c.batch("b1").state is State.HELD
        assert "too high" in c.batch("b1").reason
        await c.command("b1", Command.UNHOLD, "anna", "mended")

    await rig.clock.spawn(technician(), "technician")
    await status.finished.wait()
    assert status.state == "complete"
    assert runs == [0.0, 7.0]


async def test_a_phase_that_must_not_be_repeated_ends_instead(rig: Bench, phases: dict[str, EquipmentPhase]) -> None:
    async def pulse(run: PhaseRun, params: Any) -> None:
        raise LimitExceeded("too high", device="x")

    phases["pump"] = EquipmentPhase(pulse, can_continue=False)
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)
    await status.finished.wait()
    assert status.state == "failed"


async def test_a_programming_error_never_leaves_a_pump_running(rig: Bench, phases: dict[str, EquipmentPhase]) -> None:
    async def buggy(run: PhaseRun, params: Any) -> None:
        await run.gateway.role("tff.feed_pump").start()
        raise ZeroDivisionError("oops")

    phases["pump"] = EquipmentPhase(buggy)
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)
    await status.finished.wait()
    assert status.reason.startswith("internal error: ZeroDivisionError")
    assert not rig.pump.running


async def test_closing_stops_what_runs(rig: Bench) -> None:
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)
    await c.close()
    assert status.state == "stopped"
    assert not rig.pump.running


async def test_a_batch_whose_alarm_wants_a_signature_is_not_complete_without(rig: Bench) -> None:
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", FIRST)
    c.alarms.raise_("tff.integrity", "a fibre has burst", batch="b1", key=FIRST)
    await status.finished.wait()
    with pytest.raises(Refused, match="somebody signs for"):
        c.finish("b1")
    assert c.batch("b1").state is State.EXECUTE
    c.alarms.clear("tff.integrity", "b1")
    c.alarms.acknowledge("tff.integrity@b1", "Quentin, QA", "module swapped, permeate kept and assayed")
    with pytest.raises(Refused):
        c.finish("b1")
    c.alarms.reset("tff.integrity@b1", "Quentin, QA", "permeate holds 1 %, accepted")
    assert c.finish("b1").state is State.COMPLETE
    assert rig.events("alarm.reset")[0]["who"] == "Quentin, QA"
