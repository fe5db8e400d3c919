"""The picture of a study: yield, purity, duration and failures over each parameter. Drawn without pyplot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from line.direct.study import Row, Study
from vesiflow.errors import ConfigError

FORMATS = (".svg", ".png", ".pdf")
WAYS = ("complete", "failed", "refused")
COLOURS = {"complete": "tab:blue", "failed": "tab:red", "refused": "0.6"}
OUTPUTS: tuple[tuple[str, Callable[[Row], float | None]], ...] = (
    ("yield, %", lambda row: None if row.overall_yield is None else 100.0 * row.overall_yield),
    ("purity, 1e10 / µg", lambda row: None if row.particles_per_ug is None else row.particles_per_ug / 1e10),
    ("duration, h", lambda row: row.duration_h if row.outcome == "complete" else None),
)


def expect_picture(path: Path | None) -> None:
    """ConfigError for a file of a kind that cannot be drawn; asked before the work."""
    if path is not None and path.suffix.lower() not in FORMATS:
        raise ConfigError(f"a plot ends in {', '.join(FORMATS)}", device=str(path))


def write_plot(path: Path, study: Study, rows: Sequence[Row]) -> None:
    """Draw all rows to `path`; ConfigError when that cannot be written."""
    try:
        draw(study, rows).savefig(path)
    except OSError as error:
        raise ConfigError(error.strerror or str(error), device=str(path), action="write") from error


def draw(study: Study, rows: Sequence[Row]) -> Figure:
    """One column a parameter, one line of panels a result, the last one for how the batches ended."""
    columns = len(study.variations)
    figure = Figure(figsize=(3.2 * columns + 1.0, 8.0), layout="constrained")
    panels = figure.subplots(len(OUTPUTS) + 1, columns, squeeze=False, sharex="col", sharey="row")
    for column, one in enumerate(study.variations):
        given = [row.values[column] for row in rows]
        for (label, read), axes in zip(OUTPUTS, panels[:, column], strict=False):
            _results(axes, rows, given, read)
            if column == 0:
                axes.set_ylabel(label)
        _outcomes(panels[-1, column], rows, given)
        shown = ".".join(one.path.split(".")[-2:])
        panels[-1, column].set_xlabel(f"{shown}, {one.unit}" if one.unit else shown)
    figure.suptitle(f"{study.recipe}: {len(rows)} batches", fontsize="medium")
    return figure


def _results(axes: Any, rows: Sequence[Row], given: Sequence[float], read: Callable[[Row], float | None]) -> None:
    """Filled where the batch could be released, open where a criterion fails."""
    found = [(x, read(row), row.releasable) for x, row in zip(given, rows, strict=True)]
    for good, face in ((True, COLOURS["complete"]), (False, "none")):
        points = [(x, y) for x, y, releasable in found if y is not None and releasable is good]
        axes.scatter(
            [x for x, _ in points], [y for _, y in points], s=18, facecolors=face, edgecolors=COLOURS["complete"]
        )
    axes.grid(alpha=0.3)


def _outcomes(axes: Any, rows: Sequence[Row], given: Sequence[float]) -> None:
    for level, way in enumerate(reversed(WAYS)):
        x = [value for value, row in zip(given, rows, strict=True) if row.outcome == way]
        axes.scatter(x, [level] * len(x), s=18, marker="|", color=COLOURS[way])
    axes.set_yticks(range(len(WAYS)), list(reversed(WAYS)))
    axes.set_ylim(-0.5, len(WAYS) - 0.5)
    axes.grid(alpha=0.3, axis="x")
