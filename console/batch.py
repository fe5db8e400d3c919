"""`vesiflow batch`: what ran, how it went, and whether its record can be trusted."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from rich.markup import escape

from console.summary import plain_table, print_summary, screen
from devices.line_file import load_line
from line.backup import back_up
from line.closing import close_record
from line.record import folded
from line.replay import replay as replayed
from records import present
from records.export.ro_crate import write_crate
from records.heads import known_keys
from records.journal import verify as verify_journal
from records.model import BatchRecord
from records.report import write_report
from records.store import Store
from vesiflow.errors import ConfigError, VesiflowError

_HEX = "0123456789abcdef"
_COLOURS = {"critical": "red", "major": "yellow"}


def list_() -> None:
    """List every batch on every line, newest first.

    Example: vesiflow batch list
    """
    store = Store()
    found = store.batches()
    if not found:
        screen().print(f"No batch in {store.root} yet; start one with: vesiflow run exosome", highlight=False)
        return
    table = plain_table("batch", "recipe", "line", "state", "created (UTC)", "report")
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
    screen().print(table)


def show(batch: str) -> None:
    """Show one batch: figures, release criteria, findings and how far it got.

    Example: vesiflow batch show 01KE6W3P4M6Z1J3GQ2M4V5A7CD
    """
    folder = Store().find(batch)
    with folded(folder) as (record, _):
        print_summary(record)
        _print_findings(record)
    written = folder.report.is_file()
    where = f"report: {folder.report}" if written else f"no report yet; write it with: vesiflow batch report {batch}"
    screen().print(where, soft_wrap=True, highlight=False, markup=False)


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
        close_record(folder)
    else:
        with folded(folder) as (record, telemetry):
            write_report(record, telemetry, output)
    path = (output or folder.report).resolve()
    screen().print(str(path), soft_wrap=True, highlight=False)
    if open_:
        webbrowser.open(path.as_uri())


def replay(batch: str, *, line: str | None = None) -> None:
    """Read the journal of a batch's line as this version would have written it, and name the first entry that differs.

    Worth doing after an update, before a batch that an earlier version began goes on.

    Example: vesiflow batch replay 01KE6W3P4M6Z1J3GQ2M4V5A7CD

    Parameters
    ----------
    batch
        Name of the batch, see `vesiflow batch list`.
    line
        Its line file, when the line is not a packaged one.
    """
    folder = Store().find(batch)
    decisions = replayed(folder.journal, load_line(line or folder.line))
    print(f"{batch}: this version reads all {len(decisions)} decisions as they were written")


def verify(line: str, *, anchor: str | None = None, key: str | None = None) -> None:
    """Check that the journal of a line is the one that was written; exit status 1 when it is not.

    Example: vesiflow batch verify sim --anchor 812:9f86d081884c7d65...

    Parameters
    ----------
    line
        Name of the line.
    anchor
        An entry number and its hash from a report, which also shows whether later entries were cut off.
    key
        Public key of a report, which alone may have signed; default: the keys in journal.pub of the data folder.
    """
    store = Store()
    path = store.journal(store.known_line(line))
    result = verify_journal(path, _anchor(anchor), known_keys(store.root) if key is None else (_key(key),))
    if not result.ok:
        raise VesiflowError(
            f"the journal does not hold from entry {result.first_bad_seq} on: {result.reason}",
            device=str(path),
            action="verify",
            remedy="keep the file for analysis and restore a backup",
        )
    head = result.head
    signed = f"signed up to entry {head.seq} with key {head.key}" if head else "not signed"
    what = f"{path}: {result.count} entries, all as they were written; {signed}"
    screen().print(what, soft_wrap=True, highlight=False)


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
    with folded(found) as (record, telemetry):
        files = write_crate(found, record, telemetry, folder)
    table = plain_table("file", ">bytes")
    for path in files:
        table.add_row(path.name, f"{path.stat().st_size}")
    screen().print(table)
    screen().print(str(folder.resolve()), soft_wrap=True, highlight=False)


def _print_findings(record: BatchRecord) -> None:
    if not record.findings:
        return
    table = plain_table("severity", "finding", "phase", ">at")
    for item in record.findings:
        colour = _COLOURS.get(item.severity, "dim")
        what = escape(f"{item.category}: {item.what}")
        table.add_row(f"[{colour}]{item.severity}[/]", what, item.phase, present.span(item.at))
    screen().print(table)


def _anchor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    seq, _, digest = text.partition(":")
    if not seq.isdigit() or len(digest) != 64 or set(digest) - set(_HEX):
        raise ConfigError("this is no anchor", value=text, bounds="an entry number, a colon and 64 hex digits")
    return int(seq), digest


def _key(text: str) -> str:
    if len(text) != 64 or set(text) - set(_HEX):
        raise ConfigError("this is no public key", value=text, bounds="64 hex digits, from a report")
    return text


def backup(folder: Path, /) -> None:
    """Copy journals, telemetry and records of this machine, also while they are written, and verify the copies.

    To restore, stop the controllers and give VESIFLOW_HOME the copy, or put the copy in the data folder's place.

    Parameters
    ----------
    folder
        A new folder; another disk is wise.
    """
    store = Store()
    copied = back_up(store, folder)
    print(f"{len(copied)} files of {len(store.lines())} lines copied to {folder}; every journal verifies")
