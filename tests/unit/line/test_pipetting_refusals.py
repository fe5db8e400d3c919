"""What the books, the deck and the barcodes do not allow, at each of the three liquid handlers: nothing moves."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from devices.line_file import line_from_text
from line import deck_ledger as ledger
from line.host import World, hosted, make_world
from line.state import State
from protocols.control import ControlRecipe, Operation, Phase, UnitProcedure
from protocols.phases import FillVials
from records.store import Store
from tests.unit.line.test_pipetting import KEY, PLR, Rig, opentrons


def by(driver: str, folder: Path) -> str:
    """The line file's robot with a deck whose vials want their barcode, or people with one."""
    text = (files("devices") / "decks" / f"{driver}.yaml").read_text(encoding="utf-8")
    deck = folder / f"{driver}_deck.yaml"
    marked = re.sub(r"(  vials: +\{)", r'\1barcode: "V-*", ', text)
    assert marked != text
    deck.write_text(marked, encoding="utf-8")
    return f'robot: {{driver: opentrons_http, at: "sim://bench/ot2", deck: {deck}}}' if driver == "ot2" else str(deck)


REFUSED = [
    ({"volume": None}, 2e-6, "", "nobody knows what is in bulk:A1"),
    ({"volume": 0.0}, 2e-6, "", "bulk:A1 is empty"),
    ({"liquid": "acid"}, 2e-6, "", "another liquid is at bulk:A1"),
    ({}, 4e-6, "", "vials:A1 overflows"),
    ({}, 2e-6, "barcode", r"wrong labware .got vials-b1-1-electroporation, allowed V-"),
]


@pytest.mark.parametrize(("bulk", "fill", "barcode", "reason"), REFUSED)
@pytest.mark.parametrize("driver", ["plr", "ot2", "hand"])
async def test_what_cannot_be_pipetted_is_refused_before_anything_moves(
    tmp_path: Path, driver: str, bulk: dict[str, Any], fill: float, barcode: str, reason: str
) -> None:
    text = (files("deployments") / "lines" / "sim.yaml").read_text(encoding="utf-8")
    role = "lyophilization.liquid_handler:  {instrument: robot}"
    assert role in text and PLR in text
    if driver == "hand":
        deck = by("hand", tmp_path) if barcode else "hand"
        text = text.replace(role, f"lyophilization.liquid_handler: {{instrument: people, deck: {deck}}}")
    elif driver == "ot2":
        text = text.replace(PLR, by("ot2", tmp_path) if barcode else opentrons("ot2"))
    elif barcode:
        text = text.replace(PLR, 'robot: {driver: plr, at: "sim://bench/robot", barcodes: {vials: "V-*"}}')
    file = line_from_text(text, "sim.yaml")
    async with hosted(file, Store(tmp_path), seed=1, world=make_world(file, 1)) as host:
        controller = host.controller
        phase = Phase(KEY, "lyophilization.fill", "lyophilization", FillVials("bulk", 4, fill), 2_000.0)
        procedure = UnitProcedure(1, "dry", "lyophilization", (Operation("fill", (phase,)),))
        controller.create("b1", ControlRecipe("vials", "1", "sim", (procedure,)), "test")
        controller.batch("b1").facts["bottle.bulk.volume"] = 60e-6
        here = {"role": "lyophilization.liquid_handler", "position": "bulk", "item": "b-17", "volume": 60e-6,
                "liquid": "bulk"}  # fmt: skip
        controller.journal.event(ledger.PLACED, "b1", key=KEY, **{**here, **bulk})
        controller.start_phase("b1", KEY)
        rig = Rig(host, World(host.clock, host.simulated))
        await rig.until(State.HELD)
        assert re.search(reason, controller.batch("b1").reason), controller.batch("b1").reason
        assert rig.plant.ledger.of("aspirate") == [] and controller.journal.intents("b1", ledger.VERB) == []
