"""The books of a deck: what is in which well, folded from the journal. Pure; nothing is kept anywhere else.

Contents belong to the item (bottle, plate, rack by its barcode), items stand at positions. Transfers count by their
journaled outcome; what is in doubt makes the wells it touched unknown until a person has decided about the action or
has declared what is there. So after a restart the deck is what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.deck import DeckState, Layout
from devices.readings import IN_DOUBT, MADE, UNTOUCHED, Ends, Transfer
from records.journal_reader import Entry, Intent
from vesiflow.errors import LimitExceeded, Refused

PLACED, TIPS, DECLARED, MEASURED = "deck.placed", "deck.tips", "deck.declared", "deck.measured"
KINDS = (PLACED, TIPS, DECLARED, MEASURED)
VERB = "transfer"
TRANSFER = "transfer"
"""Kind of the journal entry of a single transfer; the action that it was part of may have been many."""
SLACK = 1e-11  # m^3


@dataclass(frozen=True, slots=True)
class Content:
    """What a well holds: volume m^3, None when nobody knows; liquids by name, m^3."""

    volume: float | None = 0.0
    liquids: Mapping[str, float] = field(default_factory=dict)


EMPTY = Content()


@dataclass
class Books:
    """`items` maps an item to its wells, `at` a position to the item there and the phase that put it there.

    `placed` are all items that ever stood at a position that somebody named, `measured` models of labware whose
    geometry somebody has measured.
    """

    items: dict[str, dict[str, Content]] = field(default_factory=dict)
    at: dict[str, tuple[str, str]] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)
    used_tips: set[str] = field(default_factory=set)
    measured: set[str] = field(default_factory=set)

    def content(self, place: str) -> Content:
        """What is at "plate:A1"."""
        position, _, well = place.partition(":")
        return self.items.get(self.item(position), {}).get(well, EMPTY)

    def item(self, position: str) -> str:
        """Which item stands at a position; the position's own name when nobody said."""
        return self.at[position][0] if position in self.at else position

    def placed_by(self, position: str, phase: str) -> bool:
        """Whether this phase of a batch put down what stands there."""
        return position in self.at and self.at[position][1] == phase

    def put(self, place: str, content: Content) -> None:
        """Write down what is at a place."""
        position, _, well = place.partition(":")
        self.items.setdefault(self.item(position), {})[well] = content

    def state(self) -> DeckState:
        """As a liquid handler wants to know it: the items that stand at positions now."""
        volumes: dict[str, float] = {}
        unknown = set()
        for position in {*self.at, *self.items.keys() - self.placed}:  # an item taken away is at no position
            for well, content in self.items.get(self.item(position), {}).items():
                if content.volume is None:
                    unknown.add(f"{position}:{well}")
                else:
                    volumes[f"{position}:{well}"] = content.volume
        return DeckState(volumes, frozenset(unknown), frozenset(self.used_tips))


def fold(entries: Iterable[Entry], intents: Iterable[Intent], roles: frozenset[str]) -> Books:
    """The books of the handler behind `roles` from its deck entries and its transfers, in the journal's order."""
    books = Books()
    moments: list[tuple[int, Entry | Intent]] = [(e.seq, e) for e in entries if e.data.get("role") in roles]
    moments += [(i.seq, i) for i in intents if i.device in roles and i.verb == VERB]
    for _, moment in sorted(moments, key=lambda pair: pair[0]):
        if isinstance(moment, Intent):
            _transferred(books, moment)
        else:
            _ENTRIES[moment.kind](books, moment)
    return books


def _placed(books: Books, entry: Entry) -> None:
    """An item at a position. A volume says what a bottle holds now; without one an item known before keeps its own."""
    data = entry.data
    position, item, volume = str(data["position"]), str(data["item"]), data.get("volume")
    books.at[position] = (item, f"{entry.batch}/{data.get('key', '')}")
    books.placed.add(item)
    if volume is not None:
        liquids = {str(data["liquid"]): float(volume)} if volume else {}
        books.items[item] = {"A1": Content(float(volume), liquids)}
    elif item not in books.items:
        books.items[item] = {"A1": Content(None, {str(data["liquid"]): 0.0})} if data.get("liquid") else {}


def _tips(books: Books, entry: Entry) -> None:
    """Fresh tips: in the rack named, or in all."""
    rack = entry.data.get("rack")
    books.used_tips = {tip for tip in books.used_tips if rack and tip.partition(":")[0] != rack}


def _declared(books: Books, entry: Entry) -> None:
    """A person says what is in a well."""
    data = entry.data
    volume = data.get("volume")
    liquids = {str(data["liquid"]): float(volume)} if volume and data.get("liquid") else {}
    books.put(str(data["place"]), Content(None if volume is None else float(volume), liquids))


def _measured(books: Books, entry: Entry) -> None:
    """A person has measured a model of labware: where it says "provisional" that is over."""
    books.measured.add(str(entry.data["model"]))


_ENTRIES = {PLACED: _placed, TIPS: _tips, DECLARED: _declared, MEASURED: _measured}


def _transferred(books: Books, intent: Intent) -> None:
    for item, fate in zip(intent.args[0], fates(intent), strict=True):
        transfer = Transfer(**item)
        if fate == MADE:
            move(books, transfer)
            continue
        _at_end(books, transfer.source, -transfer.volume, fate.drawn)
        _at_end(books, transfer.target, transfer.volume, fate.given)
    books.used_tips |= set(_report(intent).get("tips") or ())


def _at_end(books: Books, place: str, change: float, happened: bool | None) -> None:
    """One end of a transfer that was not made as a whole."""
    content = books.content(place)
    if happened is None:
        books.put(place, Content(None, content.liquids))
    elif happened:
        volume = _plus(content.volume, change)
        share = volume / content.volume if volume is not None and content.volume else 1.0
        books.put(place, Content(volume, {name: part * share for name, part in content.liquids.items()}))


def move(books: Books, transfer: Transfer) -> None:
    """One transfer that has happened; liquids go along in their proportion."""
    source, target = books.content(transfer.source), books.content(transfer.target)
    share = transfer.volume / source.volume if source.volume else 0.0
    moved = {name: volume * min(share, 1.0) for name, volume in source.liquids.items()} if share > 0.0 else {}
    moved = moved or {transfer.liquid: transfer.volume}
    left = {name: volume - moved.get(name, 0.0) for name, volume in source.liquids.items()}
    books.put(transfer.source, Content(_plus(source.volume, -transfer.volume), left))
    liquids = {name: target.liquids.get(name, 0.0) + moved.get(name, 0.0) for name in {**target.liquids, **moved}}
    books.put(transfer.target, Content(_plus(target.volume, transfer.volume), liquids))


def _plus(volume: float | None, change: float) -> float | None:
    return None if volume is None else max(volume + change, 0.0)


def fates(intent: Intent) -> list[Ends]:
    """What became of every transfer of an order, by its outcome and by what a person says about what is in doubt.

    "done" is said of whole transfers: what was in doubt is in its well. "not_done": what nobody knew did not happen.
    """
    total, outcome = len(intent.args[0]), intent.outcome
    if outcome is None:
        return [IN_DOUBT] * total
    if outcome.state == "DONE":
        return [MADE] * total
    found = _evidence(intent, total)
    said = intent.resolution.verdict if intent.resolution else ""
    if said == "done":
        return [MADE if _in_doubt(ends) else ends for ends in found]
    if said == "not_done":
        return [Ends(bool(ends.drawn), bool(ends.given)) for ends in found]
    return found


def _evidence(intent: Intent, total: int) -> list[Ends]:
    report = _report(intent)
    if not report:
        return [IN_DOUBT if intent.outcome and intent.outcome.state == "UNKNOWN" else UNTOUCHED] * total
    if report.get("ends"):
        return [Ends(one["drawn"], one["given"]) for one in report["ends"]]
    done, doubt = int(report["done"]), int(report["doubt"])
    return [MADE] * done + [IN_DOUBT] * doubt + [UNTOUCHED] * (total - done - doubt)


def _in_doubt(ends: Ends) -> bool:
    return ends.drawn is None or ends.given is None


def rows(intent: Intent) -> list[dict[str, Any]]:
    """One row for every transfer of an order that has its outcome: what was moved, and whether it was.

    LOST left its source and never came to its target.
    """
    return [
        {"key": intent.phase, "intent": intent.id, "number": number, **item, "state": _word(ends)}
        for number, (item, ends) in enumerate(zip(intent.args[0], fates(intent), strict=True), 1)
    ]


def _word(ends: Ends) -> str:
    if _in_doubt(ends):
        return "UNKNOWN"
    return "DONE" if ends.given else "LOST" if ends.drawn else "NOT_DONE"


def run_of(intent: Intent) -> str:
    """The robot's name for the run of an order, "" when there was none."""
    return str(_report(intent).get("run") or "")


def _report(intent: Intent) -> Mapping[str, Any]:
    """What the handler itself knows of this order, {} when it says nothing or speaks of another one."""
    outcome = intent.outcome
    found = outcome and (outcome.reply or outcome.post)
    if not isinstance(found, Mapping) or found.get("total") != len(intent.args[0]):
        return {}
    if isinstance(intent.pre, Mapping) and intent.pre.get("run") and intent.pre.get("run") == found.get("run"):
        return {}
    return found


def remaining(plan: Sequence[Transfer], intents: Iterable[Intent], phase: str) -> list[Transfer]:
    """What of a phase's plan is still to be made, in order: not what arrived, not what a person has decided about."""
    left = list(plan)
    for intent in intents:
        if intent.phase == phase and intent.verb == VERB:
            order = len(intent.args[0])
            given_up = intent.resolution is not None and intent.resolution.verdict == "discard"
            left[:order] = [
                transfer
                for transfer, ends in zip(left[:order], fates(intent), strict=True)
                if not (ends.given or (given_up and _in_doubt(ends)))
            ]
    return left


def refuse(transfers: Sequence[Transfer], books: Books, layout: Layout) -> None:
    """Refused or LimitExceeded when the books say that this cannot work; nothing has moved then."""
    volumes: dict[str, float | None] = {}
    for transfer in transfers:
        _may_draw(transfer, books, layout, volumes)
        _may_give(transfer, books, layout, volumes)


def unmeasured(transfers: Sequence[Transfer], books: Books, layout: Layout) -> list[str]:
    """Models of labware that these transfers go to and nobody has measured: numbers from data sheets."""
    pieces = [layout.at(place) for one in transfers for place in (one.source, one.target)]
    return sorted({piece.model for piece in pieces if piece.provisional} - books.measured)


def _may_draw(transfer: Transfer, books: Books, layout: Layout, volumes: dict[str, float | None]) -> None:
    place, piece = transfer.source, layout.at(transfer.source)
    content = books.content(place)
    volume = volumes.setdefault(place, content.volume)
    position = place.partition(":")[0]
    if piece.bottle and position not in books.at:
        raise Refused(f"nothing was put down at {position}", action="transfer", remedy="place the bottle first")
    if volume is None:
        raise _unknown(place)
    if piece.bottle and content.liquids and transfer.liquid not in (*content.liquids, books.item(position)):
        raise Refused(
            f"another liquid is at {place}", action="transfer", value=", ".join(content.liquids),
            bounds=transfer.liquid, remedy="exchange the bottle",
        )  # fmt: skip
    reach = volume - piece.dead
    if reach < transfer.volume - SLACK:
        raise Refused(
            f"{place} is empty" if volume <= 0.0 else f"{place} runs dry", action="transfer",
            value=f"{transfer.volume * 1e9:.4g} uL", bounds=f"{max(reach, 0.0) * 1e9:.4g} uL within reach",
            remedy="check what is there, then declare it",
        )  # fmt: skip
    volumes[place] = volume - transfer.volume


def _may_give(transfer: Transfer, books: Books, layout: Layout, volumes: dict[str, float | None]) -> None:
    place, piece = transfer.target, layout.at(transfer.target)
    volume = volumes.setdefault(place, books.content(place).volume)
    if volume is None:
        raise _unknown(place)
    volumes[place] = volume + transfer.volume
    if volume + transfer.volume > piece.fill + SLACK:
        raise LimitExceeded(
            f"{place} overflows", action="transfer", value=f"{(volume + transfer.volume) * 1e9:.4g} uL",
            bounds=f"at most {piece.fill * 1e9:.4g} uL", remedy="check what is there, then declare it",
        )  # fmt: skip


def _unknown(place: str) -> Refused:
    return Refused(
        f"nobody knows what is in {place}", action="transfer",
        remedy="decide about the action in doubt, or declare what is there",
    )  # fmt: skip
