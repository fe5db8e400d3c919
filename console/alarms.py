"""`vesiflow line alarms | acknowledge | shelve | unlatch`: the alarms of a line that is being served."""

from __future__ import annotations

from rich.markup import escape

from console.control import At, ask, person
from console.summary import plain_table, screen
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse


def alarms(*, at: At = At()) -> None:
    """Show what needs an answer on a line, the most urgent first."""
    found = ask(at, lambda client: client.alarms())
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


def acknowledge(alarm: str, /, *, at: At = At(), who: str | None = None, comment: str = "") -> None:
    """Say that you have seen an alarm.

    Parameters
    ----------
    alarm
        Its id, as `vesiflow line alarms` shows it.
    who
        Name that goes into the record; by default the user's.
    comment
        What you found; required above MEDIUM.
    """
    seen = ask(at, lambda client: client.acknowledge(alarm, person(who), comment))
    print(f"{seen.id}: {seen.state}")


def unlatch(alarm: str, /, *, reason: str, at: At = At(), who: str | None = None) -> None:
    """Reset a latched alarm whose cause is gone.

    Parameters
    ----------
    alarm
        Its id, as `vesiflow line alarms` shows it.
    reason
        What was done about it.
    who
        Name that goes into the record; by default the user's.
    """
    print(f"{ask(at, lambda client: client.reset_alarm(alarm, person(who), reason)).id}: Normal")


def shelve(alarm: str, /, *, reason: str, at: At = At(), who: str | None = None, duration: str = "30 min") -> None:
    """Put an alarm aside for a while; never one that safety depends on.

    Parameters
    ----------
    alarm
        Its id, as `vesiflow line alarms` shows it.
    reason
        Why it may be put aside.
    who
        Name that goes into the record, and who owns it while it is shelved; by default the user's.
    duration
        How long, for example "30 min", at most 12 h.
    """
    try:
        seconds = parse(duration, "s")
    except ValueError as error:
        raise ConfigError(str(error), action="--duration", remedy="write it like '30 min'") from None
    shelved = ask(at, lambda client: client.shelve(alarm, person(who), reason, seconds))
    print(f"{shelved.id}: shelved until {shelved.until}")
