"""What every batch flow does: order to control recipe, reach the line, run the procedure, show it in Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled

from flows import no_pickle
from flows.line_token import line_token
from flows.lines import locate
from flows.mirror import Mirror
from flows.order import Order, UnitOrder, WhenHeld
from flows.server import expect_same_version
from flows.steps import as_task
from flows.termination import cancelled_by_sigterm
from flows.versions import refuse_broken
from line.api import BatchView
from line.client import Watcher
from line.closing import close_record
from line.connect import reached, refuse_known
from line.prepare import Prepared, prepare
from line.procedure import Outcome, Procedure
from line.record import record_of
from line.state import State as LineState
from records.store import Store
from vesiflow.errors import ConfigError, VesiflowError
from vesiflow.quantities import inside

no_pickle.forbid()

watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
"""Who else looks on in this process: the command line sets it to draw its bars."""


Result = dict[str, str] | State[None]
"""Of a batch flow: which batch, how it ended and where its record is; Prefect's state when it was cancelled."""


class BatchFailed(VesiflowError):
    """The batch did not complete; the reason is the controller's."""


@dataclass(frozen=True)
class Job(Prepared):
    """An order made ready: what runs where, as which batch."""

    batch: str


def ready(order: Order) -> Job:
    """Read and check everything an order names; ConfigError with all problems, nothing done."""
    found = prepare(order.recipe, order.line, None if order.volume is None else inside(order.volume, "m^3"))
    if order.controller is None and found.line.simulation is None:
        raise ConfigError(
            "a real line is run by its controller service",
            device=found.line.name,
            remedy="start `vesiflow line serve` and give its URL as controller",
        )
    return Job(found.line, found.recipe, order.batch or f"{found.recipe.recipe}-{(flow_run.id or 'local')[:8]}")


async def execute(order: Order) -> Result:
    """Run the batch (or the unit procedure) that `order` describes; BatchFailed when it does not complete.

    What a person has stopped or aborted ends as Cancelled.
    """
    return await _located(await located(order))


async def located(order: Order) -> Order:
    """`order` with line file and controller as the server knows them.

    ConfigError when packages, or Prefect here and there, do not go together.
    """
    refuse_broken()
    async with get_client() as client:
        await expect_same_version(client)
    place = await locate(order.line, order.controller)
    return order.model_copy(update={"line": place.file, "controller": place.controller})


async def _located(order: Order) -> Result:
    job = ready(order)
    store = Store()
    if order.controller is None:
        refuse_known(store, job.line, job.batch)
    with cancelled_by_sigterm():
        return await _execute(job, order, store)


async def _execute(job: Job, order: Order, store: Store) -> Result:
    folder = store.batch(job.line.name, job.batch)
    async with Mirror(job.batch, job.recipe) as mirror:
        try:
            outcome = await _run(job, order, store, mirror)
        finally:  # a cancelled batch has a record, too; the controller service writes its own
            if order.controller is None and folder.telemetry.exists():
                close_record(folder)
        await mirror.conclude(outcome, folder.report.as_uri() if folder.report.exists() else None)
        if outcome.batch.state == LineState.COMPLETE and folder.telemetry.exists():
            mirror.judge(record_of(folder))
    if outcome.ordered:
        return Cancelled(message=f"{job.batch}: {outcome.reason}")
    if not outcome.complete:
        raise BatchFailed(outcome.reason, device=job.batch)
    return {"batch": job.batch, "state": outcome.batch.state, "record": str(folder.folder)}


async def _run(job: Job, order: Order, store: Store, mirror: Mirror) -> Outcome:
    other = watcher.get()

    def watch(view: BatchView) -> None:
        mirror.see(view)
        if other:
            other(view)

    number = order.unit_procedure if isinstance(order, UnitOrder) else None
    known = await line_token() if order.controller else None
    async with reached(
        job.line, store, seed=order.seed, controller=order.controller, known=known, apart=True
    ) as client:
        procedure = Procedure(
            client, job.recipe, job.batch, order.who, watch, attended=order.when_held is WhenHeld.WAIT, wrap=as_task
        )
        mirror.agree(client, lambda: procedure.stop("cancelled in Prefect"))
        try:
            return await procedure.run(number)
        finally:
            mirror.part()


async def execute_unit(order: UnitOrder, unit: str) -> Result:
    """As `execute`, for the unit procedure of `unit` that the order names, or the only one there is."""
    here = await located(order)
    job = ready(here)
    numbers = [procedure.number for procedure in job.recipe.unit_procedures if procedure.unit == unit]
    if order.unit_procedure not in numbers and (order.unit_procedure is not None or len(numbers) != 1):
        raise _which(job, unit, numbers, order.unit_procedure)
    number = order.unit_procedure or numbers[0]
    return await _located(here.model_copy(update={"unit_procedure": number}))


def _which(job: Job, unit: str, numbers: Sequence[int], given: int | None) -> ConfigError:
    what = f"recipe {job.recipe.recipe}"
    if numbers:
        return ConfigError(
            f"which unit procedure on {unit}?", device=what, value=given, bounds=", ".join(map(str, numbers))
        )
    units = list(dict.fromkeys(procedure.unit for procedure in job.recipe.unit_procedures))
    fits = f"{units[0] if len(units) == 1 else 'manufacture'}/{job.line.name}"
    return ConfigError(f"it has no unit procedure on {unit}", device=what, remedy=f"order it on deployment {fits}")
