"""The books of a deck: folded from a real journal, the same after a restart, and strict about what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.deck import Layout
from devices.deck_file import load_deck_file
from devices.readings import MADE, UNTOUCHED, Ends, Transfer, TransferReport
from line import deck_ledger as ledger
from records.journal import Journal
from vesiflow.clock import VirtualClock
from vesiflow.errors import LimitExceeded, Refused

UL = 1e-9
ROLE = "electroporation.liquid_handler"
ROLES = frozenset({ROLE, "lyophilization.liquid_handler"})
LAYOUT: Layout = load_deck_file("ot2").layout


class Desk:
    """A journal with shorthand for what phases write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path, VirtualClock(), code_version="test", boot_id="boot")

    def place(self, position: str, item: str, volume: float | None = None, liquid: str = "", role: str = ROLE) -> None:
        self.journal.event(
            ledger.PLACED, "b1", key="p1", role=role, position=position, item=item, volume=volume, liquid=liquid
        )

    def order(self, *transfers: Transfer, pre: Any = None, role: str = ROLE, phase: str = "p1") -> str:
        return self.journal.intent("b1", phase, role, ledger.VERB, [list(transfers)], "C", "reply", pre, "7", "sim", 1)

    def done(self, *transfers: Transfer, tips: tuple[str, ...] = ()) -> None:
        report = TransferReport(len(transfers), len(transfers), 0, tips)
        self.journal.outcome(self.order(*transfers), "DONE", "reply", report, None, "")

    def unknown(self, *transfers: Transfer, post: TransferReport | None = None, pre: Any = None) -> str:
        intent = self.order(*transfers, pre=pre)
        self.journal.outcome(intent, "UNKNOWN", "evidence", None, post, "lost")
        return intent

    def books(self) -> ledger.Books:
        return ledger.fold(self.journal.events(None, ledger.KINDS), self.journal.intents(None, ledger.VERB), ROLES)

    def remaining(self, *plan: Transfer) -> list[Transfer]:
        return ledger.remaining(plan, self.journal.intents("b1", ledger.VERB), "p1")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "journal.sqlite")
    yield made
    made.journal.close()


def give(well: str, volume: float = 90.0, source: str = "sample:A1", liquid: str = "exchange") -> Transfer:
    return Transfer(source, f"plate:{well}", volume * UL, liquid)


def filled(desk: Desk) -> None:
    desk.place("sample", "exchange", 9e-6, "exchange")
    desk.place("cargo", "siRNA L1", 1e-6, "siRNA")
    desk.place("plate", "P1")


def test_volumes_liquids_and_tips(desk: Desk) -> None:
    filled(desk)
    desk.done(give("A1"), give("B1"), tips=("tips_300_1:A1",))
    desk.done(give("A1", 10.0, "cargo:A1", "siRNA"), tips=("tips_20_1:A1",))
    books = desk.books()
    assert books.content("plate:A1").volume == pytest.approx(100 * UL)
    assert books.content("plate:A1").liquids == pytest.approx({"exchange": 90 * UL, "siRNA": 10 * UL})
    assert books.content("sample:A1").volume == pytest.approx(9e-6 - 180 * UL)
    assert books.used_tips == {"tips_300_1:A1", "tips_20_1:A1"}
    state = books.state()
    assert state.volumes["plate:B1"] == pytest.approx(90 * UL) and state.unknown == frozenset()
    desk.journal.event(ledger.TIPS, "b1", key="p1", role=ROLE, rack="tips_20_1")
    assert desk.books().used_tips == {"tips_300_1:A1"}
    assert desk.remaining(give("A1"), give("B1"), give("A1"), give("C1")) == [give("C1")]


def test_a_mixture_goes_on_in_its_proportion(desk: Desk) -> None:
    filled(desk)
    desk.place("pool", "loaded", 0.0, "loaded")
    desk.done(give("A1"))
    desk.done(give("A1", 10.0, "cargo:A1", "siRNA"))
    desk.done(Transfer("plate:A1", "pool:A1", 50 * UL, "loaded"))
    assert desk.books().content("pool:A1").liquids == pytest.approx({"exchange": 45 * UL, "siRNA": 5 * UL})


def test_a_restart_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    filled(desk)
    desk.done(give("A1"), tips=("tips_300_1:A1",))
    before = desk.books()
    desk.journal.close()
    desk.journal = Journal(desk.path, VirtualClock(), code_version="test", boot_id="again")
    assert desk.books() == before


def test_contents_go_with_the_item(desk: Desk) -> None:
    filled(desk)
    desk.done(give("A1"))
    desk.place("plate", "P2")
    assert desk.books().content("plate:A1").volume == 0.0
    desk.place("plate", "P1")
    assert desk.books().content("plate:A1").volume == pytest.approx(90 * UL)


def test_an_item_that_was_taken_away_is_nowhere_on_the_deck(desk: Desk) -> None:
    """Its barcode is no position: a robot would not know it."""
    filled(desk)
    desk.place("pool", "loaded", 1e-6, "loaded")
    desk.place("pool", "washed", 2e-6, "washed")
    assert "loaded:A1" not in desk.books().state().volumes
    assert desk.books().state().volumes["pool:A1"] == 2e-6


def test_another_robot_has_books_of_its_own(desk: Desk) -> None:
    filled(desk)
    desk.place("plate", "P9", role="other.liquid_handler")
    desk.journal.outcome(desk.order(give("A1"), role="other.liquid_handler"), "DONE", "reply", None, None, "")
    assert desk.books().item("plate") == "P1" and desk.books().content("plate:A1").volume == 0.0


@pytest.mark.parametrize(
    ("verdict", "volume", "again"), [("done", 90.0, 0), ("not_done", 0.0, 2), ("discard", None, 0)]
)
def test_what_is_in_doubt_until_a_person_decides(desk: Desk, verdict: str, volume: float | None, again: int) -> None:
    filled(desk)
    intent = desk.unknown(give("A1"), give("B1"))
    assert desk.books().content("plate:A1").volume is None
    assert len(desk.remaining(give("A1"), give("B1"))) == 2
    with pytest.raises(Refused, match="nobody knows what is in sample:A1"):
        ledger.refuse([give("C1")], desk.books(), LAYOUT)
    desk.journal.resolve(intent, verdict, "Ada", "looked at it")
    found = desk.books().content("plate:B1").volume
    assert found == (None if volume is None else pytest.approx(volume * UL))
    assert len(desk.remaining(give("A1"), give("B1"))) == again


def test_partial_evidence_of_the_robot_counts(desk: Desk) -> None:
    filled(desk)
    post = TransferReport(3, 1, 1, ("tips_300_1:A1",), "run 2")
    intent = desk.unknown(give("A1"), give("B1"), give("C1"), post=post, pre=TransferReport(0, 0, run="run 1"))
    books = desk.books()
    assert books.content("plate:A1").volume == pytest.approx(90 * UL)
    assert books.content("plate:B1").volume is None and books.content("plate:C1").volume == 0.0
    assert "tips_300_1:A1" in books.used_tips
    desk.journal.resolve(intent, "not_done", "Ada", "well B1 is empty")
    assert desk.books().content("plate:B1").volume == 0.0
    assert desk.remaining(give("A1"), give("B1"), give("C1")) == [give("B1"), give("C1")]


# Eight channels of which one failed, by what it failed at, and what a person then says of it.
CHANNELS = [
    (Ends(None, False), "", None, 0.0, "UNKNOWN"),
    (Ends(None, False), "not_done", 9e-6 - 90 * UL, 0.0, "NOT_DONE"),
    (Ends(None, False), "done", 9e-6 - 180 * UL, 90.0, "DONE"),
    (Ends(True, None), "", 9e-6 - 180 * UL, None, "UNKNOWN"),
    (Ends(True, None), "not_done", 9e-6 - 180 * UL, 0.0, "LOST"),
    (Ends(True, None), "done", 9e-6 - 180 * UL, 90.0, "DONE"),
    (Ends(True, None), "discard", 9e-6 - 180 * UL, None, "UNKNOWN"),
    (Ends(True, False), "", 9e-6 - 180 * UL, 0.0, "LOST"),
]


@pytest.mark.parametrize(("ends", "verdict", "source", "target", "word"), CHANNELS)
def test_only_the_channel_in_doubt_is_unknown(
    desk: Desk, ends: Ends, verdict: str, source: float | None, target: float | None, word: str
) -> None:
    filled(desk)
    order = give("A1"), give("B1"), give("C1")
    doubt = int(None in (ends.drawn, ends.given))
    post = TransferReport(3, 1, doubt, run="2", ends=(ends, MADE, UNTOUCHED))
    intent = desk.unknown(*order, post=post, pre=TransferReport(0, 0))
    if verdict:
        desk.journal.resolve(intent, verdict, "Ada", "looked at it")
    books = desk.books()
    assert books.content("plate:B1").volume == pytest.approx(90 * UL)
    found = books.content("sample:A1")
    assert found.volume == (None if source is None else pytest.approx(source))
    assert source is None or found.liquids == pytest.approx({"exchange": source})
    assert books.content("plate:A1").volume == (None if target is None else pytest.approx(target * UL))
    (kept,) = [one for one in desk.journal.intents("b1", ledger.VERB) if one.id == intent]
    assert [row["state"] for row in ledger.rows(kept)] == [word, "DONE", "NOT_DONE"]
    settled = word == "DONE" or verdict == "discard"
    assert desk.remaining(*order, give("D1")) == [*([] if settled else [give("A1")]), give("C1"), give("D1")]


def test_evidence_of_an_older_run_counts_for_nothing(desk: Desk) -> None:
    filled(desk)
    old = TransferReport(2, 2, 0, (), "run 1")
    intent = desk.order(give("A1"), give("B1"), pre=old)
    desk.journal.outcome(intent, "NOT_DONE", "evidence", None, old, "no run was made")
    assert len(desk.remaining(give("A1"), give("B1"))) == 2
    assert desk.books().content("plate:A1").volume == 0.0


def test_open_orders_are_in_doubt(desk: Desk) -> None:
    filled(desk)
    desk.order(give("A1"))
    assert desk.books().content("plate:A1").volume is None


def test_a_person_declares(desk: Desk) -> None:
    filled(desk)
    desk.unknown(give("A1"))
    for place, volume, liquid in (("sample:A1", 8e-6, "exchange"), ("plate:A1", 0.0, "")):
        desk.journal.event(ledger.DECLARED, "b1", role=ROLE, place=place, volume=volume, liquid=liquid, by="Ada")
    ledger.refuse([give("A1")], desk.books(), LAYOUT)


REFUSED = [
    (give("A1", source="pool:A1"), Refused, "nothing was put down at pool"),
    (give("A1", liquid="other"), Refused, r"another liquid is at sample:A1 .*exchange"),
    (Transfer("plate:A1", "pool:A1", 50 * UL, "x"), Refused, "plate:A1 is empty"),
    (Transfer("cargo:A1", "plate:A1", 120 * UL, "siRNA"), Refused, "cargo:A1 runs dry"),
    (give("A1", 126.0), LimitExceeded, r"plate:A1 overflows .*125 uL"),
]


@pytest.mark.parametrize(("transfer", "error", "reason"), REFUSED)
def test_refused_before_anything_moves(desk: Desk, transfer: Transfer, error: type[Exception], reason: str) -> None:
    desk.place("sample", "exchange", 9e-6, "exchange")
    desk.place("cargo", "siRNA L1", 0.2e-6, "siRNA")
    with pytest.raises(error, match=reason):
        ledger.refuse([transfer], desk.books(), LAYOUT)


def test_the_whole_list_is_judged(desk: Desk) -> None:
    desk.place("sample", "exchange", 0.3e-6, "exchange")  # 0.1 mL of it out of reach
    ledger.refuse([give("A1"), give("B1")], desk.books(), LAYOUT)
    with pytest.raises(Refused, match="runs dry"):
        ledger.refuse([give("A1"), give("B1"), give("C1")], desk.books(), LAYOUT)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0.0, 80.0)), max_size=30))
def test_moves_conserve_volume_and_liquid(moves: list[tuple[int, int, float]]) -> None:
    books = ledger.Books()
    places = [f"plate:A{number}" for number in range(1, 7)]
    for number, place in enumerate(places):
        books.put(place, ledger.Content(1e-6, {f"liquid {number}": 1e-6}))
    for source, target, volume in moves:
        have = books.content(places[source]).volume
        if source != target and have is not None and have >= volume * UL:
            ledger.move(books, Transfer(places[source], places[target], volume * UL, f"liquid {source}"))
    contents = [books.content(place) for place in places]
    assert sum(content.volume or 0.0 for content in contents) == pytest.approx(6e-6)
    for number in range(6):
        name = f"liquid {number}"
        assert sum(content.liquids.get(name, 0.0) for content in contents) == pytest.approx(1e-6, abs=1e-12)
    for content in contents:
        assert sum(content.liquids.values()) == pytest.approx(content.volume or 0.0, abs=1e-12)
