"""The design space of primary drying as a picture: shelf against pressure, with everything that limits it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from line.direct.drying import HOUR, Problem
from sim.design_space import Judgement, grid
from sim.physics.vacuum import PASCAL_PER_TORR
from vesiflow.errors import ConfigError

Floats = NDArray[np.float64]
POINTS = 19
MILLITORR = PASCAL_PER_TORR * 1e-3


def write_plot(path: Path, task: Problem, present: Judgement, best: Judgement) -> None:
    """Draw to `path`; ConfigError when that cannot be written."""
    try:
        draw(task, present, best).savefig(path)
    except OSError as error:
        raise ConfigError(error.strerror or str(error), device=str(path), action="write") from error


def draw(task: Problem, present: Judgement, best: Judgement) -> Figure:
    """Contours of drying time, the lines of product limit, collapse and capability, recipe and optimum."""
    shelves, pressures = _axes(task, present, best)
    seen = grid(task.load, list(shelves), list(pressures))
    hours = _field(seen, lambda one: one.duration / HOUR)
    edge, load = _field(seen, lambda one: one.edge), _field(seen, lambda one: one.load)
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    y = pressures / MILLITORR
    low = task.limits.pressure[0] / MILLITORR
    worst = np.fmax(edge - task.limits.product, 10.0 * (load - 1.0))
    axes.contourf(shelves, y, worst, levels=[-1e3, 0.0], colors=["tab:green"], alpha=0.15)
    axes.axhspan(min(y[0], low), low, color="w", alpha=0.8)
    times = axes.contour(shelves, y, hours, levels=_levels(hours), colors="0.45", linewidths=0.8)
    axes.clabel(times, fmt="%g h", fontsize=8)
    lines = (
        (edge, task.limits.product, "tab:green", "-", f"edge ice at {task.limits.product:.1f} degC"),
        (edge, task.critical, "tab:red", "-", f"edge ice at collapse, {task.critical:.1f} degC"),
        (load, 1.0, "tab:purple", "--", "vapour the machine passes"),
    )
    for values, level, colour, style, label in lines:
        if np.nanmin(values) < level < np.nanmax(values[np.isfinite(values)]):
            axes.contour(shelves, y, values, levels=[level], colors=colour, linestyles=style, linewidths=1.8)
            axes.plot([], [], color=colour, linestyle=style, label=label)
    axes.axhline(low, color="tab:blue", linestyle=":", label=f"pump and condenser, {low:.0f} mTorr")
    axes.plot(present.shelf, present.pressure / MILLITORR, "o", color="k", markerfacecolor="w", label="recipe")
    axes.plot(best.shelf, best.pressure / MILLITORR, "*", color="k", markersize=13, label="optimum")
    axes.set(xlabel="shelf, degC", ylabel="chamber pressure, mTorr", title="primary drying: time of centre vials")
    axes.set_xlim(shelves[0], shelves[-1])
    axes.set_ylim(y[0], y[-1])
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(0.0, -0.14), ncols=2, frameon=False)
    return figure


def _axes(task: Problem, present: Judgement, best: Judgement) -> tuple[Floats, Floats]:
    """A window around recipe and optimum, within what the machine reaches."""
    shelf, pressure = task.limits.shelf, task.limits.pressure
    cold = max(min(present.shelf, best.shelf) - 8.0, shelf[0])
    warm = min(max(present.shelf, best.shelf) + 12.0, shelf[1])
    least = max(0.7 * pressure[0], 1.0)
    most = min(max(2.5 * max(present.pressure, best.pressure), 3.0 * least), pressure[1])
    return np.linspace(cold, warm, POINTS), np.linspace(least, most, POINTS)


def _field(seen: list[list[Judgement]], read: Callable[[Judgement], float]) -> Floats:
    """One number of every judgement; not a number where nothing dries."""
    return np.array([[read(one) if math.isfinite(one.duration) else math.nan for one in row] for row in seen])


def _levels(hours: Floats) -> list[float]:
    """Round numbers through the range."""
    finite = hours[np.isfinite(hours)]
    candidates = (5, 10, 15, 20, 25, 30, 35, 40, 50, 60, 80, 100, 150, 200, 300, 500)
    inner = [float(c) for c in candidates if finite.size and finite.min() < c < finite.max()]
    return inner or [float(np.median(finite)) if finite.size else 1.0]
