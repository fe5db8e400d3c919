"""The end of a run as a person sees it: one table, and where the record is."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from console.progress import hours
from line.procedure import Outcome
from protocols.control import ControlRecipe, UnitProcedure


def print_summary(recipe: ControlRecipe, outcome: Outcome, console: Console | None = None) -> None:
    """Unit procedures with process time and state, then how the batch ended."""
    console = console or Console()
    table = Table(title=f"{outcome.batch.id}: {recipe.recipe} {recipe.version} on {recipe.line}", title_justify="left")
    for name in ("unit procedure", "unit", "phases", "time", "expected", "state"):
        table.add_column(name, justify="right" if name in ("phases", "time", "expected") else "left")
    for procedure in recipe.unit_procedures:
        table.add_row(*_row(procedure, outcome))
    console.print(table)
    if outcome.failed:
        console.print(outcome.reason, style="red", highlight=False, soft_wrap=True)


def _row(procedure: UnitProcedure, outcome: Outcome) -> tuple[str, ...]:
    keys = [phase.key for phase in procedure.phases()]
    views = [view for view in outcome.batch.phases if view.key in keys]
    complete = [view for view in views if view.state == "complete"]
    spent = sum((view.ended or 0.0) - (view.started or 0.0) for view in views if view.ended is not None)
    state = (
        "complete"
        if len(complete) == len(views)
        else next((view.state for view in views if view.state not in ("complete", "idle")), "not reached")
    )
    return (
        f"{procedure.number} {procedure.name}",
        procedure.unit,
        f"{len(complete)}/{len(views)}",
        hours(spent),
        hours(procedure.duration),
        state,
    )
