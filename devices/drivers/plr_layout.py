"""A PyLabRobot deck as plain data: the layout that plans, bookkeeping and pictures use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pylabrobot.resources import Container, Coordinate, Deck, ItemizedResource, TipRack

from devices.deck import Labware, Layout, Pipette
from devices.drivers.plr_deck import labware, tip_racks, wells_of
from devices.labware.definition import definitions

CHANNELS = 8
NONE: Mapping[str, str] = MappingProxyType({})
SMALLEST = 0.5  # uL, what a disposable 50 uL tip still dispenses


def layout(
    deck: Deck, bottles: Sequence[str], limits: Mapping[str, float], dead: float, barcodes: Mapping[str, str] = NONE
) -> Layout:
    """Everything on `deck`; `limits` uL by labware name, `dead` m^3 in a bottle. One order covers a column of eight."""
    pieces = {
        name: replace(_piece(name, one, name in bottles, limits, dead), barcode=barcodes.get(name, ""))
        for name, one in labware(deck).items()
    }
    racks = {rack.name: _rack(rack) for rack in tip_racks(deck)}
    largest = max((rack.tip_volume for rack in racks.values()), default=1e-6)
    head = Pipette("channels", CHANNELS, SMALLEST / 1e9, largest)
    return Layout(deck.name, {**pieces, **racks}, (head,), CHANNELS)


def _piece(name: str, piece: Any, bottle: bool, limits: Mapping[str, float], dead: float) -> Labware:
    wells = _wells(piece)
    capacity = min(float(well.max_volume) for well in wells.values()) / 1e9
    rows = len({well[:1] for well in wells})
    own = definitions().get(str(piece.model))
    fill = min(capacity, limits.get(name, float("inf")) / 1e9, own.fill if own else capacity)
    return Labware(
        name, str(piece.model or piece.category), tuple(wells), rows, capacity, fill, dead if bottle else 0.0, bottle,
        (own is not None and own.provisional) or "btx" in str(piece.model),
        corner=_xy(piece.get_absolute_location()), size=_size(piece),
        centres={well: _centre(item) for well, item in wells.items()},
    )  # fmt: skip


def _rack(rack: TipRack) -> Labware:
    spots = wells_of(rack)[0]
    volume = float(next(iter(spots.values())).make_tip().maximal_volume)
    return Labware(
        rack.name, str(rack.model), tuple(spots), 8, volume / 1e9, volume / 1e9, tip_volume=volume / 1e9,
        corner=_xy(rack.get_absolute_location()), size=_size(rack),
        centres={name: _centre(spot) for name, spot in spots.items()},
    )  # fmt: skip


def _wells(piece: Any) -> dict[str, Container]:
    if isinstance(piece, ItemizedResource):
        return wells_of(piece)[0]
    return {"A1": piece}


def _centre(item: Any) -> tuple[float, float]:
    corner = item.get_absolute_location()
    return (corner.x + item.get_size_x() / 2) / 1e3, (corner.y + item.get_size_y() / 2) / 1e3


def _xy(place: Coordinate) -> tuple[float, float]:
    return place.x / 1e3, place.y / 1e3


def _size(piece: Any) -> tuple[float, float]:
    return piece.get_size_x() / 1e3, piece.get_size_y() / 1e3
