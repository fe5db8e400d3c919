"""Deck files (YAML): labware by Opentrons names or of our own in the slots of an OT-2 or a Flex, or on a bench.

    deck: ot2
    robot: OT-2
    pipettes: {left: p300_single_gen2, right: p20_single_gen2}
    tips: {tips_300: {slot: "10", labware: opentrons_96_tiprack_300ul}}
    labware: {plate: {slot: "1", labware: btx_plate_96_2mm}}
    positions: {sample: "tubes:A1"}

`positions` gives a place of a rack a name of its own, for bottles and tubes that people put down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.deck import Labware, Layout, Pipette
from devices.labware.definition import Definition, definitions, well_names
from devices.labware.opentrons import standard
from vesiflow import quantities as q
from vesiflow.documents import Document, DocumentError, Problem, parse, problems, read
from vesiflow.errors import ConfigError

PIPETTES: Mapping[str, tuple[int, float, float]] = {
    "p10_single": (1, 1.0, 10.0),
    "p10_multi": (8, 1.0, 10.0),
    "p50_single": (1, 5.0, 50.0),
    "p50_multi": (8, 5.0, 50.0),
    "p300_single": (1, 30.0, 300.0),
    "p300_multi": (8, 30.0, 300.0),
    "p1000_single": (1, 100.0, 1000.0),
    "p20_single_gen2": (1, 1.0, 20.0),
    "p20_multi_gen2": (8, 1.0, 20.0),
    "p300_single_gen2": (1, 20.0, 300.0),
    "p300_multi_gen2": (8, 20.0, 300.0),
    "p1000_single_gen2": (1, 100.0, 1000.0),
    "flex_1channel_50": (1, 1.0, 50.0),
    "flex_8channel_50": (8, 1.0, 50.0),
    "flex_1channel_1000": (1, 5.0, 1000.0),
    "flex_8channel_1000": (8, 5.0, 1000.0),
}
"""Opentrons pipette -> channels, smallest and largest volume (uL), from the pipettes' data sheets."""

SLOTS: Mapping[str, tuple[str, ...]] = {
    "OT-2": tuple(str(number) for number in range(1, 12)),
    "Flex": tuple(f"{row}{column}" for row in "ABCD" for column in (1, 2, 3)),
    "none": (),
}
FOOTPRINT = (0.12776, 0.08548)
HAND = Pipette("hand", 1, 0.5e-9, 10e-6)

_NAME = r"^[a-z][a-z0-9_]{0,30}$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class LabwareEntry(_Section):
    """`labware` is a name of ours or of Opentrons; the latter needs `grid` (columns, rows) and `capacity`."""

    slot: str = ""
    labware: str = Field(pattern=r"^[a-z0-9._]+$")
    grid: tuple[int, int] | None = None
    capacity: q.Volume | None = None
    fill: q.Volume | None = None
    dead: q.Volume = Field(default="0 uL", validate_default=True)
    bottle: bool = False
    barcode: str = Field(default="", description='form of its barcode, "BTX-*"')


class TipsEntry(_Section):
    """A rack of 96 tips; `volume` is what one holds."""

    slot: str
    labware: str = Field(pattern=r"^[a-z0-9._]+$")
    volume: q.Volume


class DeckModel(_Section):
    """The document as written."""

    deck: str = Field(pattern=_NAME)
    robot: Literal["OT-2", "Flex", "none"]
    pipettes: dict[Literal["left", "right"], str] = {}
    tips: dict[str, TipsEntry] = {}
    labware: dict[str, LabwareEntry]
    positions: dict[str, str] = {}


@dataclass(frozen=True)
class DeckFile:
    """A checked deck file and what stands on it."""

    model: DeckModel
    file: str
    layout: Layout

    def real(self, place: str) -> tuple[str, str]:
        """Labware and well behind a place: ("tubes", "A1") for the position "sample:A1"."""
        self.layout.at(place)
        name, _, well = place.partition(":")
        if name in self.model.positions:
            name, _, well = self.model.positions[name].partition(":")
        return name, well


def packaged_decks() -> list[str]:
    """Names of the deck files that come with vesiflow."""
    return sorted(
        item.name.removesuffix(".yaml")
        for item in files("devices").joinpath("decks").iterdir()
        if item.name.endswith(".yaml")
    )


def load_deck_file(name: str) -> DeckFile:
    """A packaged deck by name or a deck file by path; DocumentError with every problem and its line."""
    if Path(name).suffix in (".yaml", ".yml"):
        return check_deck(read(Path(name)))
    if name not in packaged_decks():
        raise ConfigError(
            "unknown deck", value=repr(name[:60]), bounds=", ".join(packaged_decks()), remedy="or give a .yaml file"
        )
    return deck_from_text((files("devices").joinpath("decks") / f"{name}.yaml").read_text(encoding="utf-8"), name)


def deck_from_text(text: str, file: str = "deck.yaml") -> DeckFile:
    """A deck file from its text."""
    return check_deck(parse(text, file))


def check_deck(document: Document) -> DeckFile:
    """The deck that `document` describes."""
    try:
        model = DeckModel.model_validate(document.data)
    except ValidationError as error:
        raise DocumentError(problems(error, document)) from None
    found = [*_names(model, document), *_slots(model, document), *_pipettes(model, document)]
    found += [*_kinds(model, document), *_grids(model, document), *_positions(model, document)]
    if found:
        raise DocumentError(sorted(found, key=lambda problem: problem.line))
    return DeckFile(model, document.file, _layout(model))


def _names(model: DeckModel, document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for section in ("labware", "tips", "positions"):
        for name in getattr(model, section):
            if name in seen:
                yield document.problem((section, name), "the name is used twice")
            if not name.replace("_", "").isalnum() or not name.islower() or len(name) > 30:
                yield document.problem((section, name), "names have small letters, digits and underscores")
            seen.add(name)


def _slots(model: DeckModel, document: Document) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    slots = SLOTS[model.robot]
    for section in ("labware", "tips"):
        for name, entry in getattr(model, section).items():
            place = (section, name, "slot")
            if entry.slot not in slots and (slots or entry.slot):
                yield document.problem(place, f"a {model.robot} has no slot {entry.slot!r}; slots: {', '.join(slots)}")
            elif entry.slot and entry.slot in taken:
                yield document.problem(place, f"slot {entry.slot} is taken by {taken[entry.slot]}")
            taken.setdefault(entry.slot, name)


def _pipettes(model: DeckModel, document: Document) -> Iterator[Problem]:
    for mount, name in model.pipettes.items():
        flex = name.startswith("flex_")
        known = [one for one in PIPETTES if one.startswith("flex_") is (model.robot == "Flex")]
        if name not in PIPETTES or flex is not (model.robot == "Flex"):
            yield document.problem(("pipettes", mount), f"unknown pipette {name!r}; known: {', '.join(known)}")
        elif not any(_suits(entry, PIPETTES[name][2]) for entry in model.tips.values()):
            yield document.problem(("pipettes", mount), f"no tips for {name} on the deck")
    if model.robot != "none" and not model.pipettes:
        yield document.problem(("pipettes",), "is missing")


def _suits(tips: TipsEntry, largest: float) -> bool:
    """Tips fit a pipette by size: small ones the 20 uL pipettes, up to 200 the 50 uL ones, the rest the large ones."""
    volume = q.inside(tips.volume, "m^3") * 1e9
    return bool(volume <= largest * 1.01 + 1e-6 and volume * 20 >= largest)


def unchecked(labware: str) -> bool:
    """Whether nobody can say here that a robot knows `labware`: Opentrons' package is not installed."""
    return labware not in definitions() and standard() is None


def _known(model: DeckModel) -> list[str] | None:
    """Labware that may stand on this deck; None when that cannot be said."""
    opentrons = None if model.robot == "none" else standard()
    return None if opentrons is None else sorted({*definitions(), *opentrons})


def _kinds(model: DeckModel, document: Document) -> Iterator[Problem]:
    known = _known(model)
    for section in ("labware", "tips"):
        for name, entry in getattr(model, section).items():
            if known is not None and entry.labware not in known:
                close = get_close_matches(entry.labware, known, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                reason = f"unknown labware {entry.labware!r}, neither ours nor Opentrons'{hint}"
                yield document.problem((section, name, "labware"), reason)


def _grids(model: DeckModel, document: Document) -> Iterator[Problem]:
    own, known = definitions(), _known(model)
    for name, entry in model.labware.items():
        if known is not None and entry.labware not in known:
            continue
        if entry.labware not in own and (entry.grid is None or entry.capacity is None):
            yield document.problem(
                ("labware", name),
                f"{entry.labware} is none of ours ({', '.join(own)}): give grid [columns, rows] and capacity",
            )


def _positions(model: DeckModel, document: Document) -> Iterator[Problem]:
    for name, place in model.positions.items():
        rack, _, well = place.partition(":")
        entry = model.labware.get(rack)
        grid = _grid(entry) if entry else None
        if grid is None or well not in well_names(*grid):
            yield document.problem(("positions", name), f"no place {place!r} on this deck")


def _grid(entry: LabwareEntry) -> tuple[int, int] | None:
    own = definitions().get(entry.labware)
    return (own.columns, own.rows) if own else entry.grid


def _layout(model: DeckModel) -> Layout:
    labware = {name: _labware(name, entry, model) for name, entry in model.labware.items()}
    for name, place in model.positions.items():
        rack, _, well = place.partition(":")
        piece = labware[rack]
        labware[name] = Labware(
            name, piece.model, ("A1",), 1, piece.capacity, piece.fill, piece.dead, True, piece.provisional,
            corner=piece.corner, size=piece.size, centres={"A1": piece.centres[well]},
        )  # fmt: skip
    named = {place.partition(":")[0] for place in model.positions.values()}
    shown = {name: piece for name, piece in labware.items() if name not in named}
    tips = {name: _tips(name, entry, model.robot) for name, entry in model.tips.items()}
    pipettes = tuple(
        Pipette(mount, channels, smallest / 1e9, largest / 1e9)
        for mount, (channels, smallest, largest) in ((m, PIPETTES[p]) for m, p in sorted(model.pipettes.items()))
    )
    return Layout(model.deck, {**shown, **tips}, pipettes or (HAND,), 0)


def _labware(name: str, entry: LabwareEntry, model: DeckModel) -> Labware:
    own = definitions().get(entry.labware)
    columns, rows = _grid(entry) or (1, 1)
    given = None if entry.capacity is None else q.inside(entry.capacity, "m^3")
    capacity = given if given is not None else own.capacity if own else 0.0
    fill = q.inside(entry.fill, "m^3") if entry.fill is not None else own.fill if own else capacity
    corner = _corner(model.robot, entry.slot, list(model.labware).index(name))
    return Labware(
        name, entry.labware, well_names(columns, rows), rows, capacity, min(fill, capacity),
        q.inside(entry.dead, "m^3"), entry.bottle, own is not None and own.provisional and model.robot != "none",
        entry.barcode, corner=corner, size=own.size[:2] if own else FOOTPRINT,
        centres=_centres(own, columns, rows, corner),
    )  # fmt: skip


def _tips(name: str, entry: TipsEntry, robot: str) -> Labware:
    volume = q.inside(entry.volume, "m^3")
    corner = _corner(robot, entry.slot, 0)
    return Labware(
        name, entry.labware, well_names(12, 8), 8, volume, volume, tip_volume=volume, corner=corner, size=FOOTPRINT,
        centres=_centres(None, 12, 8, corner),
    )  # fmt: skip


def _corner(robot: str, slot: str, index: int) -> tuple[float, float]:
    """Front left corner of a slot: OT-2 slots count from the front left, Flex rows from the back."""
    if robot == "OT-2":
        return (int(slot) - 1) % 3 * 0.1325, (int(slot) - 1) // 3 * 0.0905
    if robot == "Flex":
        return (int(slot[1]) - 1) * 0.164, ("DCBA".index(slot[0])) * 0.107
    return index % 3 * 0.14, index // 3 * 0.1


def _centres(
    own: Definition | None, columns: int, rows: int, corner: tuple[float, float]
) -> dict[str, tuple[float, float]]:
    """Well centres on the deck; those of labware we do not define are spread over the plate format."""
    if own:
        return {well: (corner[0] + x, corner[1] + y) for well, (x, y) in own.wells.items()}
    step = FOOTPRINT[0] / columns, FOOTPRINT[1] / rows
    return {
        well: (
            corner[0] + (index // rows + 0.5) * step[0],
            corner[1] + FOOTPRINT[1] - (index % rows + 0.5) * step[1],
        )
        for index, well in enumerate(well_names(columns, rows))
    }
