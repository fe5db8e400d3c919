"""A campaign without its engine: many batches on simulated lines of their own, one result kept per batch.

A result is filed under what decided it (control recipe, line, seed): asked for again, it is read instead of made, so a
campaign goes on where it stopped, and a changed recipe makes new results.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from line.direct.line import manufacture
from line.direct.study import Method, Study
from line.direct.sweep import points as sampled
from line.prepare import prepare
from line.record import record_of
from line.simulation import Simulation, simulation
from protocols.load import load
from protocols.vary import find, variation
from records.model import BatchRecord
from records.report import write_text
from records.store import Store
from vesiflow.errors import VesiflowError
from vesiflow.ids import digest

Row = dict[str, object]


@dataclass(frozen=True)
class Point:
    """One batch to make: `values` are recipe paths with what the design puts there. Plain data, fit for JSON."""

    recipe: str
    seed: int
    sample: int = 0
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Design:
    """Which batches: every recipe with every seed and, when something varies, with every sample of it."""

    recipes: tuple[str, ...]
    seeds: tuple[int, ...]
    line: str
    vary: tuple[str, ...] = ()
    samples: int = 16
    method: Method = "lhs"
    wire: bool = True

    def points(self) -> list[Point]:
        """All of them, in order; ConfigError for a recipe, line or variation that makes no sense."""
        found = []
        for recipe in self.recipes:
            simulation(prepare(recipe, self.line), 0)
            for seed in self.seeds:
                found += [Point(recipe, seed, number, values) for number, values in self._samples(recipe)]
        return found

    def _samples(self, recipe: str) -> list[tuple[int, tuple[tuple[str, str], ...]]]:
        if not self.vary:
            return [(0, ())]
        master = load(recipe)
        variations = tuple(variation(master, text) for text in self.vary)
        study = Study(recipe, self.line, variations, self.samples, method=self.method)
        return [
            (number, tuple((one.path, one.written(value)) for one, value in zip(variations, values, strict=True)))
            for number, values in enumerate(sampled(study), 1)
        ]


def make(point: Point, line: str, folder: Path, wire: bool) -> Row:
    """The row of a point: read when it is known, else made; a point that cannot be made says why. Never raises."""
    try:
        return given(point) | _made(_job(point, line), folder, wire)
    except VesiflowError as error:
        return not_run(point, str(error))
    except Exception as error:  # a bug that one point hits must not cost the results of the others
        return not_run(point, f"internal error: {type(error).__name__}: {error}")


def given(point: Point) -> Row:
    """The first cells of a row: what was asked."""
    return {"recipe": point.recipe, "seed": point.seed, "sample": point.sample, **dict(point.values)}


def not_run(point: Point, reason: str) -> Row:
    """The row of a point that could not be made; it is tried again next time."""
    return given(point) | {"state": "not run", "reason": reason}


def _job(point: Point, line: str) -> Simulation:
    master = load(point.recipe)
    values = {find(master, path): text for path, text in point.values}
    return simulation(prepare(point.recipe, line, values=values), point.seed)


def _made(job: Simulation, folder: Path, wire: bool) -> Row:
    name = digest([job.recipe.digest, job.line.digest, job.seed, wire])[:20]
    kept = folder / "points" / f"{job.recipe.recipe}-{job.seed}-{name}.json"
    if kept.is_file():
        found: Row = json.loads(kept.read_text(encoding="utf-8"))
        return found
    row = _by_wire(job, folder / "batches" / kept.stem) if wire else _directly(job)
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_text(kept, json.dumps(row))
    return row


def _by_wire(job: Simulation, folder: Path) -> Row:
    """With controller, drivers and bytes; what an interrupted run of this point left is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    store = Store(folder)
    outcome = asyncio.run(job.run(store, "campaign"))
    return _row(record_of(store.batch(job.line.name, job.batch)), outcome.reason)


def _directly(job: Simulation) -> Row:
    made = manufacture(job.recipe, job.line, seed=job.seed)
    return _row(made.record, made.reason)


def _row(record: BatchRecord, reason: str) -> Row:
    summary = record.summary
    return {
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


def chunks(points: Sequence[Point], workers: int, size: int | None) -> list[list[Point]]:
    """Shares of the work: of `size`, or so that every worker gets about four."""
    length = size or max(1, -(-len(points) // (4 * workers)))
    return [list(points[start : start + length]) for start in range(0, len(points), length)]
