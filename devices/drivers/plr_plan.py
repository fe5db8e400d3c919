"""What the robot will do for a list of transfers, and whether it can: pure planning on the deck's trackers.

Consecutive transfers of one liquid go up to eight at a time where sources and targets stand in a column (or in one
long trough). Every liquid gets new tips; tips go on to the next batch of the same liquid only while they have touched
nothing but empty wells, or when a transfer says "same"; mixed wells get new tips otherwise. Impossible work is refused
before the first move.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from pylabrobot.resources import TipSpot

from devices.drivers.plr_places import Place, Places, Rack
from devices.readings import Transfer
from devices.strict import finite
from vesiflow.errors import ConfigError, LimitExceeded, Refused

EPSILON = 1e-6  # uL
SMALLEST = 0.1  # uL


@dataclass(frozen=True, slots=True)
class Move:
    """One transfer on the deck, uL."""

    source: Place
    target: Place
    volume: float
    liquid: str
    mix: bool
    tips: str = "auto"


@dataclass(frozen=True, slots=True)
class Step:
    """Moves made at once. `tips` are new ones to pick up; None goes on with those on the channels."""

    moves: tuple[Move, ...]
    tips: tuple[TipSpot, ...] | None


@dataclass(frozen=True, slots=True)
class Held:
    """Tips on the channels: `count` of `capacity` uL, what they carried last and from which labware.

    `clean` while they have touched nothing but empty wells, `kept` when another order may go on with them.
    """

    liquid: str
    source: str
    count: int
    capacity: float
    clean: bool
    kept: bool

    def goes_on(self, batch: Sequence[Move]) -> bool:
        """Whether this batch is made with them."""
        first = batch[0]
        keeps = first.tips == "same" or (first.tips == "auto" and self.clean and not first.mix)
        same = (self.liquid, self.source, self.count) == (first.liquid, first.source.piece, len(batch))
        return keeps and same and max(move.volume for move in batch) <= self.capacity


def moves_for(places: Places, transfers: Sequence[Transfer]) -> list[Move]:
    """The transfers on this deck; ConfigError or LimitExceeded for what no deck could do."""
    moves = []
    for transfer in transfers:
        source, target = places.at(transfer.source), places.at(transfer.target)
        if source is target:
            raise ConfigError("source and target are the same", value=transfer.source, remedy="mend the plan")
        volume = finite(transfer.volume * 1e9, SMALLEST, 1e6, unit="uL", what="volume")
        moves.append(Move(source, target, round(volume, 4), transfer.liquid, transfer.mix, transfer.tips))
    return moves


def check_volumes(moves: Sequence[Move], known: Mapping[str, float], limits: Mapping[str, float]) -> None:
    """Refuse overfilling and running dry. `known` are volumes (uL) by place; sources without an entry are not judged.

    `limits` (uL by labware name) lie below the brim where the recipe or the maker says so.
    """
    volumes = dict(known)
    for move in moves:
        source, target, volume = move.source.name, move.target.name, move.volume
        if source in known:
            if volumes[source] < volume - EPSILON:
                raise Refused(
                    f"{source} runs dry", value=f"{volume:g} uL", bounds=f"{volumes[source]:g} uL there",
                    remedy="check the plan, or declare the labware replaced",
                )  # fmt: skip
            volumes[source] -= volume
        top = min(move.target.top, limits.get(move.target.piece, move.target.top))
        volumes[target] = filled = volumes.get(target, 0.0) + volume
        if filled > top + EPSILON:
            raise LimitExceeded(
                f"{target} overflows", value=f"{filled:g} uL", bounds=f"at most {top:g} uL",
                remedy="check the plan, or declare the labware replaced",
            )  # fmt: skip


def batches(moves: Sequence[Move], channels: int = 8) -> list[tuple[Move, ...]]:
    """Consecutive moves of one liquid that the channels can make at once, in order."""
    found: list[list[Move]] = []
    for move in moves:
        if found and len(found[-1]) < channels and _goes_with(move, found[-1]):
            found[-1].append(move)
        else:
            found.append([move])
    return [tuple(batch) for batch in found]


def _goes_with(move: Move, batch: Sequence[Move]) -> bool:
    last = batch[-1]
    return (
        (move.liquid, move.mix, move.tips) == (last.liquid, last.mix, last.tips)
        and _follows(move.source, last.source, len(batch))
        and _follows(move.target, last.target, len(batch))
    )


def _follows(place: Place, last: Place, before: int) -> bool:
    """In the same long container, or further to the front in the same column; `before` channels stand there already."""
    if place is last:
        return before < place.abreast
    return place.column != "" and (place.piece, place.column) == (last.piece, last.column) and place.row > last.row


def plan(
    moves: Sequence[Move], free: Free, known: Mapping[str, float], channels: int = 8, held: Held | None = None
) -> tuple[list[Step], Held | None]:
    """Steps with their tips, and what the channels hold after them; Refused when there are not enough tips.

    `held` are the tips of the order before, `known` as in `check_volumes`.
    """
    steps: list[Step] = []
    for batch in batches(moves, channels):
        tips, capacity = None, 0.0
        if held is None or not held.goes_on(batch):
            tips, capacity = free.take(len(batch), max(move.volume for move in batch))
        elif held is not None:
            capacity = held.capacity
        steps.append(Step(batch, tips))
        first = batch[0]
        clean = not first.mix and all(known.get(move.target.name) == 0.0 for move in batch)
        held = Held(first.liquid, first.source.piece, len(batch), capacity, clean, clean or first.tips == "same")
    return steps, held


def rehearse(moves: Sequence[Move], free: Free, known: dict[str, float], channels: int, group: int, keep: bool) -> None:
    """As `plan` for a whole list that will come in orders of `group`: are there tips for all of it?

    `keep`: tips stay on the channels between two orders.
    """
    held: Held | None = None
    for first in range(0, len(moves), group):
        order = moves[first : first + group]
        _, held = plan(order, free, known, channels, held if keep else None)
        for move in order:
            known[move.target.name] = known.get(move.target.name, 0.0) + move.volume


class Free:
    """Tips that are still there, by rack and column; a rack is looked at when its tips are needed."""

    def __init__(self, racks: Iterable[Rack]) -> None:
        self._racks = sorted(racks, key=lambda rack: rack.size)
        self._columns: dict[str, list[list[TipSpot]]] = {}

    def take(self, count: int, volume: float) -> tuple[tuple[TipSpot, ...], float]:
        """`count` tips of one column and of the smallest size that holds `volume`, and that size, uL.

        Begun columns are used up first.
        """
        for size, racks in groupby(self._racks, key=lambda rack: rack.size):
            for rack in racks if size >= volume - EPSILON else ():
                fitting = [column for column in self._of(rack) if len(column) >= count]
                if fitting:
                    column = min(fitting, key=len)
                    taken, column[:count] = tuple(column[:count]), []
                    return taken, size
        raise Refused(
            "not enough tips", value=f"{count} for {volume:g} uL", bounds="in one column of a rack",
            remedy="put new tip racks on the deck and declare them replaced",
        )  # fmt: skip

    def _of(self, rack: Rack) -> list[list[TipSpot]]:
        if rack.name not in self._columns:
            there = [[spot for spot in column if spot.has_tip()] for column in rack.columns]
            self._columns[rack.name] = there
        return self._columns[rack.name]
