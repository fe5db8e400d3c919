"""The batch flow: a whole recipe, all unit procedures in order."""

from __future__ import annotations

from prefect import flow

from flows.execution import Result, execute
from flows.names import run_name
from flows.order import Order


@flow(name="manufacture", flow_run_name=run_name, retries=0, persist_result=False)
async def manufacture(order: Order) -> Result:
    """Make one batch; fails with the line controller's reason when a phase does not complete.

    Args:
        order: recipe, line, batch id and who is responsible
    """
    return await execute(order)
