"""Unit procedures and phases of a batch: when they ran, what was set, what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from records.comparisons import comparisons
from records.journal_reader import Entry
from records.model import HoldTime, PhaseRecord, UnitRecord
from records.telemetry import TelemetryReader
from records.timeline import Timeline, number

_ROUNDING = 1e-3  # dates in the journal are cut to microseconds: a sample at the very start belongs to what went before


@dataclass
class _Runs:
    """The starts and ends of one phase; more than one when a restart ran it again."""

    starts: list[Entry] = field(default_factory=list)
    ends: list[Entry] = field(default_factory=list)


def units(line: Timeline, telemetry: TelemetryReader | None) -> tuple[UnitRecord, ...]:
    """Every unit procedure of the control recipe, begun or not."""
    runs: dict[str, _Runs] = {}
    for entry in line.of("phase.started", "phase.ended"):
        kept = runs.setdefault(str(entry.data.get("key", "")), _Runs())
        (kept.starts if entry.kind == "phase.started" else kept.ends).append(entry)
    return tuple(_unit(line, item, runs, telemetry) for item in line.recipe.get("unit_procedures", ()))


def hold_times(line: Timeline, found: Sequence[UnitRecord]) -> tuple[HoldTime, ...]:
    """The limits on waiting between unit procedures with the times that passed."""
    by_number = {unit.number: unit for unit in found}
    return tuple(_hold_time(item, by_number) for item in line.recipe.get("hold_times", ()))


def _hold_time(item: Mapping[str, Any], by_number: Mapping[int, UnitRecord]) -> HoldTime:
    after, before, limit = int(item["after"]), int(item["before"]), number(item["limit"])
    earlier, later = by_number.get(after), by_number.get(before)
    if earlier is None or later is None or earlier.ended is None or later.started is None:
        return HoldTime(after, before, limit, None, None)
    waited = (later.started - earlier.ended).total_seconds()
    return HoldTime(after, before, limit, waited, waited <= limit)


def _unit(
    line: Timeline, item: Mapping[str, Any], runs: Mapping[str, _Runs], telemetry: TelemetryReader | None
) -> UnitRecord:
    found = tuple(
        _phase(line, str(operation["name"]), phase, runs.get(str(phase["key"]), _Runs()), telemetry)
        for operation in item.get("operations", ())
        for phase in operation.get("phases", ())
    )
    started = min((phase.started for phase in found if phase.started), default=None)
    ended = max((phase.ended for phase in found if phase.ended), default=None)
    return UnitRecord(
        number=int(item["number"]),
        name=str(item["name"]),
        unit=str(item["unit"]),
        outcome=_outcome([phase.outcome for phase in found]),
        started=started,
        ended=ended,
        duration=(ended - started).total_seconds() if started and ended else None,
        phases=found,
    )


def _outcome(outcomes: Sequence[str]) -> str:
    for bad in ("failed", "stopped", "running"):
        if bad in outcomes:
            return bad
    if all(outcome == "complete" for outcome in outcomes):
        return "complete"
    return "incomplete" if "complete" in outcomes else "not started"


def _phase(
    line: Timeline, operation: str, phase: Mapping[str, Any], runs: _Runs, telemetry: TelemetryReader | None
) -> PhaseRecord:
    start = runs.starts[0].utc if runs.starts else None
    # a controller that dies leaves a start without an end, and the next one starts the phase again
    over = bool(runs.ends) and (not runs.starts or runs.ends[-1].seq > runs.starts[-1].seq)
    last = runs.ends[-1] if over else None
    end = last.utc if last else None
    results = _results(last.data.get("results") or {}) if last else {}
    window = (start.timestamp() + _ROUNDING, end.timestamp() + _ROUNDING) if start and end else None
    return PhaseRecord(
        key=str(phase["key"]),
        kind=str(phase["kind"]),
        operation=operation,
        params=dict(phase.get("params", {})),
        expected=number(phase.get("duration")),
        outcome=str(last.data.get("outcome", "")) if last else ("running" if start else "not started"),
        reason=str(last.data.get("reason", "")) if last else "",
        attempts=len(runs.starts),
        started=start,
        ended=end,
        at=line.at(start) if start else None,
        duration=(end - start).total_seconds() if start and end else None,
        comparisons=comparisons(str(phase["kind"]), phase.get("params", {}), results, window, telemetry),
        results=results,
    )


def _results(data: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """By name, numbers inside names in their order ("column 2" before "column 10")."""
    names = sorted(data, key=lambda name: [(int(part), "") if part.isdigit() else (-1, part) for part in name.split()])
    return {name: (number(data[name][0]), str(data[name][1])) for name in names}
