"""What people say about a deck: contents of a place, fresh tips. Checked against the deck, then journaled for good."""

from __future__ import annotations

from dataclasses import dataclass

from devices.line_file import LineFile
from line import deck_ledger as ledger
from line.deck_view import Handler, handlers
from records.journal import Journal
from vesiflow.errors import ConfigError, LimitExceeded


@dataclass(frozen=True)
class Statement:
    """Who says it and why; `instrument` where the line has several liquid handlers."""

    who: str
    reason: str
    instrument: str | None = None


def declare(journal: Journal, line: LineFile, place: str, volume: float | None, liquid: str, said: Statement) -> None:
    """At `place` ("plate:A2") are `volume` m^3 of `liquid` from now on; None: nobody knows.

    ConfigError for a place that no deck of the line has, LimitExceeded for more than it holds.
    """
    handler = _handler(line, said, place.partition(":")[0])
    piece = handler.layout.at(place)
    if volume is not None and not 0.0 <= volume <= piece.capacity:
        raise LimitExceeded(
            f"{place} does not hold that", action="declare", value=f"{volume * 1e9:g} uL",
            bounds=f"0..{piece.capacity * 1e9:g} uL", remedy="look again",
        )  # fmt: skip
    if volume and not liquid:
        raise ConfigError("which liquid?", action="declare", value=place, remedy="say what it is by --liquid")
    journal.event(
        ledger.DECLARED, "", role=min(handler.roles), place=place, volume=volume, liquid=liquid,
        by=said.who, reason=said.reason,
    )  # fmt: skip


def fresh_tips(journal: Journal, line: LineFile, rack: str | None, said: Statement) -> None:
    """Rack `rack`, or every rack, is full from now on; ConfigError when the deck has no such rack."""
    handler = _handler(line, said, rack)
    racks = [name for name, piece in handler.layout.labware.items() if piece.tip_volume]
    if rack is not None and rack not in racks:
        raise ConfigError("no such rack of tips", value=rack, bounds=", ".join(racks) or "none",
                          remedy="see `vesiflow deck show`")  # fmt: skip
    journal.event(ledger.TIPS, "", key="", role=min(handler.roles), rack=rack, by=said.who, reason=said.reason)


def measured(journal: Journal, line: LineFile, model: str, said: Statement) -> None:
    """The geometry of labware `model` was measured on this robot; ConfigError when none of it is provisional there."""
    handler = _handler(line, said, None)
    models = sorted({piece.model for piece in handler.layout.labware.values() if piece.provisional})
    if model not in models:
        raise ConfigError(
            "no such provisional labware on the deck", action="measured", value=model,
            bounds=", ".join(models) or "none", remedy="see `vesiflow deck show`",
        )  # fmt: skip
    journal.event(ledger.MEASURED, "", role=min(handler.roles), model=model, by=said.who, reason=said.reason)


def _handler(line: LineFile, said: Statement, labware: str | None) -> Handler:
    """The liquid handler that is named, or the only one whose deck has this labware."""
    every = handlers(line)
    found = [one for one in every if said.instrument in (None, one.instrument)]
    if len(found) > 1 and labware is not None:
        found = [one for one in found if labware in one.layout.labware] or found
    if len(found) != 1:
        known = ", ".join(one.instrument for one in every) or "none"
        raise ConfigError("which liquid handler?", device=line.name, value=said.instrument, bounds=known,
                          remedy="name it by --instrument")  # fmt: skip
    return found[0]
