"""What a robot's HTTP API tempts a client to believe: failed commands, odd states, refusals. Judged by plant and robot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from devices.http_link import Answer
from devices.opentrons.client import Starting, refusal
from devices.opentrons.runs import ENDED
from sim.opentrons.machine import DEFINED, Machine
from tests.wire.test_opentrons_on_emulator import BOTH, COLUMN, TWO, Rig, in_recovery, on, samples
from vesiflow.errors import ConfigError, DeviceFault, Refused, VesiflowError

UNDEFINED = ("InvalidAspirateVolumeError", "InvalidDispenseVolumeError", "WellDoesNotExistError", "PipetteNotLoadedError",
             "UnexpectedTipAttachError", "TipNotAttachedError", "an error of 2031")  # fmt: skip
FAILING = [*((kind, error, True) for kind in ("pickUpTip", "aspirate", "dispense") for error in DEFINED),
           *(("aspirate", error, False) for error in UNDEFINED)]  # fmt: skip


@pytest.mark.parametrize(("command", "error", "defined"), FAILING)
@BOTH
def test_a_failed_command_ends_the_order_whatever_http_says(kind: str, command: str, error: str, defined: bool) -> None:
    """The robot answers 201 and 200 all the time; the order is a fault with the error's name, and nothing follows."""

    async def talk(rig: Rig) -> None:
        rig.machine.fail(command, 1, error, defined=defined)
        with pytest.raises(DeviceFault, match=f"after 0 of 16 transfers: .*{error}"):
            await rig.driver.transfer(samples(TWO))
        (run,) = rig.machine.runs
        assert run.status in ("failed", "stopped")
        moved = len(rig.plant.ledger.events)
        await rig.clock.sleep(600.0)
        assert len(rig.plant.ledger.events) == moved and len(rig.machine.runs) == 1
        after = await rig.driver.read_progress()
        first = 8 if kind == "flex" else 1
        assert (after.done, after.doubt) == (0, first)

    on(kind, talk, recovery="stop")


@pytest.mark.parametrize("error", DEFINED)
def test_every_defined_error_waits_for_a_person_on_a_flex_and_ends_the_run_on_an_ot2(error: str) -> None:
    async def flex(rig: Rig) -> None:
        rig.machine.fail("aspirate", 1, error)
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        while not (await rig.driver.read_attention()).stands:
            await rig.clock.sleep(1.0)
        said = await rig.driver.read_attention()
        assert said.what == f"the robot is awaiting-recovery: {error}: {error} injected"
        for _ in range(10):  # a person who clicks and clicks
            try:
                await rig.driver.retry()
            except Refused as again:
                assert "tried again already" in str(again)
        await rig.driver.resume()
        assert (await rig.clock.join(task)).done == 16
        run = rig.machine.runs[0]
        assert [c["intent"] for c in run.commands].count("fixit") == 1
        assert [a["actionType"] for a in run.actions] == ["play", "resume-from-recovery"] and run.policy == []

    async def ot2(rig: Rig) -> None:
        rig.machine.fail("aspirate", 1, error)
        with pytest.raises(DeviceFault, match=f"the run failed after 0 of 16 transfers: .*{error}"):
            await rig.driver.transfer(samples(TWO))
        assert rig.machine.runs[0].status == "failed" and not (await rig.driver.read_attention()).stands

    on("flex", flex)
    on("ot2", ot2)


def test_an_unknown_status_is_never_still_running() -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(30.0)
        rig.machine.runs[0].state.queue = "levitating"
        await rig.clock.sleep(5.0)
        assert (await rig.driver.read_attention()).what == "the robot is levitating"
        rig.machine.runs[0].state.queue = "running"
        assert (await rig.clock.join(task)).done == 16

    on("flex", talk)


def opened(machine: Machine) -> None:
    machine.door_open = True


def paused(machine: Machine) -> None:
    machine.pause(machine.runs[0])


STATUS: list[tuple[str, Callable[[Machine], None]]] = [
    ("running", lambda machine: None), ("paused", paused), ("blocked-by-open-door", opened),
    ("stop-requested", lambda machine: machine.stop(machine.runs[0])),
]  # fmt: skip


@pytest.mark.parametrize(("status", "bring"), STATUS)
@BOTH
def test_stop_ends_the_run_from_every_status(kind: str, status: str, bring: Callable[[Machine], None]) -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(30.0)
        bring(rig.machine)
        assert (await rig.driver.read_run())["status"] == status
        began = rig.clock.now()
        with pytest.raises(VesiflowError):
            await asyncio.gather(*(rig.clock.join(one) for one in (rig.clock.spawn(stopped(rig), "stop"), task)))
        await rig.clock.sleep(20.0)
        assert rig.machine.runs[0].status == "stopped" and rig.clock.now() - began < 60.0

    on(kind, talk)


async def stopped(rig: Rig) -> None:
    if (await rig.driver.read_run()).get("status") != "stop-requested":  # a robot that stops already says no
        await rig.driver.stop()


@pytest.mark.parametrize("status", ["awaiting-recovery", "awaiting-recovery-blocked-by-open-door"])
def test_stop_ends_a_run_in_recovery(status: str) -> None:
    async def talk(rig: Rig) -> None:
        task = await in_recovery(rig, "aspirate", 1)
        rig.machine.door_open = "door" in status
        assert (await rig.driver.read_run())["status"] == status
        await rig.driver.stop()
        with pytest.raises(DeviceFault, match="the run stopped"):
            await rig.clock.join(task)
        assert rig.machine.runs[0].status in ENDED

    on("flex", talk)


def test_hold_and_unhold_are_one_action_each_and_held_is_only_what_stands_still() -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(30.0)
        for _ in range(2):
            await rig.driver.pause()  # the second time there is nothing to do
        assert rig.machine.runs[0].status == "paused"
        for _ in range(2):
            await rig.driver.resume()
        await rig.clock.join(task)
        assert [a["actionType"] for a in rig.machine.runs[0].actions] == ["play", "pause", "play"]

    on("flex", talk)


def test_a_door_opened_while_it_runs_is_told_within_two_looks() -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(30.0)
        rig.machine.door_open, opened_at = True, rig.clock.now()
        while not (await rig.driver.read_attention()).stands:
            await rig.clock.sleep(0.25)
        assert rig.clock.now() - opened_at <= 2.25
        assert (await rig.driver.read_attention()).what == "the robot is blocked-by-open-door"
        rig.machine.door_open = False
        await rig.driver.resume()
        assert (await rig.clock.join(task)).done == 16

    on("ot2", talk)


def test_an_emergency_stop_while_it_runs_ends_the_order_in_doubt() -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        while not rig.moved("aspirate"):
            await rig.clock.sleep(1.0)
        rig.machine.estop = "physicallyEngaged"
        with pytest.raises(DeviceFault, match="the run failed after 0 of 16"):
            await rig.clock.join(task)
        assert (await rig.driver.read_progress()).doubt == 8
        with pytest.raises(Refused, match="emergency stop is pressed"):
            await rig.driver.transfer(samples(COLUMN))

    on("flex", talk)


@pytest.mark.parametrize("trouble", ["not-ok", "another volume", "a move less"])
def test_no_run_is_made_from_an_analysis_that_is_not_the_plan(trouble: str) -> None:
    async def talk(rig: Rig) -> None:
        upload = rig.machine.upload

        def tampered(*args: Any) -> Any:
            made = upload(*args)
            assert made.context is not None
            liquid = [one for one in made.context.commands if one["commandType"] == "aspirate"]
            if trouble == "not-ok":
                made.problem = "ValueError [line 40]: no"
            elif trouble == "another volume":
                liquid[3]["params"]["volume"] = 91.0
            else:
                made.context.commands.remove(liquid[3])
            return made

        rig.machine.upload = tampered  # type: ignore[method-assign]
        with pytest.raises(ConfigError, match=r"cannot do this protocol|differs from the plan"):
            await rig.driver.transfer(samples(COLUMN))
        assert rig.machine.runs == [] and rig.moved("aspirate") == 0

    on("ot2", talk)


CONFLICTS = ["RunNotIdle", "RunAlreadyActive", "RunStopped", "RunActionNotAllowed", "SetupCommandNotAllowed"]


@pytest.mark.parametrize("name", CONFLICTS)
def test_every_conflict_is_a_refusal_by_its_name(name: str) -> None:
    body = {"errors": [{"id": name, "title": name, "detail": "because", "errorCode": "4000", "new": 1}]}
    found = refusal(Answer(409, body), "robot", "POST /runs")
    assert isinstance(found, Refused) and not isinstance(found, Starting)
    assert f"the robot answers 409 {name}: because" in str(found)
