"""The end of a run as a person sees it: unit procedures, balance, release criteria, and where the record is."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from records.model import BalanceRow, BatchRecord, ReleaseResult, UnitRecord
from records.present import figure, percent, span, text, unit_text

PIPED = 130
"""Columns when the output is no terminal."""
_COLOURS = {"pass": "green", "fail": "red", "missing": "yellow", "complete": "green"}


def print_summary(record: BatchRecord, reason: str = "", console: Console | None = None) -> None:
    """The record in short; `reason` says why the batch did not complete."""
    console = console or screen()
    head = record.header
    duration = f" after {span(head.duration)}" if head.duration else ""
    title = f"{head.batch}: {head.recipe} {head.version} on line {head.line}: {head.state}"
    console.print(f"\n{title}{duration}", highlight=False, markup=False)
    console.print(_units(record.units))
    if record.balance:
        console.print(_balance(record.balance))
    if record.release:
        console.print(_release(record.release))
    found = ", ".join(f"{count} {name}" for name, count in record.summary.findings.items() if count)
    if found:
        console.print(f"deviations and alarms: {found}", highlight=False)
    if reason:
        console.print(reason, style="red", highlight=False, markup=False, soft_wrap=True)


def screen() -> Console:
    """Standard output; wide when it goes to a file or another program."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED)


def plain_table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left")
    return table


def _units(units: tuple[UnitRecord, ...]) -> Table:
    table = plain_table("unit procedure", "unit", ">phases", ">time", "outcome")
    for unit in units:
        complete = sum(phase.outcome == "complete" for phase in unit.phases)
        colour = _COLOURS.get(unit.outcome, "red" if unit.started else "dim")
        table.add_row(
            f"{unit.number} {unit.name}",
            unit.unit,
            f"{complete}/{len(unit.phases)}",
            span(unit.duration),
            f"[{colour}]{unit.outcome}[/{colour}]",
        )
    return table


def _balance(rows: tuple[BalanceRow, ...]) -> Table:
    table = plain_table("after", ">volume", ">particles", ">per mL", ">per µg", ">step", ">overall")
    for row in rows:
        table.add_row(
            row.point,
            text(row.volume, "m^3"),
            figure(row.particles, 3),
            text(row.concentration, "1/m^3", digits=3),
            figure(row.particles_per_ug, 3),
            percent(row.step_yield),
            percent(row.overall_yield),
        )
    return table


def _release(results: tuple[ReleaseResult, ...]) -> Table:
    table = plain_table("release criterion", ">value", "limit", "verdict")
    for item in results:
        unit = "" if item.unit in ("", "1") else f" {unit_text(item.unit)}"
        colour = _COLOURS[item.verdict]
        table.add_row(
            item.label,
            f"{figure(item.value)}{unit if item.value is not None else ''}",
            f"{item.relation} {figure(item.limit)}{unit}",
            f"[{colour}]{item.verdict}[/{colour}]",
        )
    return table
