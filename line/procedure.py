"""The procedure of a batch: its phases in recipe order, through a client; the one loop of flows and command line.

Nothing here decides about matter: the controller does. A procedure that is cancelled asks the controller to stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from line.api import BatchView, PhaseView
from line.client import LineClient, Watcher
from line.state import OVER, Command, State
from protocols.control import ControlRecipe, Phase
from vesiflow.errors import ConfigError, VesiflowError

LONGEST_SUSPENSION = 8 * 3600.0  # s that an unattended batch waits for a cause from outside to go
_HELD = "held: "
RunPhase = Callable[[Phase], Awaitable[PhaseView]]


@dataclass(frozen=True)
class Outcome:
    """How a procedure ended: the batch as it stands, and the phase that did not complete."""

    batch: BatchView
    failed: PhaseView | None = None

    @property
    def complete(self) -> bool:
        """Whether every phase asked for is complete."""
        return self.failed is None

    @property
    def ordered(self) -> bool:
        """Whether a person ended it: stopped, aborted or cancelled it."""
        return self.failed is not None and self.failed.state == "stopped" and not self.failed.reason.startswith(_HELD)

    @property
    def reason(self) -> str:
        """Why it is not complete: phase and what the controller says."""
        return f"{self.failed.key} {self.failed.state}: {self.failed.reason}" if self.failed else ""


@dataclass
class Procedure:
    """Runs a control recipe as batch `batch` in the name of `who`.

    `watch` sees the batch about four times a second. With `attended` false nobody is there to decide: a batch that is
    held is stopped. `wrap` may put something around a phase (a Prefect task); it is given the phase and what runs it.
    """

    client: LineClient
    recipe: ControlRecipe
    batch: str
    who: str
    watch: Watcher | None = None
    attended: bool = True
    wrap: Callable[[Phase, RunPhase], Awaitable[PhaseView]] | None = None

    async def run(self, unit_procedure: int | None = None) -> Outcome:
        """All phases, or those of one unit procedure (from 1); the batch is finished when all are complete."""
        phases = self.phases(unit_procedure)
        try:
            await self.client.create(self.batch, self.recipe, self.who)
            for phase in phases:
                view = await (self.wrap(phase, self.run_phase) if self.wrap else self.run_phase(phase))
                if view.state != "complete":
                    return Outcome(await self.client.batch(self.batch), view)
        except BaseException as error:
            if not isinstance(error, Exception):  # cancelled or terminated: errors leave the batch to the controller
                await self.stop("interrupted")
            raise
        return Outcome(await self.client.finish(self.batch))

    def phases(self, unit_procedure: int | None = None) -> Iterable[Phase]:
        """The phases to run, in order; ConfigError for a unit procedure that the recipe has not."""
        if unit_procedure is None:
            return tuple(self.recipe.phases())
        for procedure in self.recipe.unit_procedures:
            if procedure.number == unit_procedure:
                return tuple(procedure.phases())
        raise ConfigError(
            f"recipe {self.recipe.recipe} has no such unit procedure",
            value=unit_procedure,
            bounds=f"1 to {len(self.recipe.unit_procedures)}",
        )

    async def run_phase(self, phase: Phase) -> PhaseView:
        """One phase to its end, watched; a hold that nobody attends ends it."""
        attendant = _Attendant(self)
        view = await self.client.run_phase(self.batch, phase.key, attendant.see, digest=phase.digest)
        return await attendant.over(view)

    async def stop(self, reason: str) -> None:
        """Ask for an orderly stop and wait until the batch is over; nothing happens when it is over already."""
        with suppress(VesiflowError):
            batch = await self.client.batch(self.batch)
            if State(batch.state) in OVER:
                return
            await self.client.command(self.batch, Command.STOP, self.who, reason)
            if batch.running:
                await self.client.wait_phase(self.batch, batch.running)


class _Attendant:
    """Stands in for the person who is not there: a held batch is stopped, and why it was held is kept."""

    def __init__(self, procedure: Procedure) -> None:
        self._procedure = procedure
        self._held = ""
        self._suspended: tuple[float, float] | None = None
        self._stopping: asyncio.Task[None] | None = None

    def see(self, view: BatchView) -> None:
        """Pass the view on; stop a batch that is held while nobody attends."""
        if self._procedure.watch:
            self._procedure.watch(view)
        if self._procedure.attended or self._stopping is not None:
            return
        if self._rests(view):
            self._held = view.reason
            work = self._procedure.stop(f"held and nobody attends: {view.reason}")
            self._stopping = asyncio.create_task(work, name="stop an unattended batch")

    def _rests(self, view: BatchView) -> bool:
        """Whether it is held, or suspended longer than anybody would wait, or while virtual time stands still."""
        if view.state != State.SUSPENDED:
            self._suspended = None
            return view.state == State.HELD
        since, last = self._suspended or (view.now, -1.0)
        self._suspended = (since, view.now)
        return view.now - since > LONGEST_SUSPENSION or view.now == last

    async def over(self, view: PhaseView) -> PhaseView:
        """The view as it is told: a phase that was held says why."""
        if self._stopping is None:
            return view
        await self._stopping
        return view.model_copy(update={"reason": f"{_HELD}{self._held}"})
