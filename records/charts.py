"""The charts of a batch record, one function a unit procedure; each gives SVG text, or "" when there is no data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from records import present
from records.model import BalanceRow, Finding, PhaseRecord, UnitRecord
from records.plots import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Window,
    bands,
    broken,
    draw,
    legend,
    panels,
    style,
    svg,
    thinned,
)  # fmt: skip
from records.tags import tag
from records.telemetry import Array, TelemetryReader
from vesiflow.quantities import convert

_BEFORE, _AFTER = 1800.0, 1800.0
_POOL = "#d6ecdf"


def trends(unit: UnitRecord, reader: TelemetryReader) -> str:
    """The trend chart of a TFF or freeze-drying unit procedure."""
    window = _window(unit)
    if window is None or unit.unit not in _TRENDS:
        return ""
    with style():
        figure = _TRENDS[unit.unit](unit, reader, window)
    return svg(figure, f"u{unit.number}-trend", f"Trends of {unit.name}") if figure else ""


def chromatogram(unit: UnitRecord, reader: TelemetryReader) -> str:
    """UV and conductivity against volume, the pool shaded; below, the collected stretch with its tubes."""
    elute = next((phase for phase in unit.phases if phase.kind == "sec.elute" and phase.ended), None)
    if elute is None or elute.started is None or elute.ended is None:
        return ""
    start, end = elute.started.timestamp(), elute.ended.timestamp()
    t, uv = reader.series("sec.uv", start, end)
    at, volume = reader.series("sec.volume", start, end)
    if t.size < 2 or at.size < 2:
        return ""
    with style():
        figure, (whole, tubes) = panels([2.6, 1.9], shared=False, top=0.1)
        x, y = np.interp(t, at, volume) * 1e6, uv * 1e3
        for axes in (whole, tubes):
            axes.plot(*thinned(x, y), color=BLUE)
            axes.set_ylabel("UV 280 nm, mAU", color=BLUE)
            axes.set_xlabel("mL since injection")
        whole.set_xlim(0, float(volume.max()) * 1e6)
        whole.set_ylim(bottom=min(0.0, float(np.nanmin(y))))
        _conductivity(whole, reader, (start, end), at, volume)
        _fractions((whole, tubes), elute, _pooled(unit), x, y)
    return svg(figure, f"u{unit.number}-uv", f"Chromatogram of {unit.name}")


def pulses(unit: UnitRecord) -> str:
    """Voltage and time constant of every column against set value and limits."""
    phase = next((item for item in unit.phases if item.kind == "electroporation.pulse" and item.results), None)
    if phase is None:
        return ""
    voltages, taus = (_columns(phase, name) for name in ("voltage", "time constant"))
    if not voltages:
        return ""
    pulse = phase.params.get("pulse", {})
    wanted, share = float(pulse.get("voltage", 0.0)), float(phase.params.get("voltage_tolerance", 0.0))
    low, high = (1e3 * float(phase.params.get(f"time_constant_{end}", 0.0)) for end in ("min", "max"))
    with style():
        figure, (top, bottom) = panels([1.9, 1.9], top=0.26)
        _dots(top, voltages, (wanted * (1 - share), wanted * (1 + share)), "V", wanted)
        _dots(bottom, {column: 1e3 * tau for column, tau in taus.items()}, (low, high), "ms", None)
        top.set_title("pulse voltage", loc="left", fontsize=9)
        bottom.set_title("time constant", loc="left", fontsize=9)
        bottom.set_xlabel("plate column")
        bottom.set_xticks(sorted(voltages))
    return svg(figure, f"u{unit.number}-pulse", f"Pulses of {unit.name}")


def waterfall(rows: Sequence[BalanceRow]) -> str:
    """Particles at every point of the batch and what was lost on the way."""
    counted = [row for row in rows if row.particles is not None]
    if len(counted) < 2:
        return ""
    with style():
        figure, (axes,) = panels([3.0], top=0.2)
        power = int(np.floor(np.log10(max(row.particles or 0.0 for row in counted))))
        before = 0.0
        for place, row in enumerate(counted):
            value = (row.particles or 0.0) / 10**power
            axes.bar(place, value, color=BLUE if place else MUTED, width=0.62)
            if place and before > value:
                axes.bar(place, before - value, bottom=value, color="#f6d9c4", width=0.62, linewidth=0)
            note = present.percent(row.step_yield) if place else ""
            axes.annotate(note, (place, max(value, before)), ha="center", va="bottom", fontsize=8, color=ORANGE)
            axes.annotate(
                present.figure(row.particles, 3),
                (place, value / 2),
                ha="center",
                va="center",
                fontsize=7.5,
                color="white",
            )
            before = value
        axes.set_xticks(range(len(counted)), [row.point for row in counted])
        axes.set_ylabel(f"particles, 10{present.superscript(power)}")
        axes.grid(axis="x", visible=False)
    return svg(figure, "balance", "Particles from feed to vial")


def around(finding: Finding, reader: TelemetryReader, name: str) -> str:
    """The curve of the finding's tag from before to after it, with its limit; "" when there is none."""
    at = finding.utc.timestamp()
    t, values = reader.series(finding.tag, at - _BEFORE, at + _AFTER)
    if t.size < 2:
        return ""
    shown = tag(finding.tag)
    with style():
        figure, (axes,) = panels([0.95], top=0.24)
        t, values = broken(*thinned(t, values))
        dots = "." if t.size < 60 else ""
        axes.plot((t - at) / 60, [shown.to_display(value) for value in values], "-", marker=dots, color=BLUE)
        if finding.limit is not None:
            axes.axhline(shown.to_display(finding.limit), color=RED, linestyle="--", linewidth=0.9)
        axes.axvline(0.0, color=ORANGE, linewidth=0.9)
        axes.set_title(f"{shown.label}, {shown.shown_unit}; dashed: limit", loc="left", fontsize=8, color=MUTED)
        axes.set_xlabel("minutes from the finding", fontsize=8)
    return svg(figure, name, f"{shown.label} around the finding")


def _window(unit: UnitRecord) -> Window | None:
    if unit.started is None:
        return None
    ended = unit.ended or max((p.ended or p.started or unit.started for p in unit.phases), default=unit.started)
    return Window(unit.started.timestamp(), max(ended.timestamp(), unit.started.timestamp() + 1))


def _spans(unit: UnitRecord, window: Window) -> list[tuple[float, float, str]]:
    return [
        (
            (phase.started.timestamp() - window.start) / 3600,
            (phase.ended.timestamp() - window.start) / 3600,
            phase.operation.replace("_", " "),
        )
        for phase in unit.phases
        if phase.started and phase.ended
    ]


def _tff(unit: UnitRecord, reader: TelemetryReader, window: Window) -> Figure | None:
    if not reader.series("tff.tmp", window.start, window.end)[0].size:
        return None
    figure, axes = panels([1.7, 1.5, 1.5, 1.5], window)
    draw(axes[0], reader, window, [("tff.tmp", BLUE, "-"), ("tff.tmp_setpoint", INK, "--")])
    draw(
        axes[1], reader, window,
        [("tff.feed_pressure", ORANGE, "-"), ("tff.retentate_pressure", GREEN, "-"),
         ("tff.permeate_pressure", PURPLE, "-")],
    )  # fmt: skip
    draw(axes[2], reader, window, [("tff.flux", BLUE, "-")])
    draw(axes[3], reader, window, [("tff.retentate_mass", GREEN, "-"), ("tff.permeate_mass", SKY, "-")])
    shear = axes[2].twinx()
    draw(shear, reader, window, [("tff.shear", RED, "-")])
    shear.set_ylabel("s⁻¹", color=RED)
    shear.set_ylim(bottom=0)
    shear.grid(visible=False)
    if shear.get_legend():
        legend(shear, right=True)
    bands(axes, _spans(unit, window))
    return figure


def _freeze_drying(unit: UnitRecord, reader: TelemetryReader, window: Window) -> Figure | None:
    if not reader.series("lyophilization.shelf", window.start, window.end)[0].size:
        return None
    figure, axes = panels([2.3, 1.9, 1.4], window)
    name = "lyophilization."
    draw(
        axes[0], reader, window,
        [(f"{name}shelf", INK, "-"), (f"{name}shelf_setpoint", MUTED, "--"), (f"{name}product_centre", BLUE, "-"),
         (f"{name}product_edge", SKY, "-"), (f"{name}condenser", PURPLE, ":")],
    )  # fmt: skip
    draw(
        axes[1], reader, window,
        [(f"{name}capacitance", GREEN, "-"), (f"{name}pirani", ORANGE, "-"), (f"{name}pressure_setpoint", INK, "--")],
    )  # fmt: skip
    axes[1].set_yscale("log")
    draw(axes[2], reader, window, [(f"{name}ratio", RED, "-")], unit=False)
    axes[2].set_ylabel("ratio")
    _end_point(axes[2], unit)
    bands(axes, _spans(unit, window))
    return figure


_TRENDS: Any = {"tff": _tff, "lyophilization": _freeze_drying}


def _end_point(axes: Any, unit: UnitRecord) -> None:
    """The ratio at which primary drying may end."""
    phase = next((item for item in unit.phases if item.kind == "lyophilization.primary_drying"), None)
    if phase is not None and "ratio" in phase.params:
        axes.axhline(float(phase.params["ratio"]), color=INK, linestyle="--", linewidth=0.8)
        axes.set_ylim(0.9, 1.8)


def _conductivity(axes: Any, reader: TelemetryReader, span: tuple[float, float], at: Any, volume: Any) -> None:
    t, values = reader.series("sec.conductivity", *span)
    if t.size < 2:
        return
    other = axes.twinx()
    x, y = thinned(np.interp(t, at, volume) * 1e6, values * convert(1.0, "S/m", "mS/cm"))
    other.plot(x, y, color=ORANGE, linewidth=1.0, label="conductivity")
    other.set_ylabel("mS/cm", color=ORANGE)
    other.set_ylim(0, max(1.3 * float(np.nanmax(y)), 1.0))
    other.grid(visible=False)


def _pooled(unit: UnitRecord) -> tuple[int, int]:
    for phase in unit.phases:
        if "first tube" in phase.results and "last tube" in phase.results:
            return int(phase.results["first tube"][0]), int(phase.results["last tube"][0])
    return 0, -1


def _fractions(pair: tuple[Any, Any], elute: PhaseRecord, pooled: tuple[int, int], x: Array, y: Array) -> None:
    """Tubes of the collected stretch in the lower panel, the pooled ones shaded in both."""
    whole, tubes = pair
    first, size = (1e6 * float(elute.params.get(name, 0.0)) for name in ("collect_from", "fraction_volume"))
    count = int(elute.results.get("fractions", (0.0, ""))[0])
    if not count or not size:
        return
    for number in range(1, count + 1):
        left, inside = first + (number - 1) * size, pooled[0] <= number <= pooled[1]
        tubes.axvline(left, color=MUTED, linewidth=0.5, ymax=0.1)
        tubes.annotate(
            str(number), (left + size / 2, 0.02), xycoords=("data", "axes fraction"), ha="center", fontsize=7.5,
            color=GREEN if inside else MUTED,
        )  # fmt: skip
    tubes.set_xlim(first - size, first + (count + 1) * size)
    shown = y[(x >= first - size) & (x <= first + (count + 1) * size)]
    if shown.size:
        tubes.set_ylim(-0.15 * float(np.nanmax(shown)), 1.15 * float(np.nanmax(shown)))
    if pooled[0] <= pooled[1]:
        middle = first + size * (pooled[0] + pooled[1] - 1) / 2
        for axes, place in ((whole, 0.94), (tubes, 0.91)):
            left, right = (first + size * edge for edge in (pooled[0] - 1, pooled[1]))
            axes.axvspan(left, right, color=_POOL, zorder=0, linewidth=0)
            axes.annotate(
                "pool", (middle, place), xycoords=("data", "axes fraction"), ha="center", color=GREEN, fontsize=9
            )


def _columns(phase: PhaseRecord, quantity: str) -> dict[int, float]:
    found = {}
    for name, (value, _unit) in phase.results.items():
        if name.startswith("column ") and name.endswith(f" {quantity}"):
            found[int(name.split()[1])] = value
    return found


def _dots(axes: Any, values: dict[int, float], limits: tuple[float, float], unit: str, wanted: float | None) -> None:
    axes.axhspan(*limits, color="#e7f2ec", zorder=0, linewidth=0)
    if wanted is not None:
        axes.axhline(wanted, color=INK, linestyle="--", linewidth=0.8)
    for column, value in values.items():
        good = limits[0] <= value <= limits[1]
        axes.plot([column], [value], "o" if good else "X", color=BLUE if good else RED, markersize=6 if good else 8)
    axes.set_ylabel(unit)
    axes.margins(y=0.25)
