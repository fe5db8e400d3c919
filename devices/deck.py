"""What stands on a liquid handler's deck, as plain data: labware, tips and pipettes by the names of the deck file.

Every liquid handler gives its `Layout`; plans, bookkeeping and pictures need nothing else. Volumes m^3, lengths m from
the front left corner of the deck. A place is "labware:A1".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count as count_from
from itertools import takewhile

from vesiflow.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Labware:
    """A plate, rack or trough, or a rack of tips (`tip_volume` > 0).

    `capacity` is to the brim of a well, `fill` what may be put in, `dead` what no tip reaches. `bottle` is something
    people put down and exchange; `provisional` geometry nobody has measured yet. `barcode` is the form ("BTX-*") of the
    codes that may stand here, "" for any.
    """

    name: str
    model: str
    wells: tuple[str, ...]
    rows: int
    capacity: float
    fill: float
    dead: float = 0.0
    bottle: bool = False
    provisional: bool = False
    barcode: str = ""
    tip_volume: float = 0.0
    corner: tuple[float, float] = (0.0, 0.0)
    size: tuple[float, float] = (0.0, 0.0)
    centres: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pipette:
    """`channels` move together, each takes between `smallest` and `largest` at once."""

    name: str
    channels: int
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A deck. `group` is how many transfers one order of the handler covers, 0 for a whole plan."""

    name: str
    labware: Mapping[str, Labware]
    pipettes: tuple[Pipette, ...]
    group: int

    def at(self, place: str) -> Labware:
        """The labware of "labware:A1"; ConfigError when the deck has no such place."""
        name, colon, well = place.partition(":")
        found = self.labware.get(name)
        if not colon or found is None or found.tip_volume:
            names = ", ".join(sorted(name for name, piece in self.labware.items() if not piece.tip_volume))
            raise ConfigError("no such labware on the deck", value=repr(place[:60]), bounds=names, remedy="mend it")
        if well not in found.wells:
            raise ConfigError("no such well", value=repr(place[:60]), bounds=_wells(found), remedy="mend it")
        return found

    def wells(self, name: str, count: int) -> tuple[str, ...]:
        """The first `count` places of `name`, column by column; ConfigError when the deck has fewer.

        `name_2`, `name_3` ... go on where `name` ends: a small deck holds many vials in several racks.
        """
        racks = [self.labware[rack] for rack in self.racks(name)]
        if not racks:
            raise ConfigError("no such labware on the deck", value=repr(name[:60]), remedy="add it to the deck file")
        places = [f"{rack.name}:{well}" for rack in racks for well in rack.wells]
        if count > len(places):
            raise ConfigError(
                f"{name} has too few places", value=count, bounds=str(len(places)),
                remedy=f"use a larger rack, or add {name}_{len(racks) + 1} to the deck",
            )  # fmt: skip
        return tuple(places[:count])

    def racks(self, name: str) -> tuple[str, ...]:
        """`name`, `name_2` ... as far as the deck has them."""
        numbered = (name if number == 1 else f"{name}_{number}" for number in count_from(1))
        return tuple(takewhile(lambda rack: rack in self.labware, numbered))

    @property
    def smallest(self) -> float:
        """The smallest volume any pipette takes, m^3."""
        return min(pipette.smallest for pipette in self.pipettes)

    @property
    def largest(self) -> float:
        """The largest volume any pipette takes at once, m^3."""
        return max(pipette.largest for pipette in self.pipettes)


@dataclass(frozen=True, slots=True)
class DeckState:
    """What the books say: volumes (m^3) by place, places nobody is sure of, tips that are gone ("tips_300_1:A1").

    A place that is in neither `volumes` nor `unknown` has never been filled: it is empty.
    """

    volumes: Mapping[str, float] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    used_tips: frozenset[str] = frozenset()


def _wells(piece: Labware) -> str:
    return piece.wells[0] if len(piece.wells) == 1 else f"{piece.wells[0]}..{piece.wells[-1]}"
