"""The tangential flow filtration flow: one unit procedure of a batch, usable alone."""

from __future__ import annotations

from prefect import flow

from flows.execution import Result, execute_unit
from flows.names import run_name
from flows.order import UnitOrder


@flow(name="tff", flow_run_name=run_name, retries=0, persist_result=False)
async def tff(order: UnitOrder) -> Result:
    """Run one tangential flow filtration of a recipe on a line; fails with the line controller's reason.

    Args:
        order: recipe, line and which unit procedure
    """
    return await execute_unit(order, "tff")
