"""What people order: PackML commands to a batch or to a unit, checked against the one table, every refusal on record.

A unit follows the batch that runs on it: its state is that batch's while one of its phases runs, Complete when all of
them are done, Idle before. A unit without a batch can be stopped, aborted, cleared and reset by itself; then no batch
takes it before it is Idle again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from line.batch import Batch
from line.state import COMPLETIONS, Command, State, after
from records.journal import Journal
from vesiflow.errors import ConfigError, Refused

_TO_SAFETY = (Command.HOLD, Command.SUSPEND, Command.STOP, Command.ABORT)
_GOES_ON = (Command.UNHOLD, Command.UNSUSPEND)


@dataclass
class Orders:
    """`batches` and `owner` (unit -> batch id) are the controller's; `move` changes a batch's state, `make_safe`
    brings units of a batch (or of nobody, "") to their safe outputs, `can_continue` is asked about kinds of phases."""

    journal: Journal
    batches: Mapping[str, Batch]
    owner: Callable[[str], str | None]
    units: tuple[str, ...]
    move: Callable[[Batch, State, str, str], None]
    make_safe: Callable[[str, list[str]], Awaitable[None]]
    can_continue: Callable[[str], bool]
    _alone: dict[str, State] = field(default_factory=dict)

    async def to_batch(self, batch: Batch, command: Command, who: str, reason: str) -> Batch:
        """Obey, or refuse with an entry of the journal; nothing has changed then."""
        try:
            target = after(batch.state, command)
            if command in _GOES_ON:
                self._may_continue(batch)
        except Refused as refusal:
            self._refused(batch.id, "", batch.state, command, who, str(refusal))
            raise
        why, owned = reason or str(command), self._owned(batch)
        self.move(batch, target, why, who)
        if not batch.running:
            if command in _TO_SAFETY:
                await self.make_safe(batch.id, owned)
            if batch.state is target:
                self._complete(batch)
        elif command in (Command.HOLD, Command.SUSPEND):
            batch.requests.keep(why)
        elif command in _GOES_ON and batch.requests.resumed:
            batch.requests.resumed.set()
        elif command in (Command.STOP, Command.ABORT):
            batch.requests.end(why, abort=command is Command.ABORT)
        else:
            self._complete(batch)
        return batch

    async def to_unit(self, unit: str, command: Command, who: str, reason: str) -> State:
        """Obey for the batch that has the unit, or for the unit alone; the unit's state then."""
        batch, state = self._batch_on(unit), self.state(unit)
        try:
            target = after(state, command)
            if command in (Command.START, *_GOES_ON) and (batch is None or batch.state is not state):
                raise Refused("a unit is started by its batch", device=unit, action=str(command))
        except Refused as refusal:
            self._refused(batch.id if batch else "", unit, state, command, who, str(refusal))
            raise
        if batch is not None and (batch.state is state or command in (Command.STOP, Command.ABORT)):
            await self.to_batch(batch, command, who, reason)
            return self.state(unit)
        self._enter(unit, state, target, who, reason or str(command))
        if command in _TO_SAFETY:
            await self.make_safe("", [unit])
        if target in COMPLETIONS:
            self._enter(unit, target, COMPLETIONS[target], who, reason or str(command))
        return self.state(unit)

    def state(self, unit: str) -> State:
        """Where a unit stands; ConfigError when the line has none of that name."""
        if unit not in self.units:
            raise ConfigError("this line has no such unit", value=unit, bounds=", ".join(self.units))
        if unit in self._alone:
            return self._alone[unit]
        batch = self._batch_on(unit)
        if batch is None:
            return State.IDLE
        if batch.run is not None and batch.run.phase.unit == unit:
            return batch.state
        mine = [batch.phases[phase.key].state for phase in batch.recipe.phases() if phase.unit == unit]
        return State.COMPLETE if all(state == "complete" for state in mine) else State.IDLE

    def refuse_units(self, units: list[str]) -> None:
        """Refused while one of `units` has been stopped or aborted by itself and not been brought back."""
        for unit in units:
            if self._alone.get(unit, State.IDLE) is not State.IDLE:
                raise Refused(
                    f"unit {unit} is {self._alone[unit]}", action="start", remedy="look at it, then clear and reset it"
                )

    def refuse_again(self, batch: Batch) -> None:
        """Refused when a batch that has been stopped, reset, and is Idle again is to be started a second time."""
        if any(status.state not in ("idle", "waiting") for status in batch.phases.values()):
            raise Refused(f"batch {batch.id} was begun before", action="start", remedy="start a new batch")

    def _may_continue(self, batch: Batch) -> None:
        """A journal that can be written, nothing in doubt, and a phase that finds its place again; else Refused."""
        self.journal.reopen()
        doubts = self.journal.in_doubt(batch.id)
        if doubts:
            shown = ", ".join(f"{intent.device} {intent.verb} ({intent.id})" for intent in doubts)
            raise Refused(f"in doubt whether it happened: {shown}", remedy="look, then `vesiflow line resolve`")
        run = batch.run
        if run is not None and not self.can_continue(run.phase.kind) and batch.taken_up == run.phase.key:
            raise Refused(f"{run.phase.kind} cannot be continued", remedy="stop or abort the batch")

    def _owned(self, batch: Batch) -> list[str]:
        return [unit for unit in self.units if self.owner(unit) == batch.id]

    def _batch_on(self, unit: str) -> Batch | None:
        """The batch that has the unit."""
        return self.batches.get(self.owner(unit) or "")

    def _complete(self, batch: Batch) -> None:
        if batch.state in COMPLETIONS and batch.state is not State.EXECUTE:
            self.move(batch, COMPLETIONS[batch.state], batch.reason, "controller")

    def _enter(self, unit: str, old: State, new: State, who: str, why: str) -> None:
        self.journal.tell("unit.state", "", unit=unit, old=str(old), new=str(new), who=who, why=why)
        self._alone[unit] = new
        if new is State.IDLE:
            del self._alone[unit]

    def _refused(self, batch: str, unit: str, state: State, command: Command, who: str, why: str) -> None:
        self.journal.tell("command.refused", batch, unit=unit, state=str(state), command=str(command), who=who, why=why)
