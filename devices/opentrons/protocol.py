"""A protocol for the robot, its App and `opentrons analyze`: Python that a person can read, made from moves.

Only numbers, names checked by the deck file and cleaned liquid names get into the text, each written by `repr`. Every
move is announced by a comment command ("transfers 1-8 of 96: ..."): that is how the run's own command list tells
later which transfers happened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from devices.deck_file import DeckFile
from devices.labware.definition import definitions
from devices.labware.opentrons import NAMESPACE, VERSION, schema2
from devices.opentrons.plan import MIX_CYCLES, Move

API_LEVEL = "2.20"
"""Spoken by robot software 8.0 and later and by the packages `opentrons` 8 and 9."""

FLEX_TRASH = "A3"
ANNOUNCED = re.compile(r"transfers? (\d+)(?:-(\d+))? of (\d+)\b")

_TEMPLATE = '''\
"""Made by vesiflow. Plan {digest}: {total} transfers in {moves} moves on deck {deck}."""

from opentrons import protocol_api

metadata = {{"protocolName": {name!r}, "author": "vesiflow"}}
requirements = {{"robotType": {robot!r}, "apiLevel": {level!r}}}

# what to say, mount, new tip or None, (source labware, well), (target labware, well), uL, uL to mix with
MOVES = [
{rows}
]


def run(protocol: protocol_api.ProtocolContext) -> None:
    labware = {{
{labware}
    }}
{trash}    pipettes = {{
{pipettes}
    }}
    holding = None
    for text, mount, tip, source, target, volume, mix in MOVES:
        pipette = pipettes[mount]
        protocol.comment(text)
        if tip:
            if holding:
                holding.drop_tip()
            rack, spot = tip
            pipette.pick_up_tip(labware[rack][spot])
            holding = pipette
        pipette.aspirate(volume, labware[source[0]][source[1]])
        pipette.dispense(volume, labware[target[0]][target[1]])
        if mix:
            pipette.mix({cycles}, mix, labware[target[0]][target[1]])
    if holding:
        holding.drop_tip()
'''


def protocol_text(moves: Sequence[Move], total: int, deck: DeckFile) -> str:
    """The protocol file; the same moves on the same deck give the same text."""
    model = deck.model
    rows = "\n".join(_row(move, total) for move in moves)
    used = {name for move in moves for name in (move.source[0], move.target[0])}
    tips = {move.tip.partition(":")[0] for move in moves if move.tip}
    mounts = {move.mount for move in moves}
    placed = [(name, entry.labware, entry.slot) for name, entry in model.labware.items()]
    placed += [(name, rack.labware, rack.slot) for name, rack in model.tips.items()]
    loaded = [
        f"        {name!r}: protocol.load_labware({kind!r}, {slot!r}, {name!r}{_ours(kind)}),"
        for name, kind, slot in placed
        if name in used | tips
    ]
    pipettes = [
        f"        {mount!r}: protocol.load_instrument({name!r}, {mount!r}),"
        for mount, name in sorted(model.pipettes.items())
        if mount in mounts
    ]
    return _TEMPLATE.format(
        digest=digest(moves),
        total=total,
        moves=len(moves),
        deck=model.deck,
        name=f"vesiflow {model.deck} {digest(moves)}",
        robot=model.robot,
        level=API_LEVEL,
        rows=rows,
        labware="\n".join(loaded),
        trash=f"    protocol.load_trash_bin({FLEX_TRASH!r})\n" if model.robot == "Flex" else "",
        pipettes="\n".join(pipettes),
        cycles=MIX_CYCLES,
    )


def custom_labware(moves: Sequence[Move], deck: DeckFile) -> dict[str, dict[str, Any]]:
    """Definitions of our own that these moves need, by file name."""
    own = definitions()
    used = {name for move in moves for name in (move.source[0], move.target[0])}
    kinds = sorted({deck.model.labware[name].labware for name in used} & own.keys())
    return {f"{kind}.json": schema2(own[kind]) for kind in kinds}


def digest(moves: Sequence[Move]) -> str:
    """Twelve digits that name a plan."""
    return sha256(repr(list(moves)).encode()).hexdigest()[:12]


def announced(text: str) -> tuple[int, int] | None:
    """(first transfer from 0, how many) of a comment command of ours, None for any other comment."""
    match = ANNOUNCED.match(text)
    if not match:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    return first - 1, last - first + 1


def clean(liquid: str) -> str:
    """A liquid's name as it may stand in a protocol: letters, digits, blank and a few signs."""
    return re.sub(r"[^A-Za-z0-9 .,_+%-]", "_", liquid)[:40]


def _row(move: Move, total: int) -> str:
    last = move.first + move.count
    which = f"transfer {last}" if move.count == 1 else f"transfers {move.first + 1}-{last}"
    ends = f"{':'.join(move.source)} to {':'.join(move.target)}"
    text = f"{which} of {total}: {move.volume:g} uL {clean(move.liquid)}, {ends}"
    tip = tuple(move.tip.split(":")) if move.tip else None
    return f"    {(text, move.mount, tip, move.source, move.target, move.volume, move.mix)!r},"


def _ours(labware: str) -> str:
    return f", {NAMESPACE!r}, {VERSION}" if labware in definitions() else ""


Spoken = tuple[str, str, str, float]
"""(aspirate or dispense, labware, well, uL)."""


def expected(moves: Sequence[Move]) -> list[Spoken]:
    """What the liquid handling commands of a run must be, in order."""
    found: list[Spoken] = []
    for move in moves:
        found += [("aspirate", *move.source, move.volume), ("dispense", *move.target, move.volume)]
        if move.mix:
            found += [("aspirate", *move.target, move.mix), ("dispense", *move.target, move.mix)] * MIX_CYCLES
    return found


def spoken(commands: Sequence[Mapping[str, Any]]) -> list[Spoken]:
    """The liquid handling of an analysis or a run: labware by the label it was loaded with."""
    labels: dict[str, str] = {}
    found: list[Spoken] = []
    for command in commands:
        kind, params = command.get("commandType"), command.get("params", {})
        if kind == "loadLabware":
            labels[str((command.get("result") or {}).get("labwareId"))] = str(params.get("displayName"))
        elif kind in ("aspirate", "dispense"):
            label = labels.get(str(params.get("labwareId")), str(params.get("labwareId")))
            found.append((kind, label, str(params.get("wellName")), round(float(params.get("volume", 0.0)), 3)))
    return found


def difference(moves: Sequence[Move], commands: Sequence[Mapping[str, Any]]) -> str:
    """ "" when the commands do exactly what the moves say, else the first difference in words."""
    wanted, found = expected(moves), spoken(commands)
    for number, (one, other) in enumerate(zip(wanted, found, strict=False), 1):
        if one[:3] != other[:3] or abs(one[3] - other[3]) > 1e-3:
            return f"command {number} is {other}, planned {one}"
    if len(wanted) != len(found):
        return f"{len(found)} aspirates and dispenses, planned {len(wanted)}"
    return ""
