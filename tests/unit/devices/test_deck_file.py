"""Decks and labware as data: packaged files, wrong files, and one set of numbers for PyLabRobot and Opentrons."""

from __future__ import annotations

import json
import re

import pytest
from pylabrobot.resources import Resource
from pylabrobot.resources.btx import btx_96_wellplate_125uL_Fb_2mm

from devices import deck_file
from devices.deck_file import deck_from_text, load_deck_file, packaged_decks, unchecked
from devices.drivers.plr_labware import own_labware, resource
from devices.labware.definition import definitions
from devices.labware.opentrons import schema2, standard
from vesiflow.errors import ConfigError

GOOD = """
deck: mine
robot: OT-2
pipettes: {left: p300_single_gen2}
tips: {tips_300_1: {slot: "7", labware: opentrons_96_tiprack_300ul, volume: 300 uL}}
labware:
  plate: {slot: "1", labware: btx_plate_96_2mm}
  tubes: {slot: "4", labware: opentrons_6_tuberack_falcon_50ml_conical, grid: [3, 2], capacity: 50 mL, dead: 1 mL, bottle: true}
positions: {sample: "tubes:A1"}
"""


@pytest.mark.parametrize("name", packaged_decks())
def test_packaged_decks_hold_what_phases_ask_for(name: str) -> None:
    layout = load_deck_file(name).layout
    for position in ("sample", "cargo", "pool", "buffer", "bulk"):
        assert layout.at(f"{position}:A1").bottle
    assert len(layout.wells("plate", 96)) == 96
    assert layout.at("plate:H12").fill == pytest.approx(125e-9)
    for piece in layout.labware.values():
        assert set(piece.centres) == set(piece.wells)


def test_positions_are_places_of_a_rack() -> None:
    deck = deck_from_text(GOOD)
    assert deck.real("sample:A1") == ("tubes", "A1")
    assert deck.real("plate:C3") == ("plate", "C3")
    assert deck.layout.at("sample:A1").dead == pytest.approx(1e-6)
    assert "tubes" not in deck.layout.labware
    with pytest.raises(ConfigError, match="no such labware"):
        deck.layout.at("tubes:A1")
    with pytest.raises(ConfigError, match=r"no such well .*allowed A1\.\.H12"):
        deck.layout.at("plate:J1")
    with pytest.raises(ConfigError, match="too few places"):
        deck.layout.wells("plate", 97)


WRONG = [
    ('slot: "1"', 'slot: "12"', "has no slot '12'"),
    ('slot: "1"', 'slot: "7"', "slot 7 is taken by"),
    ("p300_single_gen2", "p301_single", "unknown pipette"),
    ("p300_single_gen2", "flex_1channel_50", "unknown pipette"),
    ("p300_single_gen2", "p20_single_gen2", "no tips for p20_single_gen2"),
    ("btx_plate_96_2mm", "nest_96_wellplate_200ul_flat", "is none of ours"),
    ('"tubes:A1"', '"tubes:C9"', "no place 'tubes:C9'"),
    ("plate:", "Plate!:", "small letters"),
    ("robot: OT-2", "robot: OT-3", "robot"),
    ("50 mL", "50 cm", "expected a unit like"),
    ("sample:", "plate:", "used twice"),
]


@pytest.mark.parametrize(("good", "bad", "reason"), WRONG)
def test_wrong_decks_name_the_line(good: str, bad: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        deck_from_text(GOOD.replace(good, bad))
    assert "deck.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        ("opentrons_96_tiprack_300ul", "opentrons_69_tiprack_300ul", "did you mean opentrons_96_tiprack_300ul?"),
        ("btx_plate_96_2mm", "btx_plate_96_3mm", "did you mean btx_plate_96_2mm?"),
        ("opentrons_6_tuberack_falcon_50ml_conical", "x", "Opentrons'"),
    ],
)
def test_labware_that_nobody_has_is_refused(monkeypatch: pytest.MonkeyPatch, good: str, bad: str, reason: str) -> None:
    known = {"opentrons_96_tiprack_300ul", "opentrons_6_tuberack_falcon_50ml_conical"}
    monkeypatch.setattr(deck_file, "standard", lambda: known)
    text = GOOD.replace(good, bad)
    line = text[: text.index(f"labware: {bad}")].count("\n") + 1
    with pytest.raises(ConfigError, match=rf"^deck\.yaml:{line}: .*unknown labware '{bad}'.*{re.escape(reason)}"):
        deck_from_text(text)


def test_without_the_package_labware_of_opentrons_is_said_to_be_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deck_file, "standard", lambda: None)
    deck = deck_from_text(GOOD.replace("opentrons_6_tuberack_falcon_50ml_conical", "some_tubes"))
    assert deck.model.labware["tubes"].labware == "some_tubes"
    assert unchecked("some_tubes") and not unchecked("btx_plate_96_2mm")


def test_packaged_decks_use_what_opentrons_defines() -> None:
    pytest.importorskip("opentrons_shared_data")
    known = standard()
    assert known is not None and "nest_1_reservoir_195ml" in known and "nest_99_nothing" not in known


def test_unknown_deck_and_labware() -> None:
    with pytest.raises(ConfigError, match=r"unknown deck .*flex, hand, ot2"):
        load_deck_file("star")
    with pytest.raises(ConfigError, match="unknown labware"):
        own_labware("no_such_rack", "x")


@pytest.mark.parametrize("name", sorted(definitions()))
def test_both_worlds_agree_to_50_um(name: str) -> None:
    definition = definitions()[name]
    rack, data = resource(definition, "rack"), schema2(definition)
    for well, place in data["wells"].items():
        item = rack.get_item(well)
        corner = item.location
        assert corner.x + item.get_size_x() / 2 == pytest.approx(place["x"], abs=0.05)
        assert corner.y + item.get_size_y() / 2 == pytest.approx(place["y"], abs=0.05)
        assert corner.z + item.material_z_thickness == pytest.approx(place["z"], abs=0.05)
        assert item.max_volume == pytest.approx(place["totalLiquidVolume"])
    assert rack.get_size_z() == pytest.approx(data["dimensions"]["zDimension"], abs=0.05)


@pytest.mark.parametrize("name", sorted(definitions()))
def test_wells_lie_inside_and_apart(name: str) -> None:
    definition = definitions()[name]
    for x, y in definition.wells.values():
        assert definition.well_size[0] / 2 <= x <= definition.size[0] - definition.well_size[0] / 2
        assert definition.well_size[1] / 2 <= y <= definition.size[1] - definition.well_size[1] / 2
    assert definition.pitch[0] > definition.well_size[0]
    assert definition.floor + definition.depth <= definition.size[2] + 1e-3
    assert definition.fill <= definition.capacity


@pytest.mark.parametrize("name", sorted(definitions()))
def test_resources_survive_json_text(name: str) -> None:
    rack = own_labware(name, "rack")
    assert Resource.deserialize(json.loads(json.dumps(rack.serialize()))) == rack


def test_our_electroporation_plate_is_pylabrobots() -> None:
    ours, theirs = own_labware("btx_plate_96_2mm", "plate"), btx_96_wellplate_125uL_Fb_2mm("plate")
    for well in ("A1", "H1", "A12", "H12"):
        assert ours.get_item(well).location == theirs.get_item(well).location
        assert ours.get_item(well).max_volume == theirs.get_item(well).max_volume


def test_definitions_are_what_opentrons_loads() -> None:
    loaded = pytest.importorskip("opentrons_shared_data.labware.labware_definition")
    for definition in definitions().values():
        loaded.LabwareDefinition2.model_validate(schema2(definition))
