"""Places and tips of a PyLabRobot deck, looked up once: the deck of a line does not change while it is used.

PyLabRobot walks its tree of resources at every question. A plan asks several hundred times, so this keeps what it asks
for: the container behind "plate:A1", where it stands in its column, how many channels fit into it side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

from pylabrobot.liquid_handling.channel_positioning import compute_channel_offsets
from pylabrobot.resources import Container, Deck, ItemizedResource, Resource, TipRack, TipSpot

from devices.drivers.plr_deck import labware, tip_racks, wells_of
from vesiflow.errors import ConfigError

CHANNELS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A container by its deck name. `top` is its brim, uL; a single trough has no row and column.

    `abreast` is how many channels may stand in it at once.
    """

    name: str
    piece: str
    item: Container
    row: str
    column: str
    top: float
    abreast: int


@dataclass(frozen=True, slots=True, eq=False)
class Rack:
    """A rack of tips that hold `size` uL: its places by name ("tips_50_1:A1"), and column by column."""

    name: str
    item: TipRack
    size: float
    spots: tuple[tuple[str, TipSpot], ...]
    columns: tuple[tuple[TipSpot, ...], ...]


class Places:
    """What stands on `deck`."""

    def __init__(self, deck: Deck) -> None:
        self.pieces: dict[str, Resource] = labware(deck)
        self.racks = tuple(_rack(rack) for rack in tip_racks(deck))
        """Tip racks in the order of their names."""
        self._found = {name: _places(name, piece) for name, piece in self.pieces.items()}

    def at(self, place: str) -> Place:
        """The container at "labware:A1"; ConfigError when the deck has no such place."""
        name, _, well = place.partition(":")
        found = self._found.get(name)
        if found is None:
            known = ", ".join(sorted(self.pieces))
            raise ConfigError("no such labware", value=repr(place[:60]), bounds=known, remedy="mend it")
        if well not in found:
            raise ConfigError("no such well", value=repr(place[:60]), remedy="see `vesiflow deck show`")
        return found[well]

    def of(self, piece: str) -> tuple[Place, ...]:
        """Every container of a labware."""
        return tuple(self._found[piece].values())

    @staticmethod
    def well(spot: TipSpot) -> str:
        """ "A1"."""
        return wells_of(spot.parent)[1][id(spot)]

    def take_away(self, tips: frozenset[str]) -> None:
        """Make the trackers say that exactly these tips ("tips_50_1:A1") are gone."""
        for rack in self.racks:
            for name, spot in rack.spots:
                gone = name in tips
                if gone is spot.has_tip():
                    rack.item.set_tip_state({self.well(spot): not gone})


def _places(piece: str, resource: Resource) -> dict[str, Place]:
    if isinstance(resource, Container):
        return {"A1": Place(f"{piece}:A1", piece, resource, "", "", float(resource.max_volume), _abreast(resource))}
    wells = wells_of(resource)[0].items() if isinstance(resource, ItemizedResource) else ()
    return {
        well: Place(f"{piece}:{well}", piece, item, well[:1], well[1:], float(item.max_volume), 1)
        for well, item in wells
        if isinstance(item, Container)
    }


def _abreast(trough: Container) -> int:
    """As many channels as fit into it, at least one."""
    for count in range(CHANNELS, 1, -1):
        try:
            compute_channel_offsets(trough, num_channels=count, spread="wide")
        except Exception:  # the library raises several kinds for "too narrow"
            continue
        return count
    return 1


def _rack(rack: TipRack) -> Rack:
    columns: dict[str, list[TipSpot]] = {}
    for well, spot in wells_of(rack)[0].items():
        columns.setdefault(well[1:], []).append(spot)
    size = float(next(iter(columns.values()))[0].make_tip().maximal_volume)
    spots = tuple((f"{rack.name}:{well}", spot) for well, spot in wells_of(rack)[0].items())
    return Rack(rack.name, rack, size, spots, tuple(tuple(column) for column in columns.values()))
