"""What faults name and a line or a recipe has not: refused before anything runs, with file and line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sim.bench import Bench
from sim.faults.model import Fault
from sim.ledger import EVENTS
from sim.plant import Plant
from vesiflow.documents import Place
from vesiflow.errors import ConfigError
from vesiflow.words import meant


def refuse_unknown(faults: Sequence[Fault], bench: Bench, plant: Plant, values: Collection[str]) -> None:
    """ConfigError for every address, sensor, action, event or value that this line has not."""
    known = {
        "address": bench.endpoints, "sensor": plant.sensors, "action": plant.people.known, "value": values,
        "event": (*plant.people.known, *EVENTS),
    }  # fmt: skip
    _refuse(
        fault.problem(place, f"this line has no {kind} {name!r}{meant(name, known[kind])}; it has {_list(known[kind])}")
        for fault in faults
        for kind, place, name in _named(fault)
        if name not in known[kind]
    )


def refuse_phases(faults: Sequence[Fault], kinds: Collection[str]) -> None:
    """ConfigError for every fault that waits for a phase of which the recipe, with phases of `kinds`, has none."""
    words = {kind.rpartition(".")[2] for kind in kinds}
    _refuse(
        fault.problem(
            ("when", "phase"), f"the recipe has no phase {name!r}{meant(name, (*words, *kinds))}; it has {_list(words)}"
        )
        for fault in faults
        if (name := fault.when.phase) and not any(fault.when.means(kind) for kind in kinds)
    )


def _named(fault: Fault) -> Iterator[tuple[str, Place, str]]:
    """What a fault names: kind, where in the fault, and name."""
    for part in str(fault.settings.get("at", "")).split(","):
        if part.strip():
            yield "address", ("settings", "at"), part.strip()
    for name, kind in (("sensor", "sensor"), ("other", "sensor"), ("action", "action")):
        if name in fault.settings:
            yield kind, ("settings", name), str(fault.settings[name])
    if fault.when.value:
        yield "value", ("when", "value"), fault.when.value
    if fault.when.event:
        yield "event", ("when", "event"), fault.when.event


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _refuse(found: Iterator[str]) -> None:
    lines = list(found)
    if lines:
        raise ConfigError("\n".join(lines))
