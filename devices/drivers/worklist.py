"""A liquid handler that is a person: a printed worklist, pipetted by hand and confirmed.

For labs without a robot: the line file gives the role to the operator, `{instrument: people, deck: hand}`. Every order
becomes a worklist (a text file where `folder` says so, and the details of the prompt); the person says whether all of
it was done. What a hand did cannot be read back, so `transfer` is BLIND.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from devices.commands import Kind, command, read
from devices.deck import DeckState, Layout
from devices.deck_file import DeckFile, load_deck_file
from devices.opentrons.plan import check
from devices.readings import Answer, Prompt, Transfer, TransferReport
from devices.strict import about
from vesiflow.errors import DeviceFault

ACTION = "pipette worklist"
COLUMNS = ("step", "liquid", "from", "to", "uL", "mix", "tip")


class Asked(Protocol):
    """Who is asked."""

    def ask(self, prompt: Prompt) -> Awaitable[Answer]: ...


class WorklistOptions(BaseModel, extra="forbid", frozen=True):
    """Role options in the line file: deck file, and the folder worklists are written to."""

    deck: str = "hand"
    folder: str | None = None


class Worklist:
    """The operator as a liquid handler."""

    def __init__(self, person: Asked, options: WorklistOptions) -> None:
        self._person = person
        self._options = options
        self._deck: DeckFile = load_deck_file(options.deck)
        self._state = DeckState()

    @command(Kind.BLIND)
    async def transfer(self, transfers: Sequence[Transfer]) -> TransferReport:
        """Have all transfers done by hand. DeviceFault when the person says that it was not all done."""
        with about("worklist", "transfer"):
            check(transfers, self._deck.layout, self._state)
            text = worklist(transfers)
            number = sha256(text.encode()).hexdigest()[:8]
            if self._options.folder is not None:
                (Path(self._options.folder) / f"worklist-{number}.txt").write_text(text, encoding="utf-8")
            details = tuple((f"step {n}", _details(one)) for n, one in enumerate(transfers, 1))
            prompt = Prompt(ACTION, f"Pipette worklist {number}: {len(transfers)} transfers", details, _FIELDS)
            answer = dict((await self._person.ask(prompt)).values)
            if answer["done"] != "yes":
                raise DeviceFault("not all of it was pipetted", value=number, remedy="declare what is in the wells")
            return TransferReport(len(transfers), len(transfers), run=number)

    @read
    async def rehearse(self, transfers: Sequence[Transfer]) -> None:
        """Refused when volumes do not suffice for the list."""
        with about("worklist", "rehearse"):
            check(transfers, self._deck.layout, self._state)

    @read
    async def know(self, state: DeckState) -> None:
        """What the line's books say."""
        self._state = state

    @read
    async def read_layout(self) -> Layout:
        """What stands on the bench, from the deck file; one worklist covers a whole plan."""
        return self._deck.layout

    @read
    async def read_deck(self) -> Mapping[str, str]:
        """Labware by name."""
        return {name: piece.model for name, piece in self._deck.layout.labware.items()}


_FIELDS = (("done", "yes/no"),)


def worklist(transfers: Sequence[Transfer]) -> str:
    """The worklist as aligned text; labels lose everything but letters, digits and a few signs."""
    rows = [COLUMNS, *(_row(number, one) for number, one in enumerate(transfers, 1))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def _row(number: int, one: Transfer) -> tuple[str, ...]:
    mix = "mix" if one.mix else ""
    return str(number), _label(one.liquid), one.source, one.target, f"{one.volume * 1e9:.6g}", mix, one.tips


def _details(one: Transfer) -> str:
    return f"{one.source} > {one.target} {one.volume * 1e9:.6g} uL {_label(one.liquid)}{' mix' if one.mix else ''}"


def _label(liquid: str) -> str:
    return "".join(sign if sign.isalnum() or sign in " .,_+-%" else "_" for sign in liquid)[:40]
