"""The batch record: a pure fold over journal and telemetry, never over live objects.

`build` reads, `fold` computes; the same entries give the same record, whoever asks and whenever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from records import deck_snapshot, findings, people, phases, robot_runs
from records.balance import balance, summarise
from records.heads import Head
from records.journal_reader import Entry, Intent, JournalReader
from records.model import Action, BatchRecord, Event, Header, SampleResult
from records.release import judge
from records.telemetry import TelemetryReader
from records.timeline import Timeline, brief, number, texts
from vesiflow.errors import ConfigError
from vesiflow.ids import canonical

_APART = ("intent", "outcome", "resolution", deck_snapshot.KIND, *robot_runs.KINDS)


def build(reader: JournalReader, batch: str, telemetry: TelemetryReader | None = None) -> BatchRecord:
    """The record of `batch` as far as it has got; ConfigError when the journal does not know it."""
    entries = reader.events(batch)
    if not any(entry.kind == "batch.created" for entry in entries):
        raise ConfigError(f"the journal knows no batch {batch!r}", remedy="see `vesiflow batch list`")
    return fold(entries, reader.intents(batch), telemetry, reader.signed_head(entries[-1].seq))


def fold(
    entries: Sequence[Entry],
    intents: Sequence[Intent],
    telemetry: TelemetryReader | None = None,
    head: Head | None = None,
) -> BatchRecord:
    """The record that these entries and actions tell; `entries` hold one "batch.created", `head` covers them."""
    created = next(entry for entry in entries if entry.kind == "batch.created")
    line = Timeline(created, tuple(entries))
    units = phases.units(line, telemetry)
    samples = _samples(line)
    rows = balance(line, samples)
    actions = tuple(_action(line, intent) for intent in intents)
    waits = phases.hold_times(line, units)
    found = findings.collect(line, units, waits, actions)
    figures = summarise(line, rows)
    release = judge(line.recipe.get("release", ()), figures, samples, units)
    return BatchRecord(
        header=_header(line, head),
        summary=dataclasses.replace(
            figures,
            passed=sum(item.verdict == "pass" for item in release),
            failed=sum(item.verdict == "fail" for item in release),
            missing=sum(item.verdict == "missing" for item in release),
            findings=findings.counts(found),
        ),
        release=release,
        findings=found,
        units=units,
        hold_times=waits,
        samples=samples,
        balance=rows,
        actions=actions,
        questions=people.questions(line),
        events=tuple(_event(line, entry) for entry in entries if entry.kind not in _APART),
        decks=deck_snapshot.last_ones(
            [(str(entry.data.get("key", "")), entry.data) for entry in entries if entry.kind == deck_snapshot.KIND]
        ),
        robot_runs=robot_runs.runs(entries),
    )


def to_json(record: BatchRecord) -> dict[str, Any]:
    """The record as plain JSON data, dates as ISO 8601 text. `canonical(to_json(record))` is its written form."""
    data = _plain(record)
    assert isinstance(data, dict)
    return data


def written(record: BatchRecord) -> str:
    """The record as canonical JSON text: equal records give equal bytes."""
    return canonical(to_json(record))


_IDENTITY = {
    "batch", "id", "seq", "utc", "created", "started", "ended", "boots", "journal_seq", "journal_hash", "head",
}  # fmt: skip


def comparable(record: BatchRecord) -> dict[str, Any]:
    """`to_json` without ids and dates: two runs of one recipe with one seed give the same."""
    batch = record.header.batch
    names = {batch: "<batch>"} | ({batch[-6:]: "<batch>"} if len(batch) > 12 else {})
    data = _stripped(to_json(record), names)
    assert isinstance(data, dict)
    return data


def _stripped(data: Any, names: Mapping[str, str]) -> Any:
    if isinstance(data, dict):
        return {key: _stripped(value, names) for key, value in data.items() if key not in _IDENTITY}
    if isinstance(data, list):
        return [_stripped(item, names) for item in data]
    if isinstance(data, str):
        for name, stand_in in names.items():
            data = data.replace(name, stand_in)
    return data


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, float) and value - value != 0:  # JSON has no NaN and no infinity
        return None
    return value


def _header(line: Timeline, head: Head | None) -> Header:
    created, recipe = line.created, line.recipe
    states = [entry for entry in line.entries if entry.kind == "batch.state"]
    state = str(states[-1].data.get("new", "")) if states else "Idle"
    ended = states[-1].utc if states and state in findings.OVER else None
    last = line.entries[-1]
    boots = dict.fromkeys(entry.boot for entry in line.entries)
    return Header(
        batch=created.batch,
        recipe=str(recipe.get("recipe", "")),
        version=str(recipe.get("version", "")),
        recipe_digest=str(created.data.get("recipe_digest", "")),
        line=str(created.data.get("line", recipe.get("line", ""))),
        line_digest=str(created.data.get("line_digest", "")),
        software=str(created.data.get("software", "")),
        seed=created.data.get("seed"),
        simulated=bool(created.data.get("simulated", False)),
        state=state,
        created=created.utc,
        ended=ended,
        duration=line.at(ended) if ended else None,
        source=texts(recipe.get("header", {})),
        material={name: float(value) for name, value in recipe.get("material", {}).items()},
        instruments={name: texts(item) for name, item in created.data.get("instruments", {}).items()},
        boots=tuple(boots),
        journal_seq=last.seq,
        journal_hash=last.hash,
        head=head,
    )


def _samples(line: Timeline) -> tuple[SampleResult, ...]:
    answered = people.answers(line)
    return tuple(
        SampleResult(
            point=str(entry.data.get("point", "")),
            source=str(entry.data.get("source", "")),
            assay=str(entry.data.get("assay", "")),
            value=number(entry.data["value"]),
            unit=str(entry.data.get("unit", "")),
            by=str(entry.data.get("by") or answered.get(str(entry.data.get("key", "")), "")),
            phase=str(entry.data.get("key", "")),
            utc=entry.utc,
            at=line.at(entry.utc),
        )
        for entry in line.of("sample")
    )


def _action(line: Timeline, intent: Intent) -> Action:
    outcome, resolution = intent.outcome, intent.resolution
    return Action(
        id=intent.id,
        utc=intent.utc,
        at=line.at(intent.utc),
        phase=intent.phase,
        device=intent.device,
        serial=intent.serial,
        device_kind=intent.device_kind,
        kind=intent.kind,
        verb=intent.verb,
        args=intent.args,
        state=outcome.state if outcome else "OPEN",
        origin=outcome.origin if outcome else "",
        reason=outcome.reason if outcome else "no outcome was written",
        seconds=(outcome.utc - intent.utc).total_seconds() if outcome else None,
        resolution=f"{resolution.verdict} by {resolution.by}: {resolution.reason}" if resolution else "",
    )


def _event(line: Timeline, entry: Entry) -> Event:
    return Event(entry.seq, entry.kind, entry.utc, line.at(entry.utc), brief(entry))
