"""What a person sees while a batch runs: a bar per unit procedure on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from line.api import BatchView
from line.client import Watcher
from protocols.control import ControlRecipe, UnitProcedure
from records.present import span, text
from records.tags import TAGS

KEY_READINGS = (
    "tff.tmp", "tff.flux", "tff.retentate_mass", "sec.uv", "sec.conductivity", "sec.pressure",
    "electroporation.voltage", "electroporation.time_constant", "electroporation.temperature",
    "lyophilization.shelf", "lyophilization.product_centre", "lyophilization.capacitance",
)  # fmt: skip
"""What tells a person most about each unit; the others are in the record."""


@contextmanager
def shown(recipe: ControlRecipe, *, quiet: bool, console: Console | None = None) -> Iterator[Watcher | None]:
    """A watcher that shows the progress of `recipe` on `console` (standard error); None when `quiet`."""
    console = console or Console(stderr=True)
    if quiet:
        yield None
    elif console.is_terminal:
        with _display(console) as display:
            yield Bars(recipe, display)
    else:
        yield Lines(console)


@contextmanager
def waiting(what: str, *, quiet: bool, console: Console | None = None) -> Iterator[None]:
    """Say on `console` (standard error) what is waited for; on a terminal it moves until it is there."""
    console = console or Console(stderr=True)
    if quiet:
        yield
    elif console.is_terminal:
        with console.status(f"{what} ..."):
            yield
    else:
        console.print(f"{what} ...", highlight=False)
        yield


def done(procedure: UnitProcedure, batch: BatchView) -> float:
    """How much of a unit procedure is done, 0 to 1, by the expected durations of its phases."""
    states = {view.key: view.state for view in batch.phases}
    total = finished = 0.0
    for phase in procedure.phases():
        weight = max(phase.duration, 1.0)
        total += weight
        if states.get(phase.key) == "complete":
            finished += weight
        elif phase.key == batch.running:
            finished += weight * min(max(batch.progress, 0.0), 1.0)
    return finished / total if total else 1.0


def elapsed(procedure: UnitProcedure, batch: BatchView) -> float:
    """Process time since a unit procedure began, s; 0 before it did."""
    keys = {phase.key for phase in procedure.phases()}
    views = [view for view in batch.phases if view.key in keys and view.started is not None]
    if not views:
        return 0.0
    last = views[-1]
    over = batch.now if last.state == "running" or last.ended is None else last.ended
    return over - (views[0].started or 0.0)


def readings(batch: BatchView) -> str:
    """The latest key readings in the units people use: "transmembrane pressure 2 psi, permeate flux 41 LMH"."""
    known = [(TAGS[name], batch.readings[name]) for name in KEY_READINGS if name in batch.readings]
    return ", ".join(f"{tag.label} {text(value, tag.unit, display=tag.display, digits=3)}" for tag, value in known)


class Bars:
    """A bar per unit procedure; below them the running phase with its readings."""

    def __init__(self, recipe: ControlRecipe, display: Display) -> None:
        self._display = display
        self._rows = [
            (procedure, display.add_task(f"{procedure.number} {procedure.name}", total=1.0, start=False, at=""))
            for procedure in recipe.unit_procedures
        ]
        self._started: set[TaskID] = set()
        self._seen: tuple[TaskID | None, str] = (None, "")

    def __call__(self, batch: BatchView) -> None:
        latest = batch.running or _latest(batch)
        self._display.note = ""
        for procedure, row in self._rows:
            share = done(procedure, batch)
            here = share < 1 and any(phase.key == latest for phase in procedure.phases())
            if (here or share > 0) and row not in self._started:
                self._started.add(row)
                self._display.start_task(row)
            if here:
                before = self._seen[1] if self._seen[0] == row else ""
                self._seen = row, readings(batch) or before  # between two phases nothing is read
                self._display.note = f"{_operation(batch, latest)}  {self._seen[1]}"
            self._display.update(row, completed=share, at=span(elapsed(procedure, batch)))


class Display(Progress):
    """Bars with a line of text below."""

    note = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        """The bars, then the line."""
        yield from super().get_renderables()
        yield Text(self.note, style="dim", no_wrap=True, overflow="ellipsis")


class Lines:
    """One line for every operation that began, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[str] = set()
        self._state = ""
        self._begin: float | None = None

    def __call__(self, batch: BatchView) -> None:
        for view in batch.phases:
            name = _short(view.key)
            if view.started is not None and name not in self._told:
                self._begin = view.started if self._begin is None else self._begin
                self._told.add(name)
                self._say(view.started, name)
        if batch.state != self._state and batch.state in ("Held", "Stopping", "Aborting"):
            self._say(batch.now, f"{batch.state}: {batch.reason}")
        self._state = batch.state

    def _say(self, seconds: float, text: str) -> None:
        since = max(seconds - (seconds if self._begin is None else self._begin), 0.0)
        self._console.print(f"{span(since):>11}  {text}", highlight=False, soft_wrap=True)


def _latest(batch: BatchView) -> str:
    """The phase that began last; "" before any has."""
    begun = [view for view in batch.phases if view.started is not None]
    return max(begun, key=lambda view: view.started or 0.0).key if begun else ""


def _operation(batch: BatchView, key: str) -> str:
    """ "1-tff/3-load" of a phase, with the state of the batch when it is not Execute."""
    name = _short(key)
    return name if batch.state == "Execute" else f"{name} {batch.state}: {batch.reason}"


def _short(key: str) -> str:
    """ "1-tff/3-load/1" -> "1-tff/3-load"."""
    return "/".join(key.split("/")[:2])


def _display(console: Console) -> Display:
    return Display(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[at]:>10}"),
        TimeRemainingColumn(),
        TextColumn("left", style="cyan"),
        console=console,
    )
