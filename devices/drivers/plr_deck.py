"""Decks for the liquid handler, built from PyLabRobot resources without the network.

`sim` is the reference deck: a Hamilton STAR with tips, the BTX 2 mm electroporation plate, troughs where people put
bottles down (`sample`, `cargo`, `pool`, `buffer`, `bulk`) and a rack of 96 open 2R vials (`vials`).
A path loads a deck that PyLabRobot saved as JSON. Geometry of plate and vial rack is provisional: measure before the
first use on a robot.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pylabrobot.resources import Container, Coordinate, Deck, ItemizedResource, Resource, TipRack
from pylabrobot.resources.btx import btx_96_wellplate_125uL_Fb_2mm
from pylabrobot.resources.hamilton import PLT_CAR_L5AC_A00, TIP_CAR_480_A00, STARDeck
from pylabrobot.resources.hamilton.tip_racks import (
    hamilton_96_tiprack_50uL_filter,
    hamilton_96_tiprack_300uL_filter,
    hamilton_96_tiprack_1000uL_filter,
)
from pylabrobot.resources.hamilton.trough_carriers import Trough_CAR_4R200_A00
from pylabrobot.resources.hamilton.troughs import hamilton_1_trough_200mL_Vb

from devices.drivers.plr_labware import own_labware
from vesiflow.errors import ConfigError

BOTTLES = ("sample", "cargo", "pool", "buffer", "bulk")


def sim_deck() -> Deck:
    """The reference deck."""
    deck = STARDeck(with_teaching_rack=False)
    large = TIP_CAR_480_A00("tip_carrier_1")
    for place in range(5):
        large[place] = hamilton_96_tiprack_1000uL_filter(f"tips_1000_{place + 1}")
    small = TIP_CAR_480_A00("tip_carrier_2")
    for place in range(3):
        small[place] = hamilton_96_tiprack_300uL_filter(f"tips_300_{place + 1}")
    for place in range(2):
        small[3 + place] = hamilton_96_tiprack_50uL_filter(f"tips_50_{place + 1}")
    plates = PLT_CAR_L5AC_A00("plate_carrier")
    plates[0] = btx_96_wellplate_125uL_Fb_2mm("plate")
    deck.assign_child_resource(large, rails=1)
    deck.assign_child_resource(small, rails=7)
    deck.assign_child_resource(plates, rails=13)
    for number, names in enumerate((BOTTLES[:4], BOTTLES[4:])):
        troughs = Trough_CAR_4R200_A00(f"trough_carrier_{number + 1}")
        for place, name in enumerate(names):
            troughs[place] = hamilton_1_trough_200mL_Vb(name)
        deck.assign_child_resource(troughs, rails=19 + 2 * number)
    deck.assign_child_resource(own_labware("lyo_vial_rack_96_2r", "vials"), location=Coordinate(650.0, 120.0, 100.0))
    return deck


PACKAGED: Mapping[str, Callable[[], Deck]] = {"sim": sim_deck}

_KEPT = "_vesiflow_wells"


@cache
def _built(name: str) -> Deck:
    """Building takes about a second, copying a fifth of it."""
    return PACKAGED[name]()


def load_deck(name: str) -> Deck:
    """A packaged deck by name, or a deck JSON file; ConfigError when it is neither or unreadable."""
    if name in PACKAGED:
        return copy.deepcopy(_built(name))
    path = Path(name)
    if path.suffix != ".json":
        raise ConfigError("unknown deck", value=repr(name), bounds=", ".join(PACKAGED), remedy="or give a .json file")
    try:
        deck = Resource.deserialize(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError(f"unreadable deck file: {reason}", value=str(path), remedy="mend the file") from error
    if not isinstance(deck, Deck):
        raise ConfigError("the file holds no deck", value=str(path), remedy="save it by deck.save()")
    return deck


def labware(deck: Deck) -> dict[str, Resource]:
    """What liquid can be in, by name: plates, racks of wells, and single containers such as troughs."""
    found: dict[str, Resource] = {}
    for resource in deck.get_all_children():
        inside_rack = isinstance(resource.parent, ItemizedResource)
        is_rack = isinstance(resource, ItemizedResource) and not isinstance(resource, TipRack)
        if is_rack or (isinstance(resource, Container) and not inside_rack and resource.category != "trash"):
            found[resource.name] = resource
    return found


def tip_racks(deck: Deck) -> list[TipRack]:
    """Tip racks in the order of their names."""
    racks = [resource for resource in deck.get_all_children() if isinstance(resource, TipRack)]
    return sorted(racks, key=lambda rack: rack.name)


def where(resource: Resource) -> tuple[str, str]:
    """Labware name and well of a container, tip spot or the trash."""
    parent = resource.parent
    if isinstance(parent, ItemizedResource):
        return parent.name, wells_of(parent)[1][id(resource)]
    return resource.name, "A1"


def wells_of(parent: Any) -> tuple[dict[str, Any], dict[int, str]]:
    """Items of a plate or rack by well name, and well names by item: worked out once, a deck does not change.

    Kept on the resource itself, and with its identity, so that a copy of a deck never answers for the original.
    """
    kept = parent.__dict__.get(_KEPT)
    if kept is None or kept[0] != id(parent):
        items = {str(parent.get_child_identifier(item)): item for item in parent.get_all_items()}
        kept = (id(parent), items, {id(item): name for name, item in items.items()})
        parent.__dict__[_KEPT] = kept
    return kept[1], kept[2]
