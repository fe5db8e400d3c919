"""What physically happened in a batch, from the plant's own ledger and bottles; never from the journal."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.ledger import Ledger
from sim.plant import Plant

TIPS_REMOVED = "tips removed"
PUMPS = ("permeate pump", "buffer pump", "recovery pump")
PEOPLE = (
    "install module", "fill buffer", "hang bottle", "empty permeate", "weigh bottle", "load loop", "place tubes",
    "pool fractions", "dip probe", "place on deck", "prepare cargo", "place plate", "place vials", "chill plate",
    "move plate", "load vials", "stopper vials", "unload vials", "sample",
)  # fmt: skip
TOLERANCE = 0.04  # relative; bottles and pumped volumes
SMALLEST = 0.3e-6  # m^3; differences below it are drops
_WATCHED_ANEW = 8e-6  # m^3: a column run until its conductivity is flat is watched anew for the ten readings it takes
_FLUX = 40e-3 / 3600.0 * 235e-4  # m^3/s, the most that passes the membrane of these batches
_RUN_LIMIT = 20.0  # s after which a pump of the filtration stands by itself
_FRACTION = 2e-6  # m^3
_IN_A_TUBE = 3e10  # particles in one
_START = 3.0  # s a controller needs to find its instruments and make them safe


@dataclass(frozen=True)
class Deeds:
    """`counts` must agree exactly between two runs, `amounts` (m^3, particles) within `TOLERANCE`."""

    counts: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, float] = field(default_factory=dict)


def transfers(ledger: Ledger, since: float = float("-inf")) -> Counter[tuple[str, str]]:
    """How often liquid went from one place to another; mixing in place does not count."""
    found: Counter[tuple[str, str]] = Counter()
    drawn: deque[str] = deque()
    for event in ledger.events:
        if event.at < since:
            continue
        if event.kind == "aspirate":
            drawn.append(str(event.details["place"]))
        elif event.kind == "dispense" and drawn:
            pair = (drawn.popleft(), str(event.details["place"]))
            if pair[0] != pair[1]:
                found[pair] += 1
        elif event.kind == TIPS_REMOVED:
            drawn.clear()
    return found


def deeds(plant: Plant) -> Deeds:
    """Everything that must have happened once."""
    plant.advance()
    counts: Counter[str] = Counter()
    for (source, target), number in transfers(plant.ledger).items():
        counts[f"transfer {source} -> {target}"] = number
    for event in plant.ledger.events:
        if event.kind == "pulse":
            counts[f"pulse column {event.details['column']}, {len(event.details['wells'])} wells"] += 1
        elif event.kind == "tube":
            counts[f"tube {event.details['tube']}"] += 1
        elif event.kind in PEOPLE:
            counts[f"{event.kind} {_told(event.details)}".strip()] += 1
    return Deeds(dict(counts), _amounts(plant))


def _told(details: Mapping[str, Any]) -> str:
    """What was said to a person, measured numbers left out."""
    names = ("bottle", "position", "plate", "vials", "barcode", "to", "column", "point")
    return " ".join(str(details[name]) for name in names if details.get(name) is not None)


def _amounts(plant: Plant) -> dict[str, float]:
    amounts = {
        f"{name} moved": sum(event.details["moved"] for event in plant.ledger.of(name)) for name in PUMPS
    }  # fmt: skip
    amounts["eluent pumped"] = plant.sec.bed.volume
    amounts["particles onto the column"] = plant.sec.injected
    for bottle in plant.store.bottles.values():
        amounts[f"bottle {bottle.name}: volume"] = bottle.volume
        amounts[f"bottle {bottle.name}: particles"] = bottle.content.particles
    return amounts


def _alone(name: str, gap: float) -> float:
    """What a death may add or take, m^3 or particles.

    The pumps of the filtration turn on until they stand by themselves or the next controller, started after `gap` s,
    has stopped them. Tubes are pooled by a chromatogram of which a death hides some seconds: one more or less.
    """
    if name.startswith("bottle pool: "):
        return _IN_A_TUBE if "particles" in name else _FRACTION
    if name == "eluent pumped":
        return _WATCHED_ANEW
    pumped = name.endswith("pump moved") or name == "bottle capture: volume"
    return _FLUX * min(gap + _START, _RUN_LIMIT) if pumped else 0.0


def differences(
    expected: Deeds, found: Deeds, deaths: int = 0, *, gap: float = 2.0, over: bool = True
) -> tuple[list[str], list[str]]:
    """(repeated, lost): what happened more and less often, or more and less of it, than in `expected`.

    A batch that is not `over` still has in its bottles what it will need, and nothing of it is lost.
    """
    repeated, lost = [], []
    for name in sorted({*expected.counts, *found.counts}):
        want, got = expected.counts.get(name, 0), found.counts.get(name, 0)
        (repeated if got > want else lost).append(f"{name}: {got} instead of {want}") if got != want else None
    for name in sorted({*expected.amounts, *found.amounts}):
        wanted, got_ = expected.amounts.get(name, 0.0), found.amounts.get(name, 0.0)
        if not over and name.startswith("bottle "):
            continue
        slack = max(TOLERANCE * abs(wanted), 1e9 if "particles" in name else SMALLEST) + deaths * _alone(name, gap)
        if abs(got_ - wanted) > slack:
            (repeated if got_ > wanted else lost).append(f"{name}: {got_:.4g} instead of {wanted:.4g}")
    return repeated, lost if over else []
