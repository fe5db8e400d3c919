"""What the robot will do for a list of transfers, and whether it can: pure planning on the deck's trackers.

Consecutive transfers of one liquid go up to eight at a time where sources and targets stand in a column (or in one
long trough). Every liquid gets new tips; tips go on to the next batch of the same liquid only while they have touched
nothing but empty wells, or when a transfer says "same"; mixed wells get new tips otherwise. Impossible work is refused
before the first move.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pylabrobot.liquid_handling.channel_positioning import compute_channel_offsets
from pylabrobot.resources import Container, ItemizedResource, Resource, TipRack, TipSpot

from devices.drivers.plr_deck import container, where
from devices.readings import Transfer
from devices.strict import finite
from vesiflow.errors import ConfigError, LimitExceeded, Refused

EPSILON = 1e-6  # uL
SMALLEST = 0.1  # uL


@dataclass(frozen=True)
class Move:
    """One transfer on the deck, uL."""

    source: Container
    target: Container
    volume: float
    liquid: str
    mix: bool
    tips: str = "auto"


@dataclass(frozen=True)
class Step:
    """Moves made at once. `tips` are new ones to pick up; None goes on with those on the channels."""

    moves: tuple[Move, ...]
    tips: tuple[TipSpot, ...] | None


def name_of(resource: Resource) -> str:
    """ "plate:A1"."""
    return ":".join(where(resource))


def moves_for(pieces: Mapping[str, Resource], transfers: Sequence[Transfer]) -> list[Move]:
    """The transfers on this deck; ConfigError or LimitExceeded for what no deck could do."""
    moves = []
    for transfer in transfers:
        source, target = container(pieces, transfer.source), container(pieces, transfer.target)
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
        source, target = name_of(move.source), name_of(move.target)
        if source in known:
            if volumes[source] < move.volume - EPSILON:
                raise Refused(
                    f"{source} runs dry", value=f"{move.volume:g} uL", bounds=f"{volumes[source]:g} uL there",
                    remedy="check the plan, or declare the labware replaced",
                )  # fmt: skip
            volumes[source] -= move.volume
        top = min(float(move.target.max_volume), limits.get(where(move.target)[0], float("inf")))
        volumes[target] = volumes.get(target, 0.0) + move.volume
        if volumes[target] > top + EPSILON:
            raise LimitExceeded(
                f"{target} overflows", value=f"{volumes[target]:g} uL", bounds=f"at most {top:g} uL",
                remedy="check the plan, or declare the labware replaced",
            )  # fmt: skip


def batches(moves: Sequence[Move], channels: int = 8) -> list[tuple[Move, ...]]:
    """Consecutive moves of one liquid that the channels can make at once, in order."""
    found: list[tuple[Move, ...]] = []
    for move in moves:
        wider = (*found[-1], move) if found else (move,)
        if found and len(wider) <= channels and _together(wider):
            found[-1] = wider
        else:
            found.append((move,))
    return found


def _together(moves: Sequence[Move]) -> bool:
    same = len({(move.liquid, move.mix, move.tips) for move in moves}) == 1
    return same and _aligned([move.source for move in moves]) and _aligned([move.target for move in moves])


def _aligned(containers: Sequence[Container]) -> bool:
    """One long container, or wells of one labware in one column, from the back to the front."""
    first = containers[0]
    if all(one is first for one in containers):
        return not isinstance(first.parent, ItemizedResource) and _fits(first, len(containers))
    if not isinstance(first.parent, ItemizedResource) or any(one.parent is not first.parent for one in containers):
        return False
    wells = [re.fullmatch(r"([A-Z])(\d+)", where(one)[1]) for one in containers]
    rows = [well[1] for well in wells if well]
    columns = {well[2] for well in wells if well}
    return len(rows) == len(wells) and len(columns) == 1 and rows == sorted(set(rows))


def _fits(trough: Container, channels: int) -> bool:
    try:
        compute_channel_offsets(trough, num_channels=channels, spread="wide")
    except Exception:  # the library raises several kinds for "too narrow"
        return False
    return True


def plan(moves: Sequence[Move], racks: Sequence[TipRack], known: Mapping[str, float], channels: int = 8) -> list[Step]:
    """Steps with their tips; Refused when there are not enough. `known` as in `check_volumes`."""
    free = {rack.name: [spot for spot in rack.get_all_items() if spot.has_tip()] for rack in racks}
    steps: list[Step] = []
    clean, held, capacity = False, 0, 0.0
    for batch in batches(moves, channels):
        volume = max(move.volume for move in batch)
        same = bool(steps) and steps[-1].moves[0].liquid == batch[0].liquid and held == len(batch)
        policy = batch[0].tips
        keeps = policy == "same" or (policy == "auto" and clean and not batch[0].mix)
        if same and keeps and volume <= capacity:
            steps.append(Step(batch, None))
        else:
            tips = _take(free, racks, len(batch), volume)
            held, capacity = len(tips), float(tips[0].get_tip().maximal_volume)
            steps.append(Step(batch, tips))
        clean = not batch[0].mix and all(known.get(name_of(move.target)) == 0.0 for move in batch)
    return steps


def _take(free: dict[str, list[TipSpot]], racks: Sequence[TipRack], count: int, volume: float) -> tuple[TipSpot, ...]:
    """`count` tips of one column and of the smallest size that holds `volume`."""
    sizes = sorted({_size(rack) for rack in racks if _size(rack) >= volume - EPSILON})
    for size in sizes:
        for rack in racks:
            if _size(rack) != size:
                continue
            for column in _columns(free[rack.name]):
                if len(column) >= count:
                    taken = tuple(column[:count])
                    free[rack.name] = [spot for spot in free[rack.name] if spot not in taken]
                    return taken
    raise Refused(
        "not enough tips", value=f"{count} for {volume:g} uL", bounds="in one column of a rack",
        remedy="put new tip racks on the deck and declare them replaced",
    )  # fmt: skip


def _size(rack: TipRack) -> float:
    return float(rack.get_all_items()[0].make_tip().maximal_volume)


def _columns(spots: Sequence[TipSpot]) -> list[list[TipSpot]]:
    """Columns with tips, the emptiest first, so that begun columns are used up."""
    columns: dict[str, list[TipSpot]] = {}
    for spot in spots:
        columns.setdefault(where(spot)[1][1:], []).append(spot)
    return sorted(columns.values(), key=len)
