"""What-if: a batch of a recipe with other values, and what came of it. `line.direct.sweep` makes many.

Every batch has the same seed: what differs between two rows is what was varied, not the luck of the day. For the same
reason the laboratory of a study counts and weighs without error; instruments keep their noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from devices.line_file import LineFile, load_line
from line.direct.line import Made, manufacture
from protocols.check import check, refuse
from protocols.load import load
from protocols.model import Recipe
from protocols.resolve import resolve
from protocols.vary import Variation, varied
from vesiflow.documents import DocumentError
from vesiflow.errors import ConfigError

Method = Literal["lhs", "sobol"]
Outcome = Literal["complete", "failed", "refused"]
RESULTS = ("moisture", "recovery", "size", "potency", "cargo_protected", "cargo_apparent")
EXACT_LABORATORY = {"people": {"counting_error": 0.0, "protein_error": 0.0}}


@dataclass(frozen=True)
class Study:
    """`samples` batches of `recipe` on `line`, with the parameters of `variations` spread by `method`.

    `unchecked` makes also what the recipe's check refuses, as far as it can be made: to see how it goes wrong.
    """

    recipe: str
    line: str
    variations: tuple[Variation, ...]
    samples: int = 64
    seed: int = 1
    method: Method = "lhs"
    unchecked: bool = False


@dataclass(frozen=True)
class Row:
    """One sample: its values and what came of it. Fractions of 1, hours, per microgram; None for what was not made.

    `outcome` is "refused" when the recipe's check does not let it start, "failed" when a phase did not complete.
    """

    sample: int
    values: tuple[float, ...]
    outcome: Outcome
    failed_at: str = ""
    reason: str = ""
    overall_yield: float | None = None
    particles: float | None = None
    doses: float | None = None
    particles_per_ug: float | None = None
    duration_h: float | None = None
    results: dict[str, float] = field(default_factory=dict)
    criteria_failed: int | None = None
    deviations: int | None = None

    @property
    def releasable(self) -> bool:
        """A batch that was made and meets every release criterion that could be judged."""
        return self.outcome == "complete" and self.criteria_failed == 0


def warm(study: Study) -> None:
    """Read what every sample needs; a process that is forked from here has it."""
    _line(study.line)
    _recipe(study.recipe)


def make(study: Study, point: tuple[int, Sequence[float]]) -> Row:
    """One sample."""
    number, values = point[0], tuple(point[1])
    line, master = _line(study.line), _recipe(study.recipe)
    texts = {v.place: v.written(value) for v, value in zip(study.variations, values, strict=True)}
    try:
        recipe = varied(master, texts)
        if not study.unchecked:
            refuse(recipe, check(recipe, line.profile))
        control = resolve(recipe, line.profile)
    except DocumentError as error:
        first = error.problems[0]
        return Row(number, values, "refused", first.path, first.reason)
    except ConfigError as error:
        return Row(number, values, "refused", reason=str(error))
    made = manufacture(control, line, seed=study.seed, simulation=EXACT_LABORATORY)
    return _row(number, values, made)


@lru_cache(maxsize=4)
def _line(name: str) -> LineFile:
    """Read once a process."""
    return load_line(name)


@lru_cache(maxsize=4)
def _recipe(name: str) -> Recipe:
    """Read once a process."""
    return load(name)


def _row(number: int, values: tuple[float, ...], made: Made) -> Row:
    record, summary = made.record, made.record.summary
    last = {sample.assay: sample.value for sample in record.samples}
    ended = record.header.duration
    row = Row(
        number,
        values,
        "complete" if made.complete else "failed",
        made.failed,
        made.reason,
        duration_h=ended / 3600.0 if ended is not None else None,
        results={name: last[name] for name in RESULTS if name in last},
        deviations=sum(count for name, count in summary.findings.items() if name != "info"),
    )
    if not made.complete:
        return row
    return replace(
        row,
        overall_yield=summary.overall_yield,
        particles=summary.particles_out,
        doses=summary.doses,
        particles_per_ug=summary.particles_per_ug,
        criteria_failed=summary.failed,
    )
