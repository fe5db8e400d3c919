"""The emulated Opentrons robots of a line, with their decks as the packaged deck files describe them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from sim.opentrons.app import create_app
from sim.opentrons.machine import Machine
from sim.plant import Plant

OT2_PLACES = {
    "tubes:A1": "sample",
    "tubes:B1": "cargo",
    "tubes:A2": "pool",
}
FLEX_PLACES = {"troughs:A1": "sample", "troughs:A3": "cargo", "troughs:A5": "pool"}


def machines(plant: Plant) -> Mapping[str, Machine]:
    """An OT-2 and a Flex, both moving the liquid of this plant."""

    def act(op: str, channels: list[dict[str, Any]]) -> float:
        return plant.deck.act(op, channels, plant.now())

    ot2 = {"left": "p300_single_gen2", "right": "p20_single_gen2"}
    flex = {"left": "p1000_single_flex", "right": "p1000_multi_flex"}
    return {
        "bench/ot2": Machine("OT-2 Standard", plant.now, act, OT2_PLACES, serial="OT2SIM01", pipettes=ot2),
        "bench/flex": Machine("OT-3 Standard", plant.now, act, FLEX_PLACES, serial="FLXSIM01", pipettes=flex),
    }


def apps(found: Mapping[str, Machine]) -> dict[str, Callable[[], Any]]:
    """Their applications by address, each made when it is first asked for."""
    return {name: cache(partial(create_app, machine)) for name, machine in found.items()}
