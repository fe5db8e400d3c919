"""A picture of a deck: labware where it stands, wells filled by their volume, what nobody knows hatched."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from devices.deck import DeckState, Labware, Layout
from records.plots import style, svg
from vesiflow.errors import ConfigError

LIQUID, EMPTY, UNKNOWN, TIP = "#2b6cb0", "#ffffff", "#dd6b20", "#718096"
WIDTH = 9.0  # inch
NARROW = 60.0  # mm, labware whose name would run into its neighbour stands inside
LEGEND = "blue: filled, by what may be put in    white: empty    orange, hatched: nobody knows    grey: tip there"
SMALLEST = 1.2  # mm, a radius that can still be seen


def draw(layout: Layout, state: DeckState) -> Figure:
    """The deck with the volumes of `state`; lengths on the axes are mm."""
    left, low, right, high = _extent(layout)
    figure = Figure(figsize=(WIDTH, max(WIDTH * (high - low) / (right - left), 2.0)))
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.92))
    axes.set(xlim=(left, right), ylim=(low, high), aspect="equal", title=f"deck {layout.name}")
    axes.axis("off")
    per_mm = WIDTH * 0.96 * 72.0 / (right - left)  # points
    shared = Counter(piece.corner for piece in layout.labware.values())
    for piece in layout.labware.values():
        axes.add_patch(_box(piece))
    for piece in layout.labware.values():
        alone = shared[piece.corner] == 1
        if len(piece.wells) == 1 and alone:
            _trough(axes, piece, state)
        else:
            _wells(axes, piece, state, per_mm)
        _label(axes, piece, state, alone)
    axes.text(left + 6, low + 1, LEGEND, fontsize=6, color="#4a5568")
    return figure


def picture(layout: Layout, state: DeckState) -> str:
    """The picture as SVG for use inside HTML."""
    with style():
        return svg(draw(layout, state), f"deck-{layout.name}", f"deck {layout.name}")


def write(layout: Layout, state: DeckState, path: Path) -> None:
    """The picture as a .png or .svg file; ConfigError for another name or a folder that cannot be written."""
    if path.suffix not in (".png", ".svg"):
        raise ConfigError("a picture is .png or .svg", value=str(path), remedy="choose another name")
    with style():
        figure = draw(layout, state)
        try:
            if path.suffix == ".svg":
                path.write_text(svg(figure, f"deck-{layout.name}", f"deck {layout.name}"), encoding="utf-8")
            else:
                figure.savefig(path, format="png", dpi=150, metadata={"Software": None})
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(reason, device=str(path), action="write", remedy="choose another folder") from error


def _extent(layout: Layout) -> tuple[float, float, float, float]:
    """The box around everything, mm."""
    pieces = layout.labware.values()
    return (
        min(piece.corner[0] for piece in pieces) * 1e3 - 5,
        min(piece.corner[1] for piece in pieces) * 1e3 - 9,
        max(piece.corner[0] + piece.size[0] for piece in pieces) * 1e3 + 5,
        max(piece.corner[1] + piece.size[1] for piece in pieces) * 1e3 + 12,
    )


def _box(piece: Labware) -> Rectangle:
    x, y = piece.corner[0] * 1e3, piece.corner[1] * 1e3
    return Rectangle((x, y), piece.size[0] * 1e3, piece.size[1] * 1e3, facecolor="#f7fafc", edgecolor="#4a5568")


def _trough(axes: Any, piece: Labware, state: DeckState) -> None:
    """One container, filled from below."""
    share, unknown = _share(piece, piece.wells[0], state)
    width, height = piece.size[0] * 1e3 - 4, piece.size[1] * 1e3 - 4
    corner = piece.corner[0] * 1e3 + 2, piece.corner[1] * 1e3 + 2
    axes.add_patch(Rectangle(corner, width, height * share, facecolor=(*_rgb(LIQUID), 0.6), edgecolor="none"))
    axes.add_patch(Rectangle(corner, width, height, **_outline(unknown)))


def _wells(axes: Any, piece: Labware, state: DeckState, per_mm: float) -> None:
    """Wells that look alike are one series of markers: a thousand single circles make a picture of a megabyte."""
    radius = max(min(3.6, 0.42 * _pitch(piece)), SMALLEST)
    alike: defaultdict[tuple[float, ...] | str, list[tuple[float, float]]] = defaultdict(list)
    for well, (cx, cy) in piece.centres.items():
        centre = cx * 1e3, cy * 1e3
        share, unknown = _share(piece, well, state)
        if piece.tip_volume:
            alike[EMPTY if f"{piece.name}:{well}" in state.used_tips else TIP].append(centre)
        elif unknown:
            axes.add_patch(Circle(centre, radius, **_outline(unknown)))
        else:
            # Any liquid is seen: an almost empty well is pale, not white.
            shade = 0.0 if share <= 0.0 else round(0.2 + 0.8 * share, 2)
            alike[(*_rgb(LIQUID), shade)].append(centre)
    edge = {"markeredgecolor": "#a0aec0" if piece.tip_volume else "#4a5568", "markeredgewidth": 0.4}
    for face, centres in alike.items():
        axes.plot(*zip(*centres, strict=True), "o", markersize=2 * radius * per_mm, markerfacecolor=face, **edge)


def _share(piece: Labware, well: str, state: DeckState) -> tuple[float, bool]:
    """(how full, 0..1, of what may be put in; whether nobody knows)."""
    place = f"{piece.name}:{well}"
    share = min(state.volumes.get(place, 0.0) / piece.fill, 1.0) if piece.fill else 0.0
    return share, place in state.unknown


def _outline(unknown: bool) -> dict[str, Any]:
    if unknown:
        return {"facecolor": EMPTY, "edgecolor": UNKNOWN, "hatch": "////", "linewidth": 0.6}
    return {"facecolor": "none", "edgecolor": "#4a5568", "linewidth": 0.4}


def _label(axes: Any, piece: Labware, state: DeckState, alone: bool) -> None:
    x, y = piece.corner[0] * 1e3, piece.corner[1] * 1e3
    above, title = y + piece.size[1] * 1e3, _title(piece, state)
    if not alone:
        cx, cy = next(iter(piece.centres.values()))
        # Slanted, so that the names of neighbours do not run into each other.
        axes.text(cx * 1e3 + 3, cy * 1e3 + 3, title, fontsize=5.5, rotation=35, rotation_mode="anchor")
    elif piece.size[0] * 1e3 < NARROW:
        axes.text(x + 3, above - 3, title.replace("  ", "\n"), fontsize=5.5, va="top")
    else:
        axes.text(x + 1, above + 0.4, title, fontsize=5.5, va="bottom")


def _pitch(piece: Labware) -> float:
    """The smaller distance between neighbouring wells, mm."""
    if len(piece.wells) == 1:
        return 9.0
    first, other = piece.centres[piece.wells[0]], piece.centres[piece.wells[1]]
    return max(abs(first[0] - other[0]), abs(first[1] - other[1])) * 1e3


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _title(piece: Labware, state: DeckState) -> str:
    if piece.tip_volume:
        left = sum(f"{piece.name}:{well}" not in state.used_tips for well in piece.wells)
        return f"{piece.name} {left}/{len(piece.wells)}"
    held = [state.volumes[place] for well in piece.wells if state.volumes.get(place := f"{piece.name}:{well}")]
    unknown = sum(f"{piece.name}:{well}" in state.unknown for well in piece.wells)
    words = [piece.name]
    if held:
        words.append(f"{sum(held) * 1e6:.3g} mL" + (f" in {len(held)}" if len(piece.wells) > 1 else ""))
    words += [f"{unknown} unknown" if len(piece.wells) > 1 else "unknown"] if unknown else []
    words += ["(provisional)"] if piece.provisional else []
    return "  ".join(words)
