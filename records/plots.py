"""Figures as SVG text that is the same every time: no pyplot, no date, ids from the content.

Curves are thinned to at most 1500 points by the smallest and largest value of each stretch, so that no peak is lost.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from records.tags import tag
from records.telemetry import Array, TelemetryReader

MOST_POINTS = 1500
INK, MUTED, GRID = "#1f2933", "#6b7785", "#e4e8ed"
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#1f5fa8", "#d9730d", "#2b8a57", "#c0362c", "#7a4fa3", "#58a6d6"
WIDTH = 9.2
_TOP, _BOTTOM = 0.46, 0.44

_STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "vesiflow", "font.size": 9, "font.family": "DejaVu Sans",
    "axes.edgecolor": MUTED, "axes.labelcolor": INK, "axes.linewidth": 0.7, "axes.grid": True, "grid.color": GRID,
    "grid.linewidth": 0.7, "axes.axisbelow": True, "xtick.color": MUTED, "ytick.color": MUTED, "text.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 8,
    "lines.linewidth": 1.3, "path.simplify": True, "path.simplify_threshold": 0.2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, s since 1970; curves are drawn in hours since `start`."""

    start: float
    end: float

    def hours(self, t: Array) -> Array:
        """Times as hours since the start."""
        return (t - self.start) / 3600


@contextmanager
def style() -> Iterator[None]:
    """The look of all figures; everything that draws must run inside."""
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        yield


def svg(figure: Figure, name: str, description: str) -> str:
    """`figure` as SVG for use inside HTML; `name` makes its ids unique in the page."""
    out = io.StringIO()
    with style():
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r' id="([^"]+)"', rf' id="{name}-\1"', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\1{name}-", text)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    return text.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1).strip()


def thinned(t: Array, values: Array, most: int = MOST_POINTS) -> tuple[Array, Array]:
    """At most `most` points that keep the smallest and largest value of every stretch, and both ends."""
    if t.size <= most:
        return t, values
    stretch = -(-2 * t.size // (most - 2))
    rows = -(-t.size // stretch)
    table = np.full(rows * stretch, np.nan)
    table[: t.size] = values
    table = table.reshape(rows, stretch)
    starts = np.arange(rows) * stretch
    lowest = starts + np.where(np.isnan(table), np.inf, table).argmin(axis=1)
    highest = starts + np.where(np.isnan(table), -np.inf, table).argmax(axis=1)
    chosen = np.unique(np.concatenate([[0, t.size - 1], lowest, highest]))
    return t[chosen], values[chosen]


def broken(t: Array, values: Array) -> tuple[Array, Array]:
    """The curve with a gap wherever nothing was measured for long: no line where there is no data."""
    if t.size < 3:
        return t, values
    steps = np.diff(t)
    gaps = np.flatnonzero(steps > max(20 * float(np.median(steps)), 120.0)) + 1
    return np.insert(t, gaps, t[gaps - 1] + 1e-3), np.insert(values, gaps, np.nan)


def curve(reader: TelemetryReader, name: str, window: Window) -> tuple[Array, Array]:
    """A tag's curve in hours since the window's start and display unit, thinned, broken at gaps."""
    t, values = reader.series(name, window.start, window.end)
    shown = tag(name)
    t, values = thinned(t, np.asarray(values * _scale(name) + shown.to_display(0.0)))
    t, values = broken(t, values)
    return window.hours(t), values


def draw(
    axes: Axes, reader: TelemetryReader, window: Window, lines: Sequence[tuple[str, str, str]], unit: bool = True
) -> None:
    """Curves (tag, colour, line style) into `axes`, with legend; the axis is labelled with the first one's unit."""
    drawn = False
    for name, colour, dash in lines:
        hours, values = curve(reader, name, window)
        if hours.size:
            thin = dash != "-"
            axes.plot(hours, values, dash, color=colour, label=tag(name).label, linewidth=1.0 if thin else 1.3)
            drawn = True
    if unit and lines:
        axes.set_ylabel(tag(lines[0][0]).shown_unit or "1")
    if drawn:
        legend(axes)


def legend(axes: Axes, right: bool = False) -> None:
    """The legend above the panel, where it covers no data."""
    axes.legend(
        loc="lower right" if right else "lower left", bbox_to_anchor=(1 if right else 0, 1.0), ncols=5,
        borderaxespad=0.2, handlelength=1.6,
    )  # fmt: skip


def panels(
    heights: Sequence[float], window: Window | None = None, *, shared: bool = True, top: float = _TOP
) -> tuple[Figure, list[Axes]]:
    """A figure of stacked panels (inches each) sharing their x axis, hours of `window` when given.

    Margins are fixed, not fitted: fitting depends on float noise, and the same record must give the same bytes.
    """
    between = 0.34 if shared else 0.62
    total = sum(heights) + between * (len(heights) - 1) + top + _BOTTOM
    figure = Figure(figsize=(WIDTH, total))
    grid = figure.subplots(
        len(heights), 1, sharex=shared, squeeze=False, gridspec_kw={
            "height_ratios": list(heights), "left": 0.068, "right": 0.932, "bottom": _BOTTOM / total,
            "top": 1 - top / total, "hspace": between / (sum(heights) / len(heights)),
        },
    )  # fmt: skip
    axes = [row[0] for row in grid]
    if window is not None:
        axes[-1].set_xlabel("hours since the start of the unit procedure")
        axes[-1].set_xlim(0, max((window.end - window.start) / 3600, 1e-3))
    return figure, axes


def bands(axes: Sequence[Axes], spans: Sequence[tuple[float, float, str]]) -> None:
    """Phases as bands over all panels, named on top where there is room."""
    total = axes[0].get_xlim()[1] - axes[0].get_xlim()[0]
    for index, (start, end, name) in enumerate(spans):
        for panel in axes:
            if index % 2 == 0:
                panel.axvspan(start, end, color="#f2f5f8", zorder=0, linewidth=0)
        if (end - start) / total > 0.012 * len(name):
            axes[0].annotate(
                name, ((start + end) / 2, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 20),
                textcoords="offset points", ha="center", va="bottom",
                fontsize=7.5, color=MUTED,
            )  # fmt: skip


def _scale(name: str) -> float:
    shown = tag(name)
    return shown.to_display(1.0) - shown.to_display(0.0)
