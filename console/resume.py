"""`vesiflow resume`: a batch goes on after its controller, its flow or its terminal died."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rich.markup import escape

from console.asking import ask
from console.control import doubt_table, person
from console.progress import shown
from console.running import drive
from console.summary import plain_table, print_summary, screen
from devices.line_file import LineFile, load_line, packaged
from line.api import BatchView, Doubt
from line.client import LineClient
from line.connect import service
from line.host import hosted
from line.prepare import batch_volume, prepare
from line.procedure import Outcome, Procedure
from line.record import record_of
from line.service import find
from line.stand import Stand, stand
from line.state import Command, State
from records.journal import Intent
from records.store import Store
from vesiflow.clock import WallClock
from vesiflow.errors import ConfigError, Refused, VesiflowError

PATIENCE = 120.0  # s that a unit may take to reach its safe state
_LOOK = 0.2
_VERDICTS = ("done", "not_done", "discard")
_COLOURS = {"DONE": "green", "NOT_DONE": "yellow"}


@dataclass(frozen=True)
class Person:
    """Who decides, and whether they were asked already."""

    name: str
    agrees: bool

    async def wants(self, question: str) -> bool:
        """Yes or no."""
        return self.agrees or (await ask(f"{question} [y/N] ")).lower() in ("y", "yes")


def resume(
    batch: str,
    /,
    *,
    line: str | None = None,
    recipe: str | None = None,
    volume: str | None = None,
    yes: bool = False,
    who: str | None = None,
    unattended: bool = False,
    quiet: bool = False,
) -> int:
    """Let a batch go on that lost its controller: show what was done, ask, restart it and follow it to its end.

    When a service owns the line it is used, else the line is hosted here.

    Parameters
    ----------
    batch
        Id of the batch, see `vesiflow batch list`.
    line
        The line file the batch runs on; needed when no service runs and the line is not a packaged one.
    recipe
        Go on only when the batch runs exactly this recipe.
    volume
        Batch size that the recipe was started with, when it was not the recipe's own.
    yes
        Restart without asking; refused while anything is in doubt.
    who
        Name that goes into the record; by default the user's.
    unattended
        Stop the batch when the line holds it again, because nobody is there to decide.
    quiet
        Print nothing but errors.
    """
    store = Store()
    found = stand(store, batch)
    found.refuse_over()
    if recipe is not None:
        running = find(store, found.folder.line)
        file = line or (running.file if running else found.folder.line)
        found.refuse_other_recipe(prepare(recipe, file, batch_volume(volume)).recipe)
    if not yes and not sys.stdin.isatty():
        raise ConfigError("nobody to ask", remedy="give --yes, or use a terminal")
    operator = Person(person(who), yes)
    outcome = drive(_resume(store, found, line, operator, unattended, quiet))
    if outcome is None:
        print(f"{batch}: stays as it is")
        return 1
    _conclude(found, outcome, quiet)
    return 0 if outcome.complete else 1


async def _resume(
    store: Store, found: Stand, line: str | None, operator: Person, unattended: bool, quiet: bool
) -> Outcome | None:
    async with _reached(store, found, line) as client:
        if not await _may_go_on(client, store, found, operator, quiet):
            return None
        with shown(found.recipe, quiet=quiet) as watch:
            procedure = Procedure(client, found.recipe, found.batch, operator.name, watch, attended=not unattended)
            return await procedure.run()


@asynccontextmanager
async def _reached(store: Store, found: Stand, line: str | None) -> AsyncIterator[LineClient]:
    """The service that owns the line, else a controller hosted here, which has taken the batch up again."""
    running = find(store, found.folder.line)
    file = _line_file(found, line) if line is not None or running is None else None
    if file is not None:
        found.refuse_other_line(file.name, file.digest)
    if running is not None:
        async with service(running.url, found.folder.line) as client:
            found.refuse_other_line(found.folder.line, (await client.line())["digest"])
            yield client
        return
    assert file is not None
    async with hosted(file, store) as here:
        if found.batch in here.controller.buried:
            raise VesiflowError(
                "its simulated plant died with its process",
                device=f"batch {found.batch}",
                remedy="start a new batch; `vesiflow sim serve` keeps a plant alive on its own",
            )
        yield here.client


def _line_file(found: Stand, line: str | None) -> LineFile:
    if line is None and found.folder.line not in packaged():
        raise ConfigError(
            "no service runs for its line", device=f"batch {found.batch}", value=found.folder.line,
            remedy="give --line FILE to host the line here, or start `vesiflow line serve FILE`",
        )  # fmt: skip
    return load_line(line or found.folder.line)


async def _may_go_on(client: LineClient, store: Store, found: Stand, operator: Person, quiet: bool) -> bool:
    """Show where the batch stands, settle doubts, and restart it when the operator agrees."""
    view = await _settled(client, found.batch)
    doubts = [item for item in await client.doubts() if item.batch == found.batch]
    if not quiet:
        _show(stand(store, found.batch), view)
    if doubts and not await _decided(client, doubts, operator):
        return False
    if view.state not in (State.HELD, State.SUSPENDED):
        return await operator.wants("Follow it to its end?")
    if not await operator.wants("Restart it?"):
        return False
    command = Command.UNHOLD if view.state == State.HELD else Command.UNSUSPEND
    await client.command(found.batch, command, operator.name, "resumed")
    return True


async def _settled(client: LineClient, batch: str) -> BatchView:
    """The batch once its unit has reached what it was on its way to."""
    clock = WallClock()
    while (view := await client.batch(batch)).state in (State.HOLDING, State.SUSPENDING, State.UNHOLDING):
        if clock.now() > PATIENCE:
            raise VesiflowError(
                f"still {view.state} after {PATIENCE:g} s", device=f"batch {batch}", remedy="look at the unit"
            )
        await clock.sleep(_LOOK)
    return view


async def _decided(client: LineClient, doubts: list[Doubt], operator: Person) -> bool:
    """Ask about every action in doubt; False when one stays open."""
    if operator.agrees:
        shown = ", ".join(f"{item.device} {item.verb} ({item.id})" for item in doubts)
        raise Refused(f"in doubt whether it happened: {shown}", remedy="look, then resume without --yes")
    screen().print(doubt_table(doubts))
    for item in doubts:
        verdict = await ask(f"{item.device} {item.verb}: done, not_done, discard, or nothing to leave it? ")
        if verdict not in _VERDICTS:
            return False
        await client.decide(item.id, verdict, operator.name, await ask("How do you know? "))
    return True


def _show(found: Stand, view: BatchView) -> None:
    screen().print(f"batch {found.batch} on line {found.folder.line}: {view.state}", highlight=False)
    if view.reason and view.state != State.EXECUTE:
        screen().print(f"because: {view.reason}", highlight=False, markup=False)
    if view.running:
        screen().print(f"in phase {view.running}", highlight=False)
    if found.actions:
        table = plain_table("last actions", "device", "phase", "happened", "known by")
        for intent in found.actions:
            table.add_row(*_row(intent))
        screen().print(table)


def _row(intent: Intent) -> tuple[str, ...]:
    args = ", ".join(f"{arg:.4g}" if isinstance(arg, float) else str(arg) for arg in intent.args)
    state, origin = (intent.outcome.state, intent.outcome.origin) if intent.outcome else ("UNKNOWN", "nothing yet")
    if intent.resolution is not None:
        state, origin = intent.resolution.verdict, intent.resolution.by
    colour = _COLOURS.get(state, "red")
    return (
        escape(f"{intent.verb}({args})"),
        escape(intent.device),
        escape(intent.phase),
        f"[{colour}]{state}[/]",
        escape(origin),
    )


def _conclude(found: Stand, outcome: Outcome, quiet: bool) -> None:
    from line.closing import close_record  # the plotting library takes a second that nobody waits for before

    close_record(found.folder)
    if not quiet:
        print_summary(record_of(found.folder), outcome.reason)
        screen().print(f"report: {found.folder.report}", highlight=False, soft_wrap=True)
