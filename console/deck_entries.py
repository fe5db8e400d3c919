"""What a person says by `vesiflow deck declare`, `tips`, `measured`, and `recover` about a robot that waits."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from typing import Literal

from console.control import At, line_name, person, reached
from console.running import drive
from devices.line_file import LineFile, load_line
from line import deck_entries as entries
from line.by_hand import noted
from line.client import LineClient
from line.deck_entries import Statement
from line.service import find
from records.journal import Journal
from records.store import Store
from vesiflow.clock import WallClock
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse

ANYWHERE = At()


def declare(
    place: str,
    volume: str,
    /,
    *,
    reason: str,
    liquid: str = "",
    instrument: str | None = None,
    at: At = ANYWHERE,
    who: str | None = None,
) -> None:
    """Say what is in a well or bottle, for good; the robot goes by it from now on.

    A running service of the line is told; without one it is written into the journal of LINE, which nobody else may
    own then. Refused while a batch runs: hold it first.

    Parameters
    ----------
    place
        Where, for example plate:A2.
    volume
        How much, for example "90 uL"; "empty" or "unknown".
    reason
        How you know.
    liquid
        What it is, by the recipe's name.
    instrument
        The liquid handler, where the line has several.
    who
        Name that goes into the record; by default the user's.
    """
    amount = _volume(volume)
    name, said = person(who), Statement(person(who), reason, instrument)
    _say(
        at,
        lambda client: client.declare(place, amount, liquid, name, reason, instrument),
        lambda journal, line: entries.declare(journal, line, place, amount, liquid, said),
    )
    print(f"{place}: {volume}{f' of {liquid}' if liquid else ''}")


def tips(
    rack: str | None = None, /, *, reason: str = "exchanged", instrument: str | None = None, at: At = ANYWHERE,
    who: str | None = None,
) -> None:  # fmt: skip
    """Say that a rack of tips was exchanged for a full one; without RACK, all of them.

    Parameters
    ----------
    rack
        Name of the rack on the deck.
    reason
        Why, for the record.
    instrument
        The liquid handler, where the line has several.
    who
        Name that goes into the record; by default the user's.
    """
    name, said = person(who), Statement(person(who), reason, instrument)
    _say(
        at,
        lambda client: client.fresh_tips(rack, name, reason, instrument),
        lambda journal, line: entries.fresh_tips(journal, line, rack, said),
    )
    print(f"full: {rack or 'every rack of tips'}")


def measured(
    model: str, /, *, reason: str, instrument: str | None = None, at: At = ANYWHERE, who: str | None = None
) -> None:
    """Say that labware of this model was measured on the robot: from then on a real robot may pipette with it.

    Parameters
    ----------
    model
        Model of labware that `vesiflow deck show` calls provisional.
    reason
        Where the measurement is written down.
    instrument
        The liquid handler, where the line has several.
    who
        Name that goes into the record; by default the user's.
    """
    name, said = person(who), Statement(person(who), reason, instrument)
    _say(
        at,
        lambda client: client.measured(model, name, reason, instrument),
        lambda journal, line: entries.measured(journal, line, model, said),
    )
    print(f"measured: {model}")


def recover(how: Literal["retry", "skip"], /, *, reason: str, at: At = ANYWHERE, who: str | None = None) -> None:
    """Decide about the failed command of an Opentrons robot that waits; `vesiflow line restart` then lets it go on.

    Parameters
    ----------
    how
        "retry": the robot does the command once more, now. "skip": it goes on without; the transfer stays in doubt.
    reason
        How you know.
    who
        Name that goes into the record; by default the user's.
    """

    async def work() -> str:
        async with reached(at) as client:
            return await client.recover(how, person(who), reason)

    print(f"{drive(work())}: {how}; let it go on by `vesiflow line restart`")


def _say(at: At, tell: Callable[[LineClient], Awaitable[None]], write: Callable[[Journal, LineFile], None]) -> None:
    """Tell the service that runs the line; without one write it into the journal, which is nobody else's then."""
    store, line = Store(), line_name(at.line)
    if at.server is not None or at.line is None or (line is not None and find(store, line) is not None):

        async def work() -> None:
            async with reached(at) as client:
                await tell(client)

        drive(work())
        return
    file = load_line(at.line)
    with noted(file, store, getpass.getuser(), WallClock()) as (journal, _):
        write(journal, file)


def _volume(text: str) -> float | None:
    if text in ("unknown", "empty"):
        return 0.0 if text == "empty" else None
    try:
        return parse(text, "m^3")
    except ValueError as error:
        raise ConfigError(str(error), action="declare", bounds='"90 uL", "empty", "unknown"') from error
