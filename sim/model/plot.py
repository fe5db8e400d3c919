"""A picture of a case, drawn without pyplot so that it needs no display and leaves no global state."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from sim.model.curves import CURVES, Curves
from sim.model.evaluate import compute, parsed
from sim.model.fields import Bad
from vesiflow.errors import ConfigError

FORMATS = ("svg", "png", "pdf")


def plot(unit: str, case: Path, path: Path) -> None:
    """Draw the case in `case` to `path` (.svg, .png or .pdf); ConfigError when there is nothing to draw."""
    calculation, values = parsed(unit, case)
    if path.suffix.lstrip(".").lower() not in FORMATS:
        raise ConfigError(f"{path}: -: a plot ends in {', '.join(f'.{name}' for name in FORMATS)}")
    if (unit, calculation) not in CURVES:
        raise ConfigError(f"{case.name}: calculation: {calculation} has no curve to plot")
    try:
        compute(unit, calculation, values)
        figure = draw(CURVES[unit, calculation](values), f"{unit}: {calculation.replace('_', ' ')}")
        figure.savefig(path)
    except Bad as error:
        raise ConfigError(f"{case.name}: {error.key}: {error.reason}") from None
    except OSError as error:
        raise ConfigError(f"{path}: -: cannot be written: {(error.strerror or str(error)).lower()}") from None


def draw(curves: Curves, title: str) -> Figure:
    """The figure of some curves."""
    figure = Figure(figsize=(6.0, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=curves.x, ylabel=curves.y)
    for number, (label, x, y) in enumerate(curves.series):
        axes.plot(x, y, color=f"C{number}", label=label)
    handles, labels = axes.get_legend_handles_labels()
    if curves.right_series:
        twin = axes.twinx()
        twin.set_ylabel(curves.right)
        for number, (label, x, y) in enumerate(curves.right_series, start=len(curves.series)):
            twin.plot(x, y, color=f"C{number}", linestyle="--", label=label)
        more = twin.get_legend_handles_labels()
        handles, labels = handles + more[0], labels + more[1]
    if len(labels) > 1:
        axes.legend(handles, labels, fontsize="small")
    axes.grid(alpha=0.3)
    return figure
