"""Commands to batches and units: random sequences, refusals on record, units with and without a batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from line.phases import PHASES
from line.state import Command, State
from tests.unit.line.bench import TEST_PHASES, Bench, bench, recipe
from tests.unit.line.state_machine import KEY, Commands
from vesiflow.errors import ConfigError, Refused


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Bench]:
    with patch.dict(PHASES, TEST_PHASES), bench(tmp_path) as made:
        yield made


def test_random_sequences() -> None:
    few = settings(
        max_examples=500, stateful_step_count=20, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Commands, settings=few)


async def test_a_refusal_is_on_record_and_changes_nothing(rig: Bench) -> None:
    rig.controller.create("b", recipe(["pump"]), "me")
    with pytest.raises(Refused, match="Unhold is not possible while Idle; possible now: Abort, Start, Stop"):
        await rig.controller.command("b", Command.UNHOLD, "eva", "")
    (entry,) = rig.events("command.refused")
    assert (entry["who"], entry["command"], entry["state"]) == ("eva", "Unhold", "Idle")
    assert rig.controller.batch("b").state is State.IDLE


async def test_a_unit_follows_its_batch(rig: Bench) -> None:
    c = rig.controller
    c.create("b", recipe(["pump"]), "me")
    assert c.orders.state("tff") is State.IDLE
    status = c.start_phase("b", KEY)
    await rig.clock.spawn(rig.clock.sleep(10.0), "time")
    assert c.orders.state("tff") is State.EXECUTE
    await c.orders.to_unit("tff", Command.SUSPEND, "eva", "no steam")
    await rig.clock.spawn(rig.clock.sleep(10.0), "time")
    assert c.orders.state("tff") is c.batch("b").state is State.SUSPENDED
    assert not rig.pump.running
    await c.orders.to_unit("tff", Command.UNSUSPEND, "eva", "")
    await status.finished.wait()
    assert c.orders.state("tff") is State.IDLE  # given back
    with pytest.raises(ConfigError, match="no such unit"):
        c.orders.state("oven")


async def test_a_unit_that_was_aborted_alone_is_taken_by_nobody_before_it_is_cleared(rig: Bench) -> None:
    c = rig.controller
    rig.pump.running = True
    assert await c.orders.to_unit("tff", Command.ABORT, "eva", "it smells") is State.ABORTED
    assert not rig.pump.running
    c.create("b", recipe(["pump"]), "me")
    with pytest.raises(Refused, match="unit tff is Aborted"):
        c.start_phase("b", KEY)
    assert await c.orders.to_unit("tff", Command.CLEAR, "eva", "") is State.STOPPED
    assert await c.orders.to_unit("tff", Command.RESET, "eva", "") is State.IDLE
    status = c.start_phase("b", KEY)
    await status.finished.wait()
    assert status.state == "complete"


async def test_a_batch_that_was_stopped_is_not_begun_again(rig: Bench) -> None:
    c = rig.controller
    c.create("b", recipe(["pump"]), "me")
    status = c.start_phase("b", KEY)
    await c.command("b", Command.STOP, "eva", "")
    await status.finished.wait()
    await c.command("b", Command.RESET, "eva", "")
    assert c.batch("b").state is State.IDLE
    with pytest.raises(Refused, match="batch b was begun before"):
        c.start_phase("b", KEY)
