"""A batch in the controller: its control recipe, where it stands, what it remembers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from line.requests import Requests
from line.run import PhaseRun
from line.state import State
from protocols.control import ControlRecipe
from records.telemetry import TelemetryWriter
from vesiflow.errors import Refused

PhaseState = Literal["idle", "waiting", "running", "complete", "failed", "stopped"]


@dataclass
class PhaseStatus:
    """Where one phase stands; times in process seconds."""

    key: str
    kind: str
    state: PhaseState = "idle"
    started: float | None = None
    ended: float | None = None
    reason: str = ""
    finished: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Batch:
    """One execution of a control recipe. `token` fences off whoever owned its units before (0: it has claimed nothing
    yet); `taken_up` is the phase that a controller before this one had begun."""

    id: str
    recipe: ControlRecipe
    requests: Requests
    telemetry: TelemetryWriter
    token: int = 0
    state: State = State.IDLE
    reason: str = ""
    phases: dict[str, PhaseStatus] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)
    run: PhaseRun | None = None
    taken_up: str = ""
    task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        for phase in self.recipe.phases():
            self.phases.setdefault(phase.key, PhaseStatus(phase.key, phase.kind))

    def refuse_other(self, key: str, digest: str) -> None:
        """Refused when phase `key` of this batch has other parameters than the caller's, whose `digest` it is."""
        found = next((phase.digest for phase in self.recipe.phases() if phase.key == key), digest)
        if found != digest:
            raise Refused(
                "has other parameters in this batch", device=f"batch {self.id}", action=key, value=digest[:12],
                bounds=found[:12], remedy="a recipe is frozen when its batch begins; resolve it as it was",
            )  # fmt: skip

    @property
    def next_key(self) -> str | None:
        """The phase that comes next, None when all are complete."""
        return next((key for key, status in self.phases.items() if status.state != "complete"), None)

    @property
    def waiting(self) -> PhaseStatus | None:
        """The phase that waits for its units."""
        return next((status for status in self.phases.values() if status.state == "waiting"), None)

    def wait_no_more(self) -> None:
        """The batch is over: the phase that waits will not begin."""
        if (status := self.waiting) is not None:
            status.state, status.reason = "stopped", self.reason
            status.finished.set()

    @property
    def running(self) -> bool:
        """Whether a phase has been started and has not ended."""
        return any(status.state == "running" for status in self.phases.values())
