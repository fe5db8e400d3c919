"""The line controller: owns the instruments, runs equipment phases by idempotent key, writes the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from devices.open_line import OpenLine
from line.batch import Batch, PhaseStatus
from line.gateway import Gateway
from line.phases import PHASES
from line.run import PhaseRun, Requests, Stopped
from line.safe import make_safe
from line.state import COMPLETIONS, OVER, Command, State, after
from protocols.control import ControlRecipe, Phase, to_json
from records.journal import Journal
from records.telemetry import TelemetryWriter
from vesiflow import __version__, log
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, InDoubt, LimitExceeded, Refused, VesiflowError

HOLDING_ERRORS = (LimitExceeded, InDoubt)
"""Errors after which the product is kept and a person decides; all others end the batch safely."""


class Controller:
    """One per line. All methods run on the controller's event loop; nothing else touches the instruments."""

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
        self._telemetry = telemetry
        self._seed = seed
        self._tasks: set[asyncio.Task[None]] = set()
        self._owners: dict[str, str] = {}
        self._token = 0
        self._log = log.get(line=line.file.name)

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
        self._token += 1
        batch = Batch(batch_id, recipe, self._token, Requests(self.clock), self._telemetry(batch_id))
        self._record_creation(batch, who)
        self._claim(batch)
        self.batches[batch_id] = batch
        return batch

    def _record_creation(self, batch: Batch, who: str) -> None:
        recipe = batch.recipe
        self.journal.event(
            "batch.created",
            batch.id,
            who=who,
            recipe=to_json(recipe),
            recipe_digest=recipe.digest,
            line=self.line.file.name,
            line_digest=self.line.file.digest,
            software=__version__,
            seed=self._seed,
            at=repr(self.clock.now()),
            simulated=any(item.spec.at.startswith("sim:") for item in self.line.instruments.values()),
            instruments={
                name: {
                    "driver": item.spec.driver_name,
                    "model": item.identity.model,
                    "serial": item.identity.serial_number,
                }
                for name, item in sorted(self.line.instruments.items())
            },
        )

    def _claim(self, batch: Batch) -> None:
        """All units at once or none; a unit belongs to one batch until the batch is over."""
        units = {procedure.unit for procedure in batch.recipe.unit_procedures}
        taken = {unit: owner for unit in sorted(units) if (owner := self._owners.get(unit)) not in (None, batch.id)}
        if taken:
            shown = ", ".join(f"{unit} by {owner}" for unit, owner in taken.items())
            raise Refused(
                f"units in use: {shown}", device=self.line.file.name, action="start", remedy="wait for that batch"
            )
        self._owners.update(dict.fromkeys(units, batch.id))

    def batch(self, batch_id: str) -> Batch:
        """The batch; ConfigError when there is none of that id."""
        if batch_id not in self.batches:
            raise ConfigError(f"unknown batch {batch_id!r}", remedy="see `vesiflow batch list`")
        return self.batches[batch_id]

    def start_phase(self, batch_id: str, key: str) -> PhaseStatus:
        """Start phase `key`, or return it as it is when it runs or is complete already."""
        batch = self.batch(batch_id)
        status = batch.phases.get(key)
        if status is None:
            raise ConfigError(f"batch {batch_id} has no phase {key!r}", remedy="see `vesiflow recipe show`")
        if status.state in ("running", "complete"):
            return status
        if batch.state not in (State.IDLE, State.EXECUTE):
            raise Refused(
                f"batch {batch_id} is {batch.state}", action=key, remedy=batch.reason or "see `vesiflow line status`"
            )
        if batch.next_key != key:
            raise Refused(f"phase {batch.next_key} comes first", action=key, remedy="phases run in recipe order")
        if batch.state is State.IDLE:
            self._move(batch, after(batch.state, Command.START), "start")
            self._complete_state(batch)
        status.state, status.started, status.reason = "running", self.clock.now(), ""
        status.finished.clear()
        self._keep(self._run(batch, batch.recipe.phase(key), status), key)
        return status

    async def command(self, batch_id: str, command: Command, who: str, reason: str) -> Batch:
        """Hold, unhold, stop, abort ... a batch; Refused when its state does not allow it."""
        batch = self.batch(batch_id)
        target = after(batch.state, command)
        running = batch.running
        self._move(batch, target, reason or str(command), who)
        if command in (Command.HOLD, Command.SUSPEND) and running:
            batch.requests.hold = reason or str(command)
        elif command in (Command.UNHOLD, Command.UNSUSPEND):
            if batch.requests.resumed:
                batch.requests.resumed.set()
            else:
                self._complete_state(batch)
        elif command in (Command.STOP, Command.ABORT) and running:
            batch.requests.stop = reason or str(command)
            if batch.requests.resumed:
                batch.requests.resumed.set()
        else:
            self._complete_state(batch)
        return batch

    def finish(self, batch_id: str) -> Batch:
        """Close a batch whose phases are all complete."""
        batch = self.batch(batch_id)
        if batch.state is State.EXECUTE and batch.next_key is None:
            self._complete_state(batch)
            self._complete_state(batch)
        return batch

    async def close(self) -> None:
        """Stop what runs, reach safe states, release the ports."""
        for batch in self.batches.values():
            if batch.running and batch.state not in OVER | {State.STOPPING, State.ABORTING}:
                await self.command(batch.id, Command.STOP, "controller", "the controller was stopped")
        while self._tasks:
            await asyncio.wait(self._tasks)
        for batch in self.batches.values():
            batch.telemetry.close()
        await self.line.close()

    async def _run(self, batch: Batch, phase: Phase, status: PhaseStatus) -> None:
        """One phase from start to its journaled end; the unit is safe when it did not complete."""
        gateway = Gateway(self.line, self.journal, batch.id, phase.key, batch.token)
        self.journal.event(
            "phase.started", batch.id, key=phase.key, phase=phase.kind, unit=phase.unit, at=repr(self.clock.now())
        )
        run = batch.run = self._phase_run(batch, phase, gateway)
        try:
            await self._attempt(run, phase)
        except Stopped as stopped:
            await self._end_badly(batch, run, status, "stopped", str(stopped))
        except VesiflowError as error:
            await self._end_badly(batch, run, status, "failed", str(error))
        except Exception as error:
            self._log.exception("phase crashed", batch=batch.id, phase=phase.key)
            await self._end_badly(batch, run, status, "failed", f"internal error: {type(error).__name__}: {error}")
        else:
            self._end(batch, run, status, "complete", "")
        finally:
            batch.run = None
            status.finished.set()

    async def _attempt(self, run: PhaseRun, phase: Phase) -> None:
        """Run the phase; after an error that keeps the product the unit is held until a person decides."""
        equipment_phase = PHASES[phase.kind]
        while True:
            try:
                return await equipment_phase.function(run, phase.params)
            except HOLDING_ERRORS as error:
                if not equipment_phase.can_continue:
                    raise
                await run.held(str(error))

    def _phase_run(self, batch: Batch, phase: Phase, gateway: Gateway) -> PhaseRun:
        async def held(reason: str) -> None:
            await self._hold(batch, gateway, phase, reason)

        async def resumed() -> None:
            self._complete_state(batch)
            batch.requests.resumed = None

        batch.requests.on_held, batch.requests.on_resumed = held, resumed
        return PhaseRun(
            batch.id,
            phase,
            self.clock,
            gateway,
            self.journal,
            batch.telemetry,
            self.line.roles["line.operator"],
            self.line.file.profile,
            batch.facts,
            batch.requests,
        )

    async def _hold(self, batch: Batch, gateway: Gateway, phase: Phase, reason: str) -> None:
        if batch.state is State.EXECUTE:
            self._move(batch, after(batch.state, Command.HOLD), reason)
        await make_safe(gateway, phase.unit, self.line.file.safe_state.get(phase.unit, {}))
        self._complete_state(batch)

    async def _end_badly(self, batch: Batch, run: PhaseRun, status: PhaseStatus, outcome: Any, reason: str) -> None:
        if batch.state not in (State.STOPPING, State.ABORTING):
            self._move(batch, after(batch.state, Command.ABORT), reason)
        unreached = await make_safe(run.gateway, run.phase.unit, self.line.file.safe_state.get(run.phase.unit, {}))
        self._end(batch, run, status, outcome, "; ".join([reason, *unreached]))
        self._complete_state(batch)

    def _end(self, batch: Batch, run: PhaseRun, status: PhaseStatus, outcome: Any, reason: str) -> None:
        batch.telemetry.flush()
        status.state, status.ended, status.reason = outcome, self.clock.now(), reason
        self.journal.event(
            "phase.ended",
            batch.id,
            key=run.phase.key,
            outcome=outcome,
            reason=reason,
            at=repr(self.clock.now()),
            results={name: [repr(value), unit] for name, (value, unit) in run.results.items()},
            facts={name: repr(value) for name, value in batch.facts.items()},
        )

    def _move(self, batch: Batch, target: State, why: str, who: str = "controller") -> None:
        self.journal.event(
            "batch.state", batch.id, old=str(batch.state), new=str(target), who=who, why=why, at=repr(self.clock.now())
        )
        batch.state, batch.reason = target, why
        if target in OVER:
            self._owners = {unit: owner for unit, owner in self._owners.items() if owner != batch.id}

    def _complete_state(self, batch: Batch) -> None:
        if batch.state in COMPLETIONS:
            self._move(batch, COMPLETIONS[batch.state], batch.reason)

    def _keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = self.clock.spawn(work, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
