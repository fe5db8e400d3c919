"""Maintenance flows: do all instruments answer, and a verified copy of the data."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from pydantic import BaseModel, ConfigDict, Field

from line.backup import back_up
from line.identify import identities
from line.prepare import line_file
from records.store import Store
from vesiflow.clock import WallClock


class LineOrder(BaseModel):
    """A line to look after."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    line: str = Field(default="sim", title="Line", description="Name of a packaged line, or path of a line file")


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
    file = line_file(order.line)
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
    target = Path(order.folder) / f"{WallClock().utc():%Y%m%dT%H%M%SZ}"
    back_up(Store(), target)
    return str(target)
