"""The steps of a batch as Prefect tasks: one task per phase, never retried, never cached, never stored as a result.

Whether something happened is decided by the controller's journal; Prefect only shows it.
"""

from __future__ import annotations

from contextvars import ContextVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from line.api import PhaseView
from line.procedure import RunPhase
from protocols.control import Phase
from vesiflow.errors import VesiflowError

_running: ContextVar[tuple[Phase, RunPhase]] = ContextVar("running phase")


class PhaseNotComplete(VesiflowError):
    """A phase failed or was stopped; `view` is what the controller says about it."""

    def __init__(self, view: PhaseView) -> None:
        self.view = view
        super().__init__(f"{view.state}: {view.reason}", device=view.key)


@task(name="phase", task_run_name="{key}", retries=0, cache_policy=NO_CACHE, persist_result=False)
async def run_phase(key: str, kind: str) -> dict[str, object]:
    """One phase on the line; fails with the controller's reason when the phase does not complete."""
    phase, run = _running.get()
    view = await run(phase)
    if view.state != "complete":
        raise PhaseNotComplete(view)
    return view.model_dump()


async def as_task(phase: Phase, run: RunPhase) -> PhaseView:
    """Run `phase` inside a Prefect task and give its view, complete or not."""
    token = _running.set((phase, run))
    try:
        await run_phase(phase.key, phase.kind)
    except PhaseNotComplete as stop:
        return stop.view
    finally:
        _running.reset(token)
    return PhaseView(key=phase.key, kind=phase.kind, state="complete", started=None, ended=None, reason="")
