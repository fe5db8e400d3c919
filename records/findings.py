"""Review by exception: everything in a batch that a reviewer must look at, the worst first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from records.journal_reader import Entry
from records.model import Action, Finding, HoldTime, UnitRecord
from records.timeline import Timeline, number

OVER = ("Complete", "Stopped", "Aborted")
SEVERITIES = ("critical", "major", "minor", "info")
_PRIORITIES = {"critical": "critical", "high": "critical", "medium": "major", "low": "minor"}


def collect(
    line: Timeline, units: Sequence[UnitRecord], waits: Sequence[HoldTime], actions: Sequence[Action]
) -> tuple[Finding, ...]:
    """All findings, by severity, then by time."""
    found = [*_deviations(line), *_alarms(line), *_states(line), *_ends(line), *_restarts(line)]
    found += [*_doubts(line, actions), *_simulated(line), *_late(line, units, waits)]
    placed = [dataclasses.replace(item, phase=item.phase or _phase_at(units, item)) for item in found]
    return tuple(sorted(placed, key=lambda item: (_rank(item.severity), item.at, item.seq)))


def counts(found: Sequence[Finding]) -> dict[str, int]:
    """How many there are of each severity."""
    return {severity: sum(item.severity == severity for item in found) for severity in SEVERITIES}


def _phase_at(units: Sequence[UnitRecord], found: Finding) -> str:
    """The phase that ran at that time, "" when none did or when the finding is about the whole batch."""
    utc = found.utc
    for unit in () if found.category == "simulation" else units:
        for phase in unit.phases:
            if phase.started and phase.started <= utc and (phase.ended is None or utc <= phase.ended):
                return phase.key
    return ""


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def _finding(line: Timeline, entry: Entry, category: str, severity: str, what: str) -> Finding:
    key = str(entry.data.get("key", ""))
    return Finding(category, severity, entry.seq, entry.utc, line.at(entry.utc), key, what)


def _deviations(line: Timeline) -> Iterator[Finding]:
    for entry in line.of("deviation"):
        data = entry.data
        severity = str(data.get("severity", "major"))
        yield Finding(
            category="deviation",
            severity=severity if severity in SEVERITIES else "major",
            seq=entry.seq,
            utc=entry.utc,
            at=line.at(entry.utc),
            phase=str(data.get("key", "")),
            what=str(data.get("what", "")),
            value=number(data["value"]) if data.get("value") is not None else None,
            limit=number(data["limit"]) if data.get("limit") is not None else None,
            unit=str(data.get("unit", "")),
            tag=str(data.get("tag", "")),
        )


def _alarms(line: Timeline) -> Iterator[Finding]:
    for entry in line.entries:
        if entry.kind in ("alarm.raised", "alarm.active"):
            priority = str(entry.data.get("priority", "medium")).lower()
            what = str(entry.data.get("text") or entry.data.get("what") or entry.data.get("tag", "alarm"))
            found = _finding(line, entry, "alarm", _PRIORITIES.get(priority, "major"), what)
            data = entry.data
            yield dataclasses.replace(
                found,
                value=number(data["value"]) if data.get("value") is not None else None,
                limit=number(data["limit"]) if data.get("limit") is not None else None,
                unit=str(data.get("unit", "")),
                tag=str(data.get("tag", "")),
            )


def _states(line: Timeline) -> Iterator[Finding]:
    """Holds with how long they lasted, stops and aborts; the person is the one who ordered the way there."""
    severities = {"Held": ("hold", "major"), "Stopped": ("stop", "major"), "Aborted": ("abort", "critical")}
    moves = list(line.of("batch.state"))
    for before, entry, after in zip([None, *moves], moves, [*moves[1:], None], strict=False):
        category, severity = severities.get(str(entry.data.get("new", "")), ("", ""))
        if category:
            ordered = before if before is not None and before.data.get("new") == entry.data.get("old") else entry
            why = entry.data.get("why") or "no reason given"
            found = _finding(line, entry, category, severity, f"{why} ({ordered.data.get('who', 'controller')})")
            lasted = (after.utc - entry.utc).total_seconds() if category == "hold" and after is not None else None
            yield dataclasses.replace(found, value=lasted, unit="" if lasted is None else "s")


def _ends(line: Timeline) -> Iterator[Finding]:
    for entry in line.of("phase.ended"):
        outcome = str(entry.data.get("outcome", ""))
        if outcome not in ("complete", ""):
            severity = "critical" if outcome == "failed" else "major"
            yield _finding(line, entry, f"phase {outcome}", severity, str(entry.data.get("reason", "")))


def _restarts(line: Timeline) -> Iterator[Finding]:
    boot = line.created.boot
    for entry in line.entries:
        if entry.boot != boot:
            boot = entry.boot
            yield _finding(line, entry, "restart", "major", "the line controller was restarted during the batch")


def _doubts(line: Timeline, actions: Sequence[Action]) -> Iterator[Finding]:
    over = any(entry.data.get("new") in OVER for entry in line.of("batch.state"))
    for action in actions:
        what = f"{action.device} {action.verb}: {action.reason}"
        if action.state == "UNKNOWN" and action.resolution:
            yield _of_action(action, "resolved doubt", "major", f"{what}; {action.resolution}")
        elif action.state == "UNKNOWN":
            yield _of_action(action, "doubt", "critical", f"{what}; nobody has resolved it")
        elif action.state == "OPEN" and over:
            yield _of_action(action, "doubt", "critical", what)
        elif action.state == "NOT_DONE":
            yield _of_action(action, "not done", "minor", what)


def _of_action(action: Action, category: str, severity: str, what: str) -> Finding:
    return Finding(category, severity, 0, action.utc, action.at, action.phase, what)


def _simulated(line: Timeline) -> Iterator[Finding]:
    if line.created.data.get("simulated"):
        instruments: Mapping[str, object] = line.created.data.get("instruments", {})
        what = f"made on simulated instruments ({len(instruments)} on the line): no product exists"
        yield _finding(line, line.created, "simulation", "info", what)


def _late(line: Timeline, units: Sequence[UnitRecord], waits: Sequence[HoldTime]) -> Iterator[Finding]:
    by_number = {unit.number: unit for unit in units}
    for wait in waits:
        if wait.ok is not False:
            continue
        earlier, later = by_number[wait.after], by_number[wait.before]
        utc = later.started or line.created.utc
        what = f"waited too long between {earlier.name} and {later.name}"
        key = later.phases[0].key
        yield Finding("hold time", "major", 0, utc, line.at(utc), key, what, wait.actual, wait.limit, "s")
