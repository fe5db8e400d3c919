"""Maintenance flows: do all instruments answer, are membrane and column what they were, a verified copy of the data."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from pydantic import BaseModel, ConfigDict, Field

from flows import no_pickle
from flows.execution import Result, execute_unit
from flows.lines import locate
from flows.names import run_name
from flows.order import Order, UnitOrder
from flows.versions import refuse_broken
from line.backup import back_up
from line.identify import identities
from line.prepare import line_file
from records.store import Store
from vesiflow.clock import WallClock

no_pickle.forbid()


class LineOrder(BaseModel):
    """A line to look after."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    line: str = Field(default="sim", title="Line", description="Name of a deployed line, or path of a line file")


class BackupOrder(BaseModel):
    """Where copies go."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    folder: str = Field(
        min_length=1,
        title="Folder",
        description="Each copy gets a folder of its own in here; another disk is wise",
        examples=["/srv/vesiflow-backup"],
    )


@flow(name="check-line", flow_run_name="check {order.line}", retries=0, persist_result=False)
async def check_line(order: LineOrder) -> int:
    """Ask every instrument of a line who it is; nothing moves. For times when no controller owns the line.

    Args:
        order: the line
    """
    refuse_broken()
    file = line_file((await locate(order.line)).file)
    rows = await identities(file)
    await acreate_table_artifact(
        rows, f"line-{file.name}".replace("_", "-").replace(".", "-"), "Instruments that answer"
    )
    return len(rows)


@flow(name="backup", retries=0, persist_result=False)
def backup(order: BackupOrder) -> str:
    """Copy journals, telemetry and records of this machine and verify the copies.

    Args:
        order: where to
    """
    refuse_broken()
    target = Path(order.folder) / f"{WallClock().utc():%Y%m%dT%H%M%SZ}"
    back_up(Store(), target)
    return str(target)


@flow(name="membrane-test", flow_run_name=run_name, retries=0, persist_result=False)
async def membrane_test(order: Order) -> Result:
    """Measure the permeability of a membrane module; a batch without product.

    Args:
        order: recipe (membrane_test, or your own for your module), line and who is responsible
    """
    return await execute_unit(UnitOrder.model_validate(order.model_dump()), "tff")


@flow(name="column-test", flow_run_name=run_name, retries=0, persist_result=False)
async def column_test(order: Order) -> Result:
    """Send reference vesicles through the column and look at baseline and peak; a batch without product.

    Args:
        order: recipe (column_test, or your own for your column), line and who is responsible
    """
    return await execute_unit(UnitOrder.model_validate(order.model_dump()), "sec")
