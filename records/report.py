"""The batch record as one HTML file that opens anywhere: no network, no script, nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from records import charts, deck_plot, present
from records.model import Action, BatchRecord, Comparison, SampleResult, UnitRecord
from records.tags import tag
from records.telemetry import TelemetryReader
from vesiflow.errors import ConfigError
from vesiflow.quantities import convert

_MOST_CURVES = 12


def write_report(record: BatchRecord, reader: TelemetryReader | None, path: Path) -> None:
    """Write `record` with charts from `reader` to `path`; ConfigError when the place cannot be written."""
    write_text(path, html(record, reader))


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path` all at once, so that nobody ever reads half a file; ConfigError when that fails."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigError(error.strerror or str(error), device=str(path), remedy="choose another place") from error


def html(record: BatchRecord, reader: TelemetryReader | None = None) -> str:
    """The report as text; the same record and telemetry give the same bytes."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            record=record,
            h=record.header,
            s=record.summary,
            css=resources.files("records").joinpath("templates/report.css").read_text(encoding="utf-8"),
            names={unit.number: unit.name for unit in record.units},
            charts={unit.number: _charts(unit, reader) for unit in record.units},
            waterfall=charts.waterfall(record.balance),
            curves=_curves(record, reader),
            decks=[(deck, deck_plot.picture(deck.layout, deck.state)) for deck in record.decks],
            samples=_samples(record),
            actions=merged(record.actions),
            outcomes=_outcomes(record.actions),
        )
    )


@dataclass(frozen=True, slots=True)
class Merged:
    """Equal actions that followed one another."""

    first: datetime
    last: datetime
    phase: str
    device: str
    verb: str
    kind: str
    args: str
    count: int
    state: str
    reason: str
    resolution: str


def merged(actions: Sequence[Action]) -> list[Merged]:
    """Runs of one action (same phase, role, verb, outcome) as one line; what is not DONE stays alone."""

    def alike(item: Action) -> tuple[str, ...]:
        alone = "" if item.state == "DONE" else item.id
        return item.phase, item.device, item.verb, item.kind, item.state, alone

    found = []
    for _, group in groupby(actions, alike):
        run = list(group)
        last = run[-1]
        found.append(
            Merged(
                run[0].utc,
                last.utc,
                last.phase,
                last.device,
                last.verb,
                last.kind,
                _arguments(last.args),
                len(run),
                last.state,
                last.reason,
                last.resolution,
            )
        )
    return found


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("records"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        moment=present.moment, span=present.span, figure=present.figure, percent=present.percent, text=present.text,
        label=present.label, parameters=present.parameters, area=_area, anchor=_anchor, like=_like, protein=_protein,
    )  # fmt: skip
    return environment


def _charts(unit: UnitRecord, reader: TelemetryReader | None) -> list[str]:
    if reader is None:
        return []
    drawn = [charts.trends(unit, reader), charts.chromatogram(unit, reader), charts.pulses(unit)]
    return [chart for chart in drawn if chart]


def _curves(record: BatchRecord, reader: TelemetryReader | None) -> dict[int, str]:
    """The curve around each of the first findings that name a tag, by the finding's place in the list."""
    if reader is None:
        return {}
    found: dict[int, str] = {}
    for index, item in enumerate(record.findings):
        if item.tag and len(found) < _MOST_CURVES:
            found[index] = charts.around(item, reader, f"f{index}")
    return found


def _samples(record: BatchRecord) -> dict[int, list[SampleResult]]:
    keys = {phase.key: unit.number for unit in record.units for phase in unit.phases}
    found: dict[int, list[SampleResult]] = {}
    for item in record.samples:
        found.setdefault(keys.get(item.phase, 0), []).append(item)
    return found


def _outcomes(actions: Sequence[Action]) -> Mapping[str, int]:
    states = ("DONE", "NOT_DONE", "UNKNOWN", "OPEN")
    counts = {state: sum(item.state == state for item in actions) for state in states}
    return {state.replace("_", " ").lower(): count for state, count in counts.items() if count or state == "DONE"}


def _arguments(args: Any) -> str:
    if isinstance(args, Mapping):
        return ", ".join(f"{name} {_arguments(value)}" for name, value in args.items())
    if isinstance(args, list | tuple):
        return ", ".join(_arguments(item) for item in args)
    try:
        return present.figure(float(args)) if not isinstance(args, bool) else str(args)
    except (TypeError, ValueError):
        return "" if args is None else str(args)


def _area(key: str) -> str:
    """The unit that a phase key belongs to: "1-tff/4-concentrate/1" is on "tff"."""
    return key.partition("/")[0].partition("-")[2]


def _anchor(key: str) -> str:
    return "phase-" + key.replace("/", "-")


def _like(value: float | None, row: Comparison, area: str, unit: bool = True) -> str:
    """A value of a comparison, all of them in the unit that suits the actual value."""
    if row.tag:
        display = tag(row.tag).display
    else:
        display = present.unit_for(row.unit, row.actual or 0.0, area)
        display = "percent" if row.name.endswith("recovery") and not row.unit else display
    shown = present.text(value, row.unit, area, display=display or row.unit)
    return shown if unit or value is None else shown.split(" ")[0]


def _protein(mass: float | None) -> str:
    if mass is None:
        return "–"
    shown = "mg" if mass >= 1e-7 else "ug"
    return f"{present.figure(convert(mass, 'kg', shown), 3)} {present.unit_text(shown).replace('ug', 'µg')}"
