"""What stood on a deck when a phase had pipetted: written into the journal, kept in the record, drawn in the report.

Plain data that needs no deck file any more. Lengths m, volumes m^3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from devices.deck import DeckState, Labware, Layout

KIND = "deck.after"


@dataclass(frozen=True, slots=True)
class Piece:
    """A labware: its box, and its wells by `centres` of the first and the last well of a rectangular grid."""

    name: str
    model: str
    wells: tuple[str, ...]
    rows: int
    fill: float
    tip_volume: float
    provisional: bool
    corner: tuple[float, float]
    size: tuple[float, float]
    centres: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class DeckAfter:
    """The deck of liquid handler `role` after `phase`; what is neither in `volumes` nor `unknown` is empty."""

    phase: str
    role: str
    deck: str
    pieces: tuple[Piece, ...]
    volumes: Mapping[str, float]
    unknown: tuple[str, ...]
    used_tips: tuple[str, ...]

    @property
    def layout(self) -> Layout:
        """As the picture wants it."""
        return Layout(self.deck, {piece.name: _labware(piece) for piece in self.pieces}, (), 0)

    @property
    def state(self) -> DeckState:
        """As the picture wants it."""
        return DeckState(self.volumes, frozenset(self.unknown), frozenset(self.used_tips))


def entry(role: str, layout: Layout, state: DeckState) -> dict[str, Any]:
    """The data of a journal entry: only what stands on the deck now."""

    def here(place: str) -> bool:
        return place.partition(":")[0] in layout.labware

    pieces = [_piece(piece) for piece in layout.labware.values()]
    return {
        "role": role,
        "deck": layout.name,
        "pieces": [{field.name: getattr(piece, field.name) for field in fields(Piece)} for piece in pieces],
        "volumes": {place: volume for place, volume in sorted(state.volumes.items()) if volume and here(place)},
        "unknown": sorted(filter(here, state.unknown)),
        "used_tips": sorted(filter(here, state.used_tips)),
    }


def last_ones(told: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[DeckAfter, ...]:
    """The last deck of every liquid handler's role from (phase, data) of entries in order."""
    last = {str(data["role"]): (phase, data) for phase, data in told}
    return tuple(_deck(phase, data) for phase, data in last.values())


def _deck(phase: str, data: Mapping[str, Any]) -> DeckAfter:
    pieces = tuple(
        Piece(**{
            **piece, "wells": tuple(piece["wells"]), "corner": tuple(piece["corner"]), "size": tuple(piece["size"]),
            "centres": tuple(tuple(centre) for centre in piece["centres"]),
        })
        for piece in data["pieces"]
    )  # fmt: skip
    return DeckAfter(phase, str(data["role"]), str(data["deck"]), pieces, dict(data["volumes"]),
                     tuple(data["unknown"]), tuple(data["used_tips"]))  # fmt: skip


def _piece(piece: Labware) -> Piece:
    first, last = piece.centres[piece.wells[0]], piece.centres[piece.wells[-1]]
    return Piece(
        piece.name, piece.model, piece.wells, piece.rows, piece.fill, piece.tip_volume, piece.provisional,
        _short(piece.corner), _short(piece.size), (_short(first), _short(last)),
    )  # fmt: skip


def _short(point: tuple[float, float]) -> tuple[float, float]:
    return round(point[0], 5), round(point[1], 5)


def _labware(piece: Piece) -> Labware:
    return Labware(
        piece.name, piece.model, piece.wells, piece.rows, piece.fill, piece.fill, provisional=piece.provisional,
        tip_volume=piece.tip_volume, corner=piece.corner, size=piece.size, centres=_centres(piece),
    )  # fmt: skip


def _centres(piece: Piece) -> dict[str, tuple[float, float]]:
    """Wells stand column by column on a grid between the first and the last."""
    (x0, y0), (x1, y1) = piece.centres
    columns = max(len(piece.wells) // piece.rows - 1, 1)
    rows = max(piece.rows - 1, 1)
    return {
        well: (
            x0 + (x1 - x0) * (index // piece.rows) / columns,
            y0 + (y1 - y0) * (index % piece.rows) / rows,
        )
        for index, well in enumerate(piece.wells)
    }
