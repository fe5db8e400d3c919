"""The campaign flow: recipes, seeds and designs of experiments over simulated lines, on threads or on Dask."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field

from flows import no_pickle
from flows.lines import locate
from flows.order import Name
from flows.texts import key
from flows.versions import refuse_broken
from line.campaign import Design, Point, Row, chunks, make, not_run
from line.direct.study import Method
from records.store import Store
from records.tables import expect_table, write_table
from vesiflow.errors import ConfigError

no_pickle.forbid()

SHOWN = 1000
"""Rows in the table artifact; the files have all."""


class Runner(StrEnum):
    """What makes the batches: threads of the flow's process, or processes on many cores and machines."""

    THREADS = "threads"
    DASK = "dask"


class CampaignOrder(BaseModel):
    """Which batches to simulate; a campaign of the same name goes on where it stopped."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Name = Field(title="Name", description="Folder of the results", examples=["tmp-study"])
    recipes: tuple[str, ...] = Field(
        default=("tff",), min_length=1, max_length=100, title="Recipes", description="Packaged recipes or YAML files"
    )
    seeds: tuple[int, ...] = Field(
        default=(1, 2, 3), min_length=1, max_length=10000, title="Seeds", description="One batch per recipe and seed"
    )
    line: str = Field(default="sim", title="Line", description="A line whose instruments are all simulated")
    vary: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        title="Vary",
        description="PATH=LOW..HIGH of recipe parameters: a design of experiments over every recipe",
        examples=[["concentrate.tmp=1..3 psi"]],
    )
    samples: int = Field(
        default=16, ge=1, le=10000, title="Samples", description="Of the design, when something varies"
    )
    method: Method = Field(default="lhs", title="Design", description="lhs: Latin hypercube; sobol: a power of two")
    wire: bool = Field(
        default=True,
        title="With wire",
        description="With controller, drivers and bytes; off: on the plant, much faster",
    )
    runner: Runner = Field(
        default=Runner.THREADS, title="Runner", description="threads: this process; dask: many cores and machines"
    )
    workers: int = Field(default=2, ge=1, le=1000, title="Workers", description="Threads, or processes of Dask")
    scheduler: str | None = Field(
        default=None,
        pattern=r"^(tcp|tls)://[A-Za-z0-9.\[\]:_-]+$",
        title="Dask scheduler",
        description="Address of a running one; empty: workers on this machine for this run",
        examples=["tcp://10.0.0.5:8786"],
    )
    chunk: int | None = Field(
        default=None, ge=1, le=10000, title="Points per task", description="Empty: about four tasks per worker"
    )


@flow(name="campaign", flow_run_name="{order.name}", retries=0, persist_result=False)
async def campaign(order: CampaignOrder) -> str:
    """Simulate every point of the design; a point that fails does not lose the others.

    Args:
        order: recipes, seeds, design, and what they run on
    """
    refuse_broken()
    order = order.model_copy(update={"line": (await locate(order.line)).file})
    design = Design(order.recipes, order.seeds, order.line, order.vary, order.samples, order.method, order.wire)
    points = design.points()  # all mistakes are found before anything runs
    folder = Store().root / "campaigns" / order.name
    rows = _rows(chunks(points, order.workers, order.chunk), order, folder)
    files = _write(folder, rows)
    await acreate_table_artifact(rows[:SHOWN], key("campaign", order.name), " ".join(map(str, files)))
    return str(files[0])


@task(name="points", task_run_name="points {number}", retries=0, cache_policy=NO_CACHE, persist_result=False)
def points(number: int, share: list[Point], line: str, folder: str, wire: bool) -> list[Row]:
    """A share of the points, one after the other; what is known already is not simulated again."""
    return [make(one, line, Path(folder), wire) for one in share]


def runner(order: CampaignOrder) -> TaskRunner[Any]:
    """What the order asks for; ConfigError when Dask is not installed."""
    if order.runner is Runner.THREADS:
        return ThreadPoolTaskRunner(max_workers=order.workers)
    try:
        dask = import_module("prefect_dask")
    except ImportError:
        raise ConfigError("Dask is not installed", remedy="install vesiflow[dask], or take threads") from None
    if order.scheduler:
        return dask.DaskTaskRunner(address=order.scheduler)  # type: ignore[no-any-return]
    local = {"n_workers": order.workers, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    return dask.DaskTaskRunner(cluster_kwargs=local)  # type: ignore[no-any-return]


def _rows(shares: Sequence[list[Point]], order: CampaignOrder, folder: Path) -> list[Row]:
    """The rows of all shares in order; those of a share whose worker died say so."""
    with runner(order) as pool:
        futures = [
            pool.submit(
                points,
                {"number": number, "share": share, "line": order.line, "folder": str(folder), "wire": order.wire},
            )
            for number, share in enumerate(shares, 1)
        ]
        return [row for future, share in zip(futures, shares, strict=True) for row in _result(future, share)]


def _result(future: PrefectFuture[list[Row]], share: list[Point]) -> list[Row]:
    try:
        return future.result()
    except Exception as error:
        return [not_run(one, f"the worker ended: {type(error).__name__}: {error}") for one in share]


def _write(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """The rows as CSV and, where pyarrow is installed, as Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in (folder / "results.csv", folder / "results.parquet"):
        try:
            expect_table(path)
        except ConfigError as error:
            get_run_logger().warning(str(error))
            continue
        write_table(path, rows)
        written.append(path)
    return written
