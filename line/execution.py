"""One phase of one batch from its start to its journaled end, with every hold, failure and stop between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from devices.open_line import OpenLine
from line.alarms import AlarmBook
from line.batch import Batch, PhaseStatus
from line.gateway import Gateway
from line.phases import PHASES
from line.requests import Stopped
from line.run import PhaseRun
from line.safe import make_safe
from line.state import COMPLETIONS, Command, State, after
from line.watchdog import PATIENCE, supervised
from protocols.control import Phase
from records.journal import Fenced, Journal, StoreError
from vesiflow import log
from vesiflow.errors import ConfigError, Danger, VesiflowError

ON_THE_WAY = (State.STARTING, State.UNHOLDING, State.UNSUSPENDING)


class Move(Protocol):
    """Brings a batch into another state, on record."""

    def __call__(self, batch: Batch, target: State, why: str, who: str = "controller") -> None: ...


def complete(batch: Batch, move: Move) -> None:
    """What the state of the batch was on its way to is reached."""
    if batch.state in COMPLETIONS:
        move(batch, COMPLETIONS[batch.state], batch.reason)


@dataclass
class Execution:
    """`move` changes the batch's state; `run` is what the phase function is given."""

    line: OpenLine
    journal: Journal
    batch: Batch
    phase: Phase
    status: PhaseStatus
    gateway: Gateway
    alarms: AlarmBook
    move: Move
    run: PhaseRun = field(init=False)

    def __post_init__(self) -> None:
        batch, requests = self.batch, self.batch.requests
        requests.on_held, requests.on_resumed = self.hold, self._resumed
        requests.on_suspended, requests.on_gone = self._suspend, self._gone
        self.run = PhaseRun(
            batch.id, self.phase, self.line.clock, self.gateway, self.journal, batch.telemetry,
            self.line.roles["line.operator"], self.line.file.profile, batch.facts, requests, self.alarms,
            PHASES[self.phase.kind].at_rest,
        )  # fmt: skip

    async def perform(self, held: str | None) -> None:
        """The whole phase; Fenced when the line was taken from this controller meanwhile."""
        phase, batch = self.phase, self.batch
        try:
            begun = {"key": phase.key, "phase": phase.kind, "unit": phase.unit, "digest": phase.digest}
            await self._written(lambda: self.journal.event("phase.started", batch.id, **begun))
            if held is not None and batch.requests.stop is None:
                await self.run.held(held)
            await self._attempt()
            await self._written(lambda: self._end("complete", ""))
        except Fenced:
            raise
        except Stopped as stopped:
            await self._end_badly("stopped", str(stopped))
        except VesiflowError as error:
            await self._end_badly("failed", str(error))
        except Exception as error:
            log.get(line=self.line.file.name).exception("phase crashed", batch=batch.id, phase=phase.key)
            await self._end_badly("failed", f"internal error: {type(error).__name__}: {error}")

    async def hold(self, reason: str, command: Command = Command.HOLD) -> None:
        """The batch into its rest, the unit to its safe state."""
        batch = self.batch
        if batch.state in ON_THE_WAY:  # as a controller that died has left it
            complete(batch, self.move)
        if batch.state is State.EXECUTE:
            self.move(batch, after(batch.state, command), reason)
        await self._make_safe()
        if batch.state in (State.HOLDING, State.SUSPENDING):
            complete(batch, self.move)

    async def _suspend(self, cause: str) -> None:
        await self.hold(cause, Command.SUSPEND)

    async def _resumed(self) -> None:
        complete(self.batch, self.move)
        self.batch.requests.resumed = None

    def _gone(self, cause: str) -> None:
        batch = self.batch
        if batch.state is State.SUSPENDED and batch.requests.resumed:
            self.move(batch, after(batch.state, Command.UNSUSPEND), f"gone: {cause}")
            batch.requests.resumed.set()

    async def _written(self, write: Callable[[], object]) -> None:
        """An entry without which nothing may go on: the unit is held until the journal takes it."""
        while True:
            try:
                write()
                return
            except Fenced:
                raise
            except StoreError as error:
                self.run.trouble(error)
                await self.run.held(str(error))

    async def _attempt(self) -> None:
        """Run the phase; after an error that keeps the product the unit is held until a person decides."""
        run, phase = self.run, self.phase
        equipment_phase = PHASES[phase.kind]
        await run.attend()
        while True:
            run.memory.begin()
            try:
                work: Awaitable[None] = equipment_phase.function(run, phase.params)
                await supervised(run.pulse, work, PATIENCE[phase.unit] * run.stretch, phase.key)
                return await run.meet()  # asked for during its last act
            except (Stopped, ConfigError, Danger, Fenced):
                raise
            except VesiflowError as error:
                run.trouble(error)
                if run.requests.stop is not None:
                    raise Stopped(f"{run.requests.stop}; {error}") from error
                if not equipment_phase.can_continue:
                    raise
                await run.held(str(error))

    async def _make_safe(self) -> list[str]:
        """The unit to its safe state; what could not be reached is an alarm, for somebody must stop it by hand."""
        unit, batch = self.phase.unit, self.batch
        actions = self.line.file.safe_state.get(unit, {})
        unreached = await make_safe(self.gateway, unit, actions, at_once=batch.state is State.ABORTING)
        if unreached:
            self.alarms.raise_("line.unsafe", "; ".join(unreached), batch=batch.id, key=self.phase.key)
        return unreached

    async def _end_badly(self, outcome: Literal["stopped", "failed"], reason: str) -> None:
        batch = self.batch
        if batch.state not in (State.STOPPING, State.ABORTING):
            self.move(batch, after(batch.state, Command.ABORT), reason)
        unreached = await self._make_safe()
        self._end(outcome, "; ".join([reason, *unreached]))
        complete(batch, self.move)

    def _end(self, outcome: Literal["complete", "stopped", "failed"], reason: str) -> None:
        batch, status, results = self.batch, self.status, self.run.results
        with suppress(StoreError):  # the end of a phase must be known even when its curves cannot be kept
            batch.telemetry.flush()
        write = self.journal.event if outcome == "complete" else self.journal.tell
        write(
            "phase.ended", batch.id, key=self.phase.key, outcome=outcome, reason=reason, facts=dict(batch.facts),
            results={name: [value, unit] for name, (value, unit) in results.items()},
        )  # fmt: skip
        status.state, status.ended, status.reason = outcome, self.line.clock.now(), reason
