"""Any sequence of commands, faults and time on a controller, against the standard's own list of transitions."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from line.phases import PHASES
from line.state import Command, State
from tests.unit.line.bench import TEST_PHASES, Bench, recipe
from vesiflow.errors import Refused

ORACLE = json.loads((Path(__file__).parents[2] / "data" / "packml_transitions.json").read_text())["transitions"]
LEGAL = {(one["from"], one["event"].removesuffix("Command")): one["to"] for one in ORACLE}
STEPS = {(one["from"], one["to"]) for one in ORACLE}
AT_REST = (State.HELD, State.SUSPENDED, State.STOPPED, State.ABORTED, State.COMPLETE, State.IDLE)
KEY = "1-tff/1-pump/1"
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Commands(RuleBasedStateMachine):
    """One batch on one unit; what is allowed is asked of the oracle, what happened of journal and pump."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=FAST)
        self.patch = patch.dict(PHASES, TEST_PHASES)
        self.patch.start()
        self.loop = asyncio.new_event_loop()
        self.rig = Bench(Path(self.folder.name))
        self.refusals = 0

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @property
    def state(self) -> State:
        return self.rig.controller.batch("b").state

    @initialize()
    def created(self) -> None:
        self.rig.controller.create("b", recipe(["pump"]), "me")

    @rule(command=st.sampled_from(Command))
    def batch_command(self, command: Command) -> None:
        controller = self.rig.controller
        self.do(self._ordered(lambda: self.state, lambda: controller.command("b", command, "me", "because"), command))

    @rule(command=st.sampled_from(Command))
    def unit_command(self, command: Command) -> None:
        orders = self.rig.controller.orders
        order = partial(orders.to_unit, "tff", command, "me", "because")
        self.do(self._ordered(lambda: orders.state("tff"), order, command))

    async def _ordered(
        self, state: Callable[[], State], order: Callable[[], Coroutine[Any, Any, Any]], command: Command
    ) -> None:
        allowed, batch = (str(state()), str(command)) in LEGAL, self.state
        try:
            await order()
        except Refused as refusal:
            self.refusals += 1
            assert not allowed or "unit is started by its batch" in str(refusal)
            assert self.state is batch
        else:
            assert allowed

    @rule()
    def start(self) -> None:
        async def started() -> None:
            before = self.state
            try:
                self.rig.controller.start_phase("b", KEY)
            except Refused:
                assert self.state is before

        self.do(started())

    @rule(seconds=st.sampled_from([0.1, 3.0, 30.0, 120.0]))
    def time_goes_by(self, seconds: float) -> None:
        async def wait() -> None:
            await self.rig.clock.spawn(self.rig.clock.sleep(seconds), "time")

        self.do(wait())

    @rule()
    def finish(self) -> None:
        self.rig.controller.finish("b")

    @rule()
    def fault(self) -> None:
        batch = self.rig.controller.batch("b")
        if batch.running:
            batch.requests.keep("something is wrong")

    @invariant()
    def every_step_is_one_of_the_standard(self) -> None:
        if "b" not in self.rig.controller.batches:
            return
        moves = [(entry["old"], entry["new"]) for entry in self.rig.events("batch.state")]
        assert set(moves) <= STEPS
        assert all(one[1] == two[0] for one, two in pairwise(moves))
        assert len(self.rig.events("command.refused")) == self.refusals

    @invariant()
    def outputs_are_safe_at_rest(self) -> None:
        if "b" in self.rig.controller.batches and self.state in AT_REST:
            assert not self.rig.pump.running

    def teardown(self) -> None:
        async def aborted() -> None:
            batch = self.rig.controller.batch("b")
            if batch.state not in (State.ABORTING, State.ABORTED):
                await self.rig.controller.command("b", Command.ABORT, "me", "the end")
            if batch.task is not None:
                await batch.task
            assert not self.rig.pump.running
            batch.telemetry.close()

        if "b" in self.rig.controller.batches:
            self.do(aborted())
        self.loop.close()
        self.rig.journal.close()
        self.patch.stop()
        self.folder.cleanup()
