"""The campaign flow: recipes times seeds, each point a whole batch on a simulated line of its own."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path

from prefect import flow, task, unmapped
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field

from flows.order import Name
from flows.texts import key
from line.prepare import prepare
from line.record import record_of
from line.simulation import simulation
from records.model import BatchRecord
from records.report import write_text
from records.store import Store
from vesiflow.errors import VesiflowError

Row = dict[str, object]


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


@flow(
    name="campaign",
    flow_run_name="{order.name}",
    task_runner=ThreadPoolTaskRunner(max_workers=2),  # type: ignore[arg-type]
    retries=0,
    persist_result=False,
)
async def campaign(order: CampaignOrder) -> str:
    """Simulate every recipe with every seed; a point that fails does not lose the others.

    Args:
        order: recipes, seeds and the line they run on
    """
    for recipe in order.recipes:
        simulation(prepare(recipe, order.line), 0)  # all mistakes are found before anything runs
    folder = Store().root / "campaigns" / order.name
    points = [(recipe, seed) for recipe in order.recipes for seed in order.seeds]
    rows = point.map(
        [recipe for recipe, _ in points], [seed for _, seed in points], unmapped(order.line), unmapped(str(folder))
    ).result()
    path = folder / "results.csv"
    write_text(path, as_csv(rows))
    await acreate_table_artifact(rows, key("campaign", order.name), str(path))
    return str(path)


@task(name="point", task_run_name="{recipe} seed {seed}", retries=0, cache_policy=NO_CACHE, persist_result=False)
def point(recipe: str, seed: int, line: str, folder: str) -> Row:
    """One simulated batch; what the record already has is not simulated again."""
    job = simulation(prepare(recipe, line), seed)
    store = Store(Path(folder) / f"{job.recipe.recipe}-{seed}")
    found = store.batch(job.line.name, job.batch)
    known = found.journal.is_file() and any(head.batch == job.batch for _, head in store.batches(job.line.name))
    reason = ""
    if not known:
        try:
            reason = asyncio.run(job.run(store, "campaign")).reason
        except VesiflowError as error:
            return {"recipe": job.recipe.recipe, "seed": seed, "state": "not run", "reason": str(error)}
    return row(record_of(found), seed, reason)


def row(record: BatchRecord, seed: int, reason: str) -> Row:
    """One line of the results."""
    summary = record.summary
    return {
        "recipe": record.header.recipe,
        "seed": seed,
        "state": record.header.state,
        "hours": None if record.header.duration is None else round(record.header.duration / 3600, 2),
        "particles": summary.particles_out,
        "yield": summary.overall_yield,
        "particles per ug": summary.particles_per_ug,
        "doses": summary.doses,
        "criteria passed": summary.passed,
        "criteria failed": summary.failed,
        "reason": reason,
    }


def as_csv(rows: list[Row]) -> str:
    """The rows as CSV; texts that a spreadsheet would take for a formula are quoted."""
    names = list(dict.fromkeys(name for item in rows for name in item))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in item.items()} for item in rows)
    return out.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" else value
