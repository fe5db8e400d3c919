"""`vesiflow line alarms|ack|reset-alarm|shelve`: the alarms of a line that is being served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
from rich.markup import escape

from console.running import drive
from console.summary import plain_table, screen
from line.client import LineClient
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse

T = TypeVar("T")

URL = "http://127.0.0.1:4300"


def alarms(*, controller: str = URL) -> None:
    """Show what needs an answer on a line, the most urgent first.

    Parameters
    ----------
    controller
        URL of the line controller.
    """
    found = drive(_ask(controller, lambda client: client.alarms()))
    if not found.alarms:
        print("no alarms")
        return
    if found.flood:
        firsts = ", ".join(ids[0] for ids in found.groups.values())
        print(f"ALARM FLOOD: more than 10 in 10 min; first of each unit: {firsts}")
    table = plain_table("alarm", "priority", "state", "first", "what", "what to do")
    for one in found.alarms:
        first = "first" if one.first_out else ""
        state = f"{one.state} until {one.until}" if one.state == "Shelved" else one.state
        table.add_row(*map(escape, (one.id, one.priority, state, first, one.what, one.response)))
    screen().print(table)


def acknowledge(alarm: str, /, *, who: str, comment: str = "", controller: str = URL) -> None:
    """Say that you have seen an alarm.

    Parameters
    ----------
    alarm
        Its id, as `vesiflow line alarms` shows it.
    who
        Your name.
    comment
        What you found; required above MEDIUM.
    controller
        URL of the line controller.
    """
    seen = drive(_ask(controller, lambda client: client.acknowledge(alarm, who, comment)))
    print(f"{seen.id}: {seen.state}")


def reset(alarm: str, /, *, who: str, reason: str, controller: str = URL) -> None:
    """Reset a latched alarm whose cause is gone.

    Parameters
    ----------
    alarm
        Its id.
    who
        Your name.
    reason
        What was done about it.
    controller
        URL of the line controller.
    """
    print(f"{drive(_ask(controller, lambda client: client.reset_alarm(alarm, who, reason))).id}: Normal")


def shelve(alarm: str, /, *, who: str, reason: str, duration: str = "30 min", controller: str = URL) -> None:
    """Put an alarm aside for a while; never one that safety depends on.

    Parameters
    ----------
    alarm
        Its id.
    who
        Your name: you own it while it is shelved.
    reason
        Why it may be put aside.
    duration
        How long, for example "30 min", at most 12 h.
    controller
        URL of the line controller.
    """
    try:
        seconds = parse(duration, "s")
    except ValueError as error:
        raise ConfigError(str(error), action="--duration", remedy="write it like '30 min'") from None
    shelved = drive(_ask(controller, lambda client: client.shelve(alarm, who, reason, seconds)))
    print(f"{shelved.id}: shelved until {shelved.until}")


async def _ask(url: str, question: Callable[[LineClient], Awaitable[T]]) -> T:
    async with httpx.AsyncClient(base_url=url, timeout=10.0, follow_redirects=False) as http:
        return await question(LineClient(http))
