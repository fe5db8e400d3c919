"""The line controller: owns the instruments, runs equipment phases by idempotent key, writes the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from devices.commands import Verdict
from devices.link import Link
from devices.open_line import OpenLine
from line.alarms import AlarmBook
from line.arbiter import Arbiter, created
from line.batch import Batch, PhaseStatus
from line.execution import ON_THE_WAY, Execution, complete
from line.gateway import Gateway
from line.orders import Orders
from line.phases import PHASES
from line.replay import changes
from line.requests import Requests
from line.restore import Remembered, last_token, reconcile, refuse_strangers, remembered
from line.safe import make_safe
from line.state import COMPLETIONS, OVER, SAFEWARD, Command, State, after
from protocols.control import ControlRecipe, Phase
from records.journal import Fenced, Journal, StoreError
from records.telemetry import TelemetryWriter
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, Refused

RESTARTED = "the controller was restarted"


class Controller:
    """One per line. All methods run on the controller's event loop; nothing else touches the instruments."""

    execution: type[Execution] = Execution

    def __init__(
        self,
        line: OpenLine,
        journal: Journal,
        clock: Clock,
        telemetry: Callable[[str], TelemetryWriter],
        *,
        seed: int | None = None,
    ) -> None:
        self.line = line
        self.journal = journal
        self.clock = clock
        self.batches: dict[str, Batch] = {}
        self.buried: dict[str, str] = {}  # batches that could not be taken up again, and why
        self.alarms = AlarmBook(journal, clock)
        self._telemetry = telemetry
        self._seed = seed
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.arbiter = Arbiter(line.file, journal)
        units = sorted({name.partition(".")[0] for name in line.file.roles} - {"line"})
        self.orders = Orders(
            journal, self.batches, self.arbiter.claims.owner, tuple(units), self._move, self._units_safe, _can_continue
        )
        for instrument in line.instruments.values():
            link = getattr(instrument, "link", None)
            if isinstance(link, Link):
                link.unasked = self._unasked

    def create(self, batch_id: str, recipe: ControlRecipe, who: str) -> Batch:
        """Take a batch in; the same id with the same recipe gives the same batch, another recipe is Refused."""
        known = self.batches.get(batch_id)
        if known is not None:
            if known.recipe.digest != recipe.digest:
                raise Refused(f"batch {batch_id} exists with another recipe", remedy="choose another batch id")
            return known
        if recipe.line != self.line.file.name:
            raise ConfigError(
                f"control recipe is for line {recipe.line}", value=self.line.file.name, remedy="resolve it again"
            )
        self.journal.event(
            "batch.created", batch_id, who=who, seed=self._seed, **created(recipe, self.line, self.clock)
        )
        return self._new_batch(batch_id, recipe)

    def _new_batch(self, batch_id: str, recipe: ControlRecipe) -> Batch:
        batch = Batch(batch_id, recipe, Requests(self.clock), self._telemetry(batch_id))
        self.arbiter.claims.enrol(batch_id)
        self.batches[batch_id] = batch
        return batch

    def batch(self, batch_id: str) -> Batch:
        """The batch; ConfigError when there is none of that id."""
        if batch_id not in self.batches:
            raise ConfigError(f"unknown batch {batch_id!r}", remedy="see `vesiflow batch list`")
        return self.batches[batch_id]

    def start_phase(self, batch_id: str, key: str) -> PhaseStatus:
        """Start phase `key`, or return it as it is when it runs or is complete already.

        When another batch owns a unit it needs it waits, and starts by itself when its turn has come.
        """
        batch = self.batch(batch_id)
        status = batch.phases.get(key)
        if status is None:
            raise ConfigError(f"batch {batch_id} has no phase {key!r}", remedy="see `vesiflow recipe show`")
        if status.state in ("waiting", "running", "complete"):
            return status
        if batch.state not in (State.IDLE, State.EXECUTE):
            raise Refused(
                f"batch {batch_id} is {batch.state}", action=key, remedy=batch.reason or "see `vesiflow line status`"
            )
        if batch.next_key != key:
            raise Refused(f"phase {batch.next_key} comes first", action=key, remedy="phases run in recipe order")
        self.orders.refuse_units([batch.recipe.phase(key).unit])
        status.finished.clear()
        if self.arbiter.may_begin(batch, key):
            self._begin(batch, status)
        else:
            status.state = "waiting"
        return status

    def _begin(self, batch: Batch, status: PhaseStatus) -> None:
        if batch.state is State.IDLE:
            self.orders.refuse_again(batch)
            self._move(batch, after(batch.state, Command.START), "start")
            complete(batch, self._move)
        status.state, status.started, status.reason = "running", self.clock.now(), ""
        batch.task = self._keep(self._run(batch, batch.recipe.phase(status.key), status), status.key)

    def _next_in_line(self) -> None:
        """Begin what waited and has its units now; a batch that is held keeps its place."""
        for batch in map(self.batches.__getitem__, self.arbiter.claims.waiting()):
            status = batch.waiting
            free = batch.state in (State.IDLE, State.EXECUTE) and not self._closing
            with suppress(StoreError):  # a journal that is full: it waits on
                if free and status is not None and self.arbiter.may_begin(batch, status.key):
                    self._begin(batch, status)

    async def command(self, batch_id: str, command: Command, who: str, reason: str) -> Batch:
        """Hold, unhold, stop, abort ... a batch; Refused when its state does not allow it."""
        return await self.orders.to_batch(self.batch(batch_id), command, who, reason)

    def resolve(self, intent: str, verdict: str, who: str, reason: str) -> None:
        """A person decides about an action whose outcome is unknown: done, not_done or discard."""
        self.journal.resolve(intent, verdict, who, reason)

    def answer(self, values: dict[str, str], who: str, question: str | None = None) -> None:
        """Answer what the operator is asked at a console bench; Refused when nothing, or not `question`, is asked."""
        operator = self.line.roles["line.operator"]
        asked = getattr(operator, "pending", lambda: None)()
        if asked is None:
            raise Refused("nobody is asked anything", device="line.operator", remedy="see `vesiflow line status`")
        if question is not None and question != asked.key:
            raise Refused(
                "this question is no longer open",
                device="line.operator",
                value=question,
                remedy=f"asked now: {asked.text}",
            )
        operator.answer(values, who)

    def finish(self, batch_id: str) -> Batch:
        """Close a batch whose phases are all complete; Refused while an alarm wants a signature first."""
        batch = self.batch(batch_id)
        if batch.state is State.EXECUTE and batch.next_key is None:
            if unsigned := self.alarms.unsigned(batch_id):
                raise Refused(
                    f"not complete before somebody signs for {', '.join(unsigned)}", device=f"batch {batch_id}",
                    action="finish", remedy="quality assurance decides: `vesiflow line acknowledge` and `vesiflow "
                    f"line unlatch`, then `vesiflow resume {batch_id}`",
                )  # fmt: skip
            batch.reason = "every phase is complete"
            complete(batch, self._move)
            complete(batch, self._move)
        return batch

    async def close(self) -> None:
        """Stop what runs, reach safe states, release the ports.

        A held batch stays as it is: its unit is safe, and the next controller takes it up again, held.
        """
        self._closing = True
        for batch in self.batches.values():
            if (self.journal.fenced or batch.state is State.HELD) and batch.task is not None:
                batch.task.cancel()
            elif batch.running and batch.state not in OVER | {State.STOPPING, State.ABORTING}:
                await self.command(batch.id, Command.STOP, "controller", "the controller was stopped")
        while self._tasks:
            await asyncio.wait(self._tasks)
        for batch in self.batches.values():
            with suppress(StoreError):  # curves that a bad disk does not take; the journal has said so
                batch.telemetry.close()
        await self.line.close()

    def _unasked(self, instrument: str, text: str) -> None:
        """What an instrument says by itself: an alarm, on behalf of the batch that runs."""
        running = [batch.id for batch in self.batches.values() if batch.running]
        alarm = self.alarms.raise_("line.unasked", f"{instrument} says {text}", batch=running[0] if running else "")
        self.alarms.clear(alarm.row.name, alarm.batch)

    def stood_still(self, unreached: list[str]) -> None:
        """The event loop had hung and the dead-man has made the line safe meanwhile: every running batch is held."""
        self.keep_all("line.deadman", "; ".join(["the controller hung; the line was made safe without it", *unreached]))

    def keep_all(self, alarm: str, what: str) -> None:
        """Every batch that executes is held, with an alarm."""
        for batch in self.batches.values():
            if batch.running and batch.state in (*ON_THE_WAY, State.EXECUTE):
                self.alarms.raise_(alarm, what, batch=batch.id)
                batch.requests.keep(what)

    async def restore(self, *, plant_is_new: bool = False, exchanged: bool = False) -> None:
        """After a restart: judge open intents by evidence, take back every batch that was not over, held. For actors.

        Phases that may go on unattended do so. Batches whose plant died with its process are aborted. Other instruments
        than a batch began with are a DeviceFault unless `exchanged`.
        """
        self.alarms.restore()
        past = remembered(self.journal)
        self.arbiter.token = last_token(self.journal)
        if plant_is_new:
            for batch in past:
                self._bury(batch)
            return
        if not exchanged:
            refuse_strangers(self.line, past)
        await reconcile(self.line, self.journal)
        for batch in past:
            self._adopt(batch)

    def _bury(self, past: Remembered) -> None:
        why = "the simulated plant of this batch died with its process"
        self.buried[past.id] = why
        for intent in self.journal.open_intents(past.id):
            self.journal.outcome(intent.id, Verdict.UNKNOWN, "reconcile", None, None, why)
        self.journal.event(
            "batch.state", past.id, old=str(past.state), new=str(State.ABORTED), who="controller", why=why
        )

    def _adopt(self, past: Remembered) -> None:
        batch = self._new_batch(past.id, past.recipe)
        batch.facts, batch.state, batch.reason = past.facts, past.state, past.reason
        for key in past.complete:
            batch.phases[key].state = "complete"
            batch.phases[key].finished.set()
        why = [RESTARTED, *changes(past, self.line, self.journal)]
        self.arbiter.again(batch, past.interrupted)
        if past.interrupted is not None:
            status = batch.phases[past.interrupted]
            phase = past.recipe.phase(past.interrupted)
            status.state, status.started = "running", self.clock.now()
            if batch.state in (State.STOPPING, State.ABORTING):
                batch.requests.stop = batch.reason
            alone = PHASES[phase.kind].unattended and why == [RESTARTED] and batch.state is State.EXECUTE
            batch.taken_up = phase.key
            batch.task = self._keep(self._run(batch, phase, status, None if alone else " and ".join(why)), phase.key)
        else:
            while batch.state in COMPLETIONS and batch.state is not State.EXECUTE:
                complete(batch, self._move)

    async def _run(self, batch: Batch, phase: Phase, status: PhaseStatus, held: str | None = None) -> None:
        """One phase from start to its journaled end, first `held` for a reason when it is taken up again."""
        gateway = Gateway(self.line, self.journal, batch.id, phase.key, batch.token, self.arbiter.granted)
        execution = self.execution(self.line, self.journal, batch, phase, status, gateway, self.alarms, self._move)
        batch.run = execution.run
        try:
            await execution.perform(held)
            if status.state == "complete" and self.arbiter.release(batch):
                self._next_in_line()
        except Fenced as fenced:
            status.state, status.reason = "failed", str(fenced)  # not ours to write down any more
        finally:
            batch.run = None
            status.finished.set()

    async def _units_safe(self, batch_id: str, units: list[str]) -> None:
        """Units on which no phase runs, all the same: what stands still is told to stand still."""

        async def work() -> None:
            gateway = Gateway(self.line, self.journal, batch_id, "command", self.arbiter.token)
            for unit in units:
                unreached = await make_safe(gateway, unit, self.line.file.safe_state.get(unit, {}), at_once=True)
                if unreached:
                    self.alarms.raise_("line.unsafe", "; ".join(unreached), batch=batch_id, key=unit)

        await self.clock.spawn(work(), "make units safe")

    def _move(self, batch: Batch, target: State, why: str, who: str = "controller") -> None:
        write = self.journal.tell if target in SAFEWARD else self.journal.event
        write("batch.state", batch.id, old=str(batch.state), new=str(target), who=who, why=why)
        batch.state, batch.reason = target, why
        if target in OVER:
            self.alarms.clear_all(batch.id)
            with suppress(StoreError):  # a head that a bad disk does not take
                self.journal.seal()
            self._leave(batch)
        elif target is State.EXECUTE and batch.waiting:
            self._next_in_line()

    def _leave(self, batch: Batch) -> None:
        """The batch is over and its units are safe: whoever waits for them may begin."""
        batch.wait_no_more()
        self.arbiter.claims.leave(batch.id)
        self._next_in_line()

    def _keep(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self.clock.spawn(work, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _can_continue(kind: str) -> bool:
    return PHASES[kind].can_continue
