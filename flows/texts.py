"""What Prefect shows about a batch: plain functions from views to text and tables."""

from __future__ import annotations

import re

from line.api import BatchView
from line.procedure import Outcome
from protocols.control import ControlRecipe


def key(kind: str, batch: str) -> str:
    """An artifact key: Prefect allows lower-case letters, digits and dashes."""
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', batch.lower()).strip('-')}"


def title(recipe: ControlRecipe) -> str:
    """ "exosome 1.0.0 on sim"."""
    return f"{recipe.recipe} {recipe.version} on {recipe.line}"


def percent(recipe: ControlRecipe, batch: BatchView) -> float:
    """How much of the batch is done, 0 to 100, by the expected durations of its phases."""
    states = {view.key: view.state for view in batch.phases}
    total = done = 0.0
    for phase in recipe.phases():
        weight = max(phase.duration, 1.0)
        total += weight
        if states.get(phase.key) == "complete":
            done += weight
        elif phase.key == batch.running:
            done += weight * min(max(batch.progress, 0.0), 1.0)
    return round(100 * done / total, 1) if total else 100.0


def table(recipe: ControlRecipe, batch: BatchView) -> list[dict[str, object]]:
    """One row per phase: key, kind, state, process hours spent and expected, reason."""
    expected = {phase.key: phase.duration for phase in recipe.phases()}
    return [
        {
            "phase": view.key,
            "kind": view.kind,
            "state": view.state,
            "hours": _hours(None if view.started is None or view.ended is None else view.ended - view.started),
            "expected hours": _hours(expected[view.key]),
            "reason": view.reason,
        }
        for view in batch.phases
    ]


def summary(recipe: ControlRecipe, outcome: Outcome) -> str:
    """Markdown: how the batch ended and a line per unit procedure."""
    batch = outcome.batch
    lines = [f"# {batch.id}: {batch.state}", "", f"Recipe {title(recipe)}, digest `{recipe.digest[:16]}`.", ""]
    if outcome.failed:
        lines += [f"**{cell(outcome.reason)}**", ""]
    lines += ["| unit procedure | unit | phases | hours | expected |", "|---|---|---|---|---|"]
    views = {view.key: view for view in batch.phases}
    for procedure in recipe.unit_procedures:
        own = [views[phase.key] for phase in procedure.phases() if phase.key in views]
        complete = sum(view.state == "complete" for view in own)
        spent = sum((view.ended or 0.0) - (view.started or 0.0) for view in own if view.ended is not None)
        lines.append(
            f"| {procedure.number} {cell(procedure.name)} | {procedure.unit} | {complete}/{len(own)} "
            f"| {_hours(spent)} | {_hours(procedure.duration)} |"
        )
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text that stays inside one cell of a markdown table."""
    return re.sub(r"([|\\`*_<\[\]])", r"\\\1", " ".join(text.split()))


def _hours(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 3600:.2f}"
