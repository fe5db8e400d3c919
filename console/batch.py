"""`vesiflow batch`: what ran, how it went, and whether its record can be trusted."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from rich.console import Console
from rich.table import Table

from records import present
from records.export.ro_crate import write_crate
from records.journal import verify as verify_journal
from records.model import BatchRecord
from records.publish import opened, publish
from records.report import write_report
from records.store import Store
from vesiflow.errors import ConfigError, VesiflowError

_COLOURS = {"critical": "red", "major": "yellow", "fail": "red", "missing": "yellow", "pass": "green"}


def list_() -> None:
    """List every batch on every line, newest first.

    Example: vesiflow batch list
    """
    store = Store()
    found = store.batches()
    if not found:
        _console().print(f"No batch in {store.root} yet; start one with: vesiflow run exosome")
        return
    table = _table("batch", "recipe", "line", "state", "created (UTC)", "report")
    for line, head in reversed(found):
        folder = store.batch(line, head.batch)
        table.add_row(
            head.batch,
            f"{head.recipe} {head.version}".strip(),
            line + (" (simulated)" if head.simulated else ""),
            head.state,
            present.moment(head.created),
            "yes" if folder.report.is_file() else "",
        )
    _console().print(table)


def show(batch: str) -> None:
    """Show one batch: figures, release criteria, findings and how far it got.

    Example: vesiflow batch show 01KE6W3P4M6Z1J3GQ2M4V5A7CD
    """
    folder = Store().find(batch)
    with opened(folder) as (record, _):
        console = _console()
        console.print(_title(record), highlight=False)
        console.print(_figures(record))
        console.print(_steps(record))
        if record.release:
            console.print(_criteria(record))
        if record.findings:
            console.print(_findings(record))
        console.print(
            f"report: {folder.report}" if folder.report.is_file() else f"report: vesiflow batch report {batch}"
        )


def report(batch: str, *, output: Path | None = None, open_: bool = False) -> None:
    """Write the batch record as one HTML file and say where it is.

    Example: vesiflow batch report 01KE6W3P4M6Z1J3GQ2M4V5A7CD --output batch.html

    Parameters
    ----------
    batch
        Name of the batch, see `vesiflow batch list`.
    output
        Where to write it instead of the batch's own folder.
    open_
        Show it in the browser.
    """
    folder = Store().find(batch)
    if output is None:
        publish(folder)
    else:
        with opened(folder) as (record, telemetry):
            write_report(record, telemetry, output)
    path = (output or folder.report).resolve()
    _console().print(str(path), soft_wrap=True, highlight=False)
    if open_:
        webbrowser.open(path.as_uri())


def verify(line: str, *, anchor: str | None = None) -> None:
    """Check that the journal of a line is the one that was written; exit status 1 when it is not.

    Example: vesiflow batch verify sim --anchor 812:9f86d081884c7d65...

    Parameters
    ----------
    line
        Name of the line.
    anchor
        An entry number and its hash from a report, which also shows whether later entries were cut off.
    """
    store = Store()
    path = store.journal(store.known_line(line))
    result = verify_journal(path, _anchor(anchor))
    if not result.ok:
        raise VesiflowError(
            f"the journal does not hold from entry {result.first_bad_seq} on: {result.reason}",
            device=str(path),
            action="verify",
            remedy="keep the file for analysis and restore a backup",
        )
    _console().print(f"{path}: {result.count} entries, all as they were written", soft_wrap=True, highlight=False)


def export(batch: str, folder: Path) -> None:
    """Export a batch as an RO-Crate: report, record, journal, telemetry and recipe with their hashes.

    Example: vesiflow batch export 01KE6W3P4M6Z1J3GQ2M4V5A7CD ./batch-crate

    Parameters
    ----------
    batch
        Name of the batch.
    folder
        A new or empty folder.
    """
    found = Store().find(batch)
    with opened(found) as (record, telemetry):
        files = write_crate(found, record, telemetry, folder)
    table = _table("file", "bytes")
    for path in files:
        table.add_row(path.name, f"{path.stat().st_size}")
    _console().print(table)
    _console().print(str(folder.resolve()), soft_wrap=True, highlight=False)


def _console() -> Console:
    return Console()


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _title(record: BatchRecord) -> str:
    head = record.header
    mark = " [bold red]SIMULATED[/]" if head.simulated else ""
    return f"[bold]{head.batch}[/] {head.recipe} {head.version} on {head.line}: [bold]{head.state}[/]{mark}"


def _figures(record: BatchRecord) -> Table:
    s = record.summary
    table = _table("", "")
    table.show_header = False
    table.add_row("created", present.moment(record.header.created))
    table.add_row("duration", present.span(record.header.duration))
    table.add_row("particles in, out", f"{present.figure(s.particles_in, 3)}, {present.figure(s.particles_out, 3)}")
    table.add_row("overall yield", present.percent(s.overall_yield))
    table.add_row("purity", present.text(s.particles_per_ug, "1/ug", digits=3))
    table.add_row("doses", present.figure(s.doses))
    table.add_row("release criteria", f"{s.passed} met, {s.failed} failed, {s.missing} missing")
    return table


def _steps(record: BatchRecord) -> Table:
    table = _table("#", "unit procedure", "outcome", "took", "phases", title="Unit procedures")
    for unit in record.units:
        done = sum(phase.outcome == "complete" for phase in unit.phases)
        table.add_row(
            str(unit.number), unit.name, unit.outcome, present.span(unit.duration), f"{done} of {len(unit.phases)}"
        )
    return table


def _criteria(record: BatchRecord) -> Table:
    table = _table("criterion", "limit", "value", "verdict", title="Release criteria")
    for item in record.release:
        colour = _COLOURS.get(item.verdict, "white")
        table.add_row(
            item.label,
            f"{item.relation} {present.text(item.limit, item.unit)}",
            present.text(item.value, item.unit),
            f"[{colour}]{item.verdict}[/]",
        )
    return table


def _findings(record: BatchRecord) -> Table:
    table = _table("severity", "what", "phase", "at", title="Findings")
    for item in record.findings:
        colour = _COLOURS.get(item.severity, "white")
        table.add_row(
            f"[{colour}]{item.severity}[/]", f"{item.category}: {item.what}", item.phase, present.span(item.at)
        )
    return table


def _anchor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    seq, _, digest = text.partition(":")
    if not seq.isdigit() or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ConfigError("this is no anchor", value=text, bounds="an entry number, a colon and 64 hex digits")
    return int(seq), digest
