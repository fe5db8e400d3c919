"""What an Opentrons robot will do for a list of transfers: pipette, tip and wells of every move. Pure.

Eight transfers that go down a column at once are one move of an eight-channel pipette. A tip is kept while it stays
clean (same liquid, nothing but empty wells touched) or when a transfer says so. Impossible work is refused here,
before anything is sent. Volumes in moves are uL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devices.deck import DeckState, Labware, Layout, Pipette
from devices.deck_file import PIPETTES, DeckFile
from devices.readings import Transfer
from devices.strict import finite
from vesiflow.errors import ConfigError, LimitExceeded, Refused

EPSILON = 1e-12  # m^3
MIX_CYCLES = 2
MIX_FRACTION = 0.5
LARGEST = 1e-3  # m^3, beyond it the number is a mistake of units
_COLUMN = "ABCDEFGH"


@dataclass(frozen=True, slots=True)
class Move:
    """One aspirate and dispense: `first` of `count` transfers (from 0); `tip` is where a new one is, "" keeps it."""

    first: int
    count: int
    mount: str
    tip: str
    source: tuple[str, str]
    target: tuple[str, str]
    volume: float
    mix: float
    liquid: str


@dataclass
class _Hand:
    """What the planner remembers: tips left, what hangs on which pipette, volumes so far (m^3)."""

    free: dict[str, list[str]]
    volumes: dict[str, float]
    mount: str = ""
    capacity: float = 0.0
    liquid: str = ""
    clean: bool = False


def moves(transfers: Sequence[Transfer], deck: DeckFile, state: DeckState) -> list[Move]:
    """All moves in order; ConfigError, LimitExceeded or Refused when the deck cannot do it."""
    check(transfers, deck.layout, state)
    hand = _Hand(
        {
            name: [well for well in rack.wells if f"{name}:{well}" not in state.used_tips]
            for name, rack in deck.layout.labware.items()
            if rack.tip_volume
        },
        dict(state.volumes),
    )
    made: list[Move] = []
    first = 0
    while first < len(transfers):
        column = transfers[first : first + 8]
        pipette = _eight(column, deck)
        if pipette is None:
            column, pipette = column[:1], _single(transfers[first], deck.layout)
        made.append(_move(first, column, pipette, deck, hand))
        first += len(column)
    return made


def check(transfers: Sequence[Transfer], layout: Layout, state: DeckState) -> None:
    """Refuse unknown places, odd volumes, dry or unknown sources and overfull targets, in order of the list."""
    volumes = dict(state.volumes)
    for transfer in transfers:
        source, target = layout.at(transfer.source), layout.at(transfer.target)
        if transfer.source == transfer.target:
            raise ConfigError("source and target are the same", value=transfer.source, remedy="mend the plan")
        finite(transfer.volume * 1e9, layout.smallest * 1e9, LARGEST * 1e9, unit="uL", what="volume")
        if transfer.source in volumes:
            _draw(transfer, volumes, source)
        top = target.fill
        volumes[transfer.target] = volumes.get(transfer.target, 0.0) + transfer.volume
        if volumes[transfer.target] > top + EPSILON and not target.bottle:
            raise LimitExceeded(
                f"{transfer.target} overflows", value=f"{volumes[transfer.target] * 1e9:g} uL",
                bounds=f"at most {top * 1e9:g} uL", remedy="check the plan, or declare the labware replaced",
            )  # fmt: skip


def _draw(transfer: Transfer, volumes: dict[str, float], source: Labware) -> None:
    left = volumes[transfer.source] - source.dead
    if left < transfer.volume - EPSILON:
        raise Refused(
            f"{transfer.source} runs dry", value=f"{transfer.volume * 1e9:g} uL",
            bounds=f"{max(left, 0.0) * 1e9:g} uL there", remedy="check the plan, or declare what is in it",
        )  # fmt: skip
    volumes[transfer.source] -= transfer.volume


def _eight(column: Sequence[Transfer], deck: DeckFile) -> Pipette | None:
    """The eight-channel pipette that makes these eight transfers at once, or None."""
    first = column[0]
    same = {(one.volume, one.liquid, one.mix, one.tips) for one in column}
    if len(column) < 8 or len(same) > 1:
        return None
    if not (_reachable([one.source for one in column], deck) and _reachable([one.target for one in column], deck)):
        return None
    return _pipette(first.volume, [pipette for pipette in deck.layout.pipettes if pipette.channels == 8])


def _reachable(places: Sequence[str], deck: DeckFile) -> bool:
    """A column from A to H at the pitch of the channels, or one trough that is open to all eight."""
    if len(set(places)) == 1:
        real, _ = deck.real(places[0])
        return deck.model.labware[real].grid is not None and (deck.model.labware[real].grid or (0, 0))[1] == 1
    wells = [place.partition(":")[2] for place in places]
    if len({place.partition(":")[0] for place in places}) > 1 or [well[0] for well in wells] != list(_COLUMN):
        return False
    rows = deck.layout.at(places[0]).rows
    return rows == 8 and len({well[1:] for well in wells}) == 1 and _narrow(deck.layout.at(places[0]))


def _narrow(piece: Labware) -> bool:
    (_, top), (_, below) = piece.centres["A1"], piece.centres["B1"]
    return abs(top - below - 0.009) < 2e-3


def _single(transfer: Transfer, layout: Layout) -> Pipette:
    """The smallest single channel that takes the volume at once."""
    singles = [pipette for pipette in layout.pipettes if pipette.channels == 1]
    found = _pipette(transfer.volume, singles)
    if found is None:
        ranges = ", ".join(f"{p.name} {p.smallest * 1e9:g}..{p.largest * 1e9:g} uL" for p in singles)
        raise LimitExceeded(
            f"no single-channel pipette for {transfer.source} to {transfer.target}",
            value=f"{transfer.volume * 1e9:g} uL", bounds=ranges or "only whole columns with eight channels",
            remedy="split the transfer or mount another pipette",
        )  # fmt: skip
    return found


def _pipette(volume: float, pipettes: Sequence[Pipette]) -> Pipette | None:
    fit = [one for one in pipettes if one.smallest - EPSILON <= volume <= one.largest + EPSILON]
    return min(fit, key=lambda one: one.largest) if fit else None


def _move(first: int, column: Sequence[Transfer], pipette: Pipette, deck: DeckFile, hand: _Hand) -> Move:
    transfer = column[0]
    keep = _keeps(transfer, pipette, hand)
    tip = "" if keep else _take(transfer.volume, pipette, deck, hand)
    before = max(hand.volumes.get(one.target, 0.0) for one in column)
    for one in column:
        hand.volumes[one.source] = hand.volumes.get(one.source, 0.0) - one.volume
        hand.volumes[one.target] = hand.volumes.get(one.target, 0.0) + one.volume
    mix = min(MIX_FRACTION * (before + transfer.volume), pipette.largest, hand.capacity) if transfer.mix else 0.0
    hand.mount, hand.liquid = pipette.name, transfer.liquid
    hand.clean = not transfer.mix and before <= EPSILON
    return Move(
        first, len(column), pipette.name, tip, _start(column, deck, "source"), _start(column, deck, "target"),
        round(transfer.volume * 1e9, 3), round(max(mix, pipette.smallest) * 1e9, 3) if transfer.mix else 0.0,
        transfer.liquid,
    )  # fmt: skip


def _start(column: Sequence[Transfer], deck: DeckFile, end: str) -> tuple[str, str]:
    return deck.real(getattr(column[0], end))


def _keeps(transfer: Transfer, pipette: Pipette, hand: _Hand) -> bool:
    if hand.mount != pipette.name or transfer.volume > hand.capacity + EPSILON or transfer.tips == "new":
        return False
    if hand.liquid != transfer.liquid:
        return False
    return transfer.tips == "same" or (hand.clean and not transfer.mix)


def _take(volume: float, pipette: Pipette, deck: DeckFile, hand: _Hand) -> str:
    """The next tip (or column of tips) of the smallest size that holds the volume."""
    largest = PIPETTES[deck.model.pipettes[pipette.name]][2] / 1e9  # type: ignore[index]
    racks = {name: deck.layout.labware[name] for name in hand.free}
    fit = [n for n, rack in racks.items() if volume - EPSILON <= rack.tip_volume and fits(rack.tip_volume, largest)]
    for name in sorted(fit, key=lambda name: (racks[name].tip_volume, name)):
        spot = _spot(hand.free[name], pipette.channels)
        if spot is not None:
            gone = {f"{row}{spot[1:]}" for row in _COLUMN} if pipette.channels == 8 else {spot}
            hand.free[name] = [well for well in hand.free[name] if well not in gone]
            hand.capacity = min(racks[name].tip_volume, largest)
            return f"{name}:{spot}"
    raise Refused(
        "not enough tips", value=f"{pipette.channels} for {volume * 1e9:g} uL", bounds=", ".join(fit) or "no such rack",
        remedy="put new tip racks on the deck and declare them replaced",
    )  # fmt: skip


def fits(tip: float, largest: float) -> bool:
    """Whether a tip of this volume goes onto a pipette with this largest volume (m^3)."""
    return tip <= largest * 1.01 and tip * 20 >= largest * 0.99


def _spot(free: Sequence[str], channels: int) -> str | None:
    """A single tip from the column begun last, so that whole columns stay for eight channels."""
    columns: dict[str, list[str]] = {}
    for well in free:
        columns.setdefault(well[1:], []).append(well)
    if channels == 8:
        whole = [wells for wells in columns.values() if len(wells) == 8]
        return whole[0][0] if whole else None
    begun = sorted(columns.values(), key=lambda wells: len(wells) == 8)
    return begun[0][0] if begun else None


def tips_of(found: Sequence[Move], channels: Mapping[str, int]) -> tuple[str, ...]:
    """Every place a tip is taken from, by the pipettes' `channels`."""
    spots: list[str] = []
    for move in found:
        rack, _, well = move.tip.partition(":")
        if move.tip and channels[move.mount] == 8:
            spots += [f"{rack}:{row}{well[1:]}" for row in _COLUMN]
        elif move.tip:
            spots.append(move.tip)
    return tuple(spots)
