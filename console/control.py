"""`vesiflow line status | hold | restart | stop | ... `: a running controller service, commanded from any shell."""

from __future__ import annotations

import getpass
import json as json_format
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter
from rich.markup import escape

from console.progress import readings
from console.running import drive
from console.summary import plain_table, screen
from devices.line_file import load_line
from line.api import BatchView, Doubt
from line.claims import told
from line.client import LineClient
from line.connect import service
from line.service import url_of
from line.state import OVER, Command, State, possible
from protocols.display import detail
from records.present import percent, span
from records.store import Store
from vesiflow.errors import ConfigError, Refused

T = TypeVar("T")


@Parameter(name="*")
@dataclass(frozen=True)
class At:
    """Which service is meant.

    Parameters
    ----------
    line
        Name of the line (or its YAML file) whose service runs on this machine; by default the only one.
    server
        URL of the service instead, for example http://10.0.0.5:4300.
    """

    line: str | None = None
    server: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class Order(At):
    """Which unit is meant, by whom, and why.

    Parameters
    ----------
    line
        Name of the line (or its YAML file) whose service runs on this machine; by default the only one.
    server
        URL of the service instead, for example http://10.0.0.5:4300.
    unit
        A unit instead of a batch, for example tff: the batch that runs on it, or the unit alone when none has it.
    who
        Name that goes into the record; by default the user's.
    reason
        Why, for the record.
    """

    unit: str | None = None
    who: str | None = None
    reason: str = ""


_WORDS = {Command.UNHOLD: "restart"}
"""Commands of PackML that have another name here."""

Id = Annotated[str | None, Parameter(help="Id of the batch; by default the only one.")]


def status(*, at: At = At(), json: bool = False) -> None:
    """Show the line: its batches, what runs, what is in doubt, what people are asked.

    Parameters
    ----------
    json
        Print all of it as JSON.
    """

    async def work(client: LineClient) -> dict[str, Any]:
        line = await client.line()
        batches = [await client.batch(batch) for batch in line["batches"]]
        return {"line": line, "batches": batches, "doubts": await client.doubts(), "prompt": await client.prompt()}

    found = ask(at, work)
    if json:
        found["batches"] = [batch.model_dump() for batch in found["batches"]]
        found["doubts"] = [doubt.model_dump() for doubt in found["doubts"]]
        print(json_format.dumps(found, indent=1))
        return
    _show_status(**found, at=at)


def hold(batch: Id = None, *, order: Order = Order()) -> None:
    """Hold a batch: its unit keeps the product safe until `restart`."""
    _command(Command.HOLD, batch, order)


def restart(batch: Id = None, *, order: Order = Order()) -> None:
    """Let a held batch go on (PackML Unhold); refused while anything is in doubt."""
    _command(Command.UNHOLD, batch, order)


def suspend(batch: Id = None, *, order: Order = Order()) -> None:
    """Suspend a batch for a cause from outside: its unit keeps the product safe until `unsuspend`."""
    _command(Command.SUSPEND, batch, order)


def unsuspend(batch: Id = None, *, order: Order = Order()) -> None:
    """Let a suspended batch go on: the cause from outside is gone."""
    _command(Command.UNSUSPEND, batch, order)


def stop(batch: Id = None, *, order: Order = Order()) -> None:
    """Stop a batch in order; it cannot go on afterwards."""
    _command(Command.STOP, batch, order)


def abort(batch: Id = None, *, order: Order = Order()) -> None:
    """Abort a batch at once: its unit goes to its safe state."""
    _command(Command.ABORT, batch, order)


def clear(batch: Id = None, *, order: Order = Order()) -> None:
    """Acknowledge an aborted batch; it is then stopped."""
    _command(Command.CLEAR, batch, order)


def reset(batch: Id = None, *, order: Order = Order()) -> None:
    """Bring a stopped or complete batch back to Idle."""
    _command(Command.RESET, batch, order)


def doubts(*, at: At = At()) -> int:
    """List actions of which nobody knows whether they happened; exit code 1 when there are any."""
    found = ask(at, lambda client: client.doubts())
    if not found:
        print("nothing is in doubt")
        return 0
    screen().print(doubt_table(found))
    print(f"look at the instruments, then: vesiflow line resolve INTENT done|not_done|discard --reason ...{_there(at)}")
    return 1


def resolve(
    intent: str,
    verdict: Literal["done", "not_done", "discard"],
    /,
    *,
    reason: str,
    at: At = At(),
    who: str | None = None,
) -> None:
    """Decide about an action in doubt, once; it goes into the record with your name.

    Parameters
    ----------
    intent
        Id of the action, see `vesiflow line doubts`.
    verdict
        "done": it happened. "not_done": it did not, the phase may do it. "discard": neither, the phase goes on without.
    reason
        How you know.
    who
        Name that goes into the record; by default the user's.
    """
    ask(at, lambda client: client.decide(intent, verdict, person(who), reason))
    print(f"{intent}: {verdict}")


def prompt(*, at: At = At()) -> None:
    """Show what the operator is asked now."""
    found = ask(at, lambda client: client.prompt())
    if found is None:
        print("nobody is asked anything")
        return
    _show_prompt(found, at)


def answer(*values: str, at: At = At(), who: str | None = None) -> None:
    """Answer what the operator is asked.

    Parameters
    ----------
    values
        FIELD=VALUE for every field of the prompt; a bare number is in the field's unit.
    who
        Name that goes into the record; by default the user's.
    """
    fields = dict(map(_pair, values))
    ask(at, lambda client: client.answer(fields, person(who)))
    print(f"answered as {person(who)}")


def events(*, at: At = At(), after: int = 0, follow: bool = False) -> None:
    """Print the journal of the line, one entry a line: number, time (UTC), kind, batch, data.

    Parameters
    ----------
    after
        Only entries after this number.
    follow
        Go on as they are written, until Ctrl-C.
    """
    drive(_events(at, after, follow))


async def _events(at: At, after: int, follow: bool) -> None:
    async with reached(at) as client:
        async for event in client.events(after, follow=follow):
            data = json_format.dumps(event.data, ensure_ascii=False)
            print(event.seq, event.utc, event.kind, event.batch or "-", data, flush=True)


def person(who: str | None) -> str:
    """The name that goes into the record."""
    return who or getpass.getuser()


@asynccontextmanager
async def reached(at: At) -> AsyncIterator[LineClient]:
    """A client of the service that is meant."""
    async with service(at.server or url_of(Store(), line_name(at.line))) as client:
        yield client


def line_name(line: str | None) -> str | None:
    """A line by its name or its file."""
    return load_line(line).name if line is not None and line.endswith((".yaml", ".yml")) else line


def ask(at: At, work: Callable[[LineClient], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with reached(at) as client:
            return await work(client)

    return drive(asked())


def _command(command: Command, batch: str | None, order: Order) -> None:
    if batch is not None and order.unit is not None:
        raise ConfigError("a batch or a unit, not both", value=f"{batch}, {order.unit}", remedy="leave one out")

    async def work(client: LineClient) -> tuple[str, str]:
        if order.unit is not None:
            return order.unit, await client.command_unit(order.unit, command, person(order.who), order.reason)
        chosen = batch or _the_one((await client.line())["batches"], command)
        return chosen, (await client.command(chosen, command, person(order.who), order.reason)).state

    try:
        print(": ".join(ask(order, work)))
    except Refused as refusal:
        raise _as_typed(refusal, command) from refusal


def _as_typed(refusal: Refused, command: Command) -> Refused:
    """A refusal by the table of states, in the words of the command line (`restart` is Unhold there)."""
    _, found, rest = refusal.reason.partition(f"{command} is not possible while ")
    if not found:
        return refusal
    state = State(rest.partition(";")[0])
    words = [_WORDS.get(one, one.lower()) for one in possible(state) if one is not Command.START]
    return Refused(f"not possible while {state}", remedy=f"possible now: {', '.join(words) or 'none'}")


def _the_one(batches: dict[str, str], command: Command) -> str:
    """The only batch that `command` can be meant for; ConfigError with the choice."""
    ended = command in (Command.CLEAR, Command.RESET)
    meant = [name for name, state in batches.items() if (State(state) in OVER) is ended]
    if len(meant) != 1:
        meant = meant or list(batches)
    if len(meant) == 1:
        return meant[0]
    shown = ", ".join(f"{name} ({batches[name]})" for name in meant) or "none"
    raise ConfigError("which batch?" if meant else "no batch on this line", bounds=shown, remedy="give --batch")


def _show_status(line: dict[str, Any], batches: list[BatchView], doubts: list[Doubt], prompt: Any, at: At) -> None:
    print(f"line {line['name']}: {len(line['instruments'])} instruments, vesiflow {line['version']}")
    print("units: " + ", ".join(f"{unit} {state}" for unit, state in line["units"].items()))
    if not batches:
        print("no batch")
    else:
        table = plain_table("batch", "recipe", "state", "phase", ">done", ">running for", "reason")
        for batch in batches:
            table.add_row(*map(escape, _row(batch)))
        screen().print(table)
    for batch in batches:
        if batch.readings:
            screen().print(f"{batch.id}: {readings(batch)}", highlight=False, markup=False)
    if doubts:
        print(f"in doubt: {len(doubts)} actions, see `vesiflow line doubts{_there(at)}`")
    if prompt:
        _show_prompt(prompt, at)


def _row(batch: BatchView) -> tuple[str, ...]:
    running = next((view for view in batch.phases if view.key == batch.running), None)
    since = span(batch.now - running.started) if running and running.started is not None else ""
    reason = "" if batch.state in (State.IDLE, State.EXECUTE, State.COMPLETE) else batch.reason
    if batch.waits:
        reason = f"waits for {told(batch.waits)}"
    return (
        batch.id,
        batch.recipe,
        batch.state,
        batch.running or "",
        percent(batch.progress) if running else "",
        since,
        reason,
    )


def doubt_table(found: list[Doubt]) -> Any:
    """Actions in doubt as a table."""
    table = plain_table("intent", "batch", "phase", "device", "action", "why")
    for item in found:
        action = f"{item.verb}({', '.join(map(str, item.args))})"
        table.add_row(*map(escape, (item.id, item.batch or "-", item.phase, item.device, action, item.reason)))
    return table


def _show_prompt(found: dict[str, Any], at: At) -> None:
    print(f"asked: {found['text']}")
    for name, value in found["details"].items():
        print(f"  {name.replace('_', ' ')}: {detail(name, value)}")
    if found["fields"]:
        example = " ".join(f"{name}=<{kind}>" for name, kind in found["fields"].items())
        print(f"answer with: vesiflow line answer {example}{_there(at)}")


def _there(at: At) -> str:
    """What the next command needs to reach the same service as this one."""
    given = (("line", at.line), ("server", at.server))
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in given if value is not None)


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise ConfigError("no answer to a field", value=text, bounds="FIELD=VALUE", remedy="see `vesiflow line prompt`")
    return name, value
