"""`vesiflow device`: one method of one instrument by hand, and what a role can be asked."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from console.running import drive
from console.summary import plain_table, screen
from devices.by_hand import Method, arguments, methods, rows
from devices.commands import Kind
from devices.line_file import load_line
from line.by_hand import Hand, Handling, by_hand
from records.store import Store
from vesiflow.errors import ConfigError

CLASSES = {
    Kind.READ: "reads",
    Kind.SETPOINT: "sets, read back",
    Kind.COUNTED: "acts, counted by the instrument",
    Kind.POSITIONAL: "moves, position read back",
    Kind.MASS: "acts, a balance tells",
    Kind.BLIND: "acts, nothing proves it",
}
Arguments = Annotated[str, Parameter(allow_leading_hyphen=True)]


def device(role: str, method: str | None = None, /, *args: Arguments, line: str, who: str | None = None) -> None:
    """Call one method of the instrument behind a role; without a method, list what it can be asked.

    The limits of the line hold, and whatever acts is written into the journal of the line before it is sent. Refused
    while a controller owns the line. Only this instrument is opened; a `sim://` line is a new plant every time.

    Parameters
    ----------
    role
        Role of the line, for example tff.feed_pump.
    method
        What to do, for example set_flow.
    args
        Its arguments with their units, for example '88 mL/min'; fields of a record as name=value.
    line
        Name of a packaged line, or a YAML file.
    who
        Name that goes into the journal; by default the user's.
    """
    handling = Handling(load_line(line), role, who or getpass.getuser())
    capability = handling.spec.capability

    async def work(hand: Hand) -> None:
        known = methods(hand.plain, capability)
        if method is None:
            _list(role, known)
            return
        wanted = chosen(known, role, method)
        if wanted.kind is not Kind.READ and hand.under_way:
            print(f"note: not over on this line, and not told of this: {', '.join(hand.under_way)}", file=sys.stderr)
        result = await getattr(hand.role, wanted.name)(*arguments(wanted, args))
        _show(f"{role} {wanted.name}", wanted, result)

    drive(by_hand(handling, Store(), work))


def chosen(known: dict[str, Method], role: str, name: str) -> Method:
    """The method of that name; ConfigError that names the others."""
    if name not in known:
        raise ConfigError(f"{role} has no method {name!r}", bounds=", ".join(known))
    return known[name]


def _list(role: str, known: dict[str, Method]) -> None:
    table = plain_table(f"{role} can be asked", "what it does")
    for method in known.values():
        table.add_row(escape(method.usage), CLASSES[method.kind])
    screen().print(table)


def _show(title: str, method: Method, result: object) -> None:
    if result is None:
        print(f"{title}: done" + ("" if method.kind is Kind.BLIND else ", read back"))
        return
    table = plain_table(escape(title), "value")
    for name, text in rows(method.returns, result):
        table.add_row(escape(name or method.name.removeprefix("read_").replace("_", " ")), escape(text))
    screen().print(table)
