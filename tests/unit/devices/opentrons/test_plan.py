"""Moves of an Opentrons robot: channels, tips, and everything that is refused before the first one."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.deck import DeckState
from devices.deck_file import load_deck_file
from devices.labware.definition import well_names
from devices.opentrons.plan import Move, moves, tips_of
from devices.opentrons.protocol import announced, clean, custom_labware, difference, expected, protocol_text
from devices.readings import Transfer
from vesiflow.errors import ConfigError, LimitExceeded, Refused

UL = 1e-9
OT2, FLEX = load_deck_file("ot2"), load_deck_file("flex")
WELLS = well_names(12, 8)


def into(wells: tuple[str, ...], volume: float, source: str = "sample:A1", **rest: object) -> list[Transfer]:
    return [Transfer(source, f"plate:{well}", volume * UL, source[:-3], **rest) for well in wells]  # type: ignore[arg-type]


def test_a_plate_by_single_channels_keeps_a_clean_tip() -> None:
    found = moves(into(WELLS, 90.0), OT2, DeckState())
    assert len(found) == 96
    assert [move.tip for move in found if move.tip] == ["tips_300_1:A1"]
    assert {move.mount for move in found} == {"left"}
    assert found[0].source == ("tubes", "A1") and found[95].target == ("plate", "H12")


def test_columns_go_by_eight_channels() -> None:
    found = moves([*into(WELLS, 90.0), *into(WELLS, 10.0, "cargo:A1", mix=True, tips="new")], FLEX, DeckState())
    assert [(move.first, move.count) for move in found[:2]] == [(0, 8), (8, 8)]
    assert len(found) == 24 and {move.mount for move in found} == {"right"}
    assert found[12].mix == 50.0
    tips = tips_of(found, {"left": 1, "right": 8})
    assert len(tips) == 13 * 8 and len(set(tips)) == len(tips)


def test_half_a_column_goes_by_one_channel() -> None:
    found = moves(into(WELLS[:12], 90.0), FLEX, DeckState())
    assert [move.count for move in found] == [8, 1, 1, 1, 1]
    assert [move.mount for move in found] == ["right", "left", "left", "left", "left"]


def test_mixed_and_dirty_tips_are_changed() -> None:
    mixed = moves(into(WELLS[:3], 10.0, "cargo:A1", mix=True), OT2, DeckState())
    assert [move.tip for move in mixed] == ["tips_20_1:A1", "tips_20_1:B1", "tips_20_1:C1"]
    filled = DeckState({f"plate:{well}": 90 * UL for well in WELLS[:3]})
    assert all(move.tip for move in moves(into(WELLS[:3], 10.0), OT2, filled))
    assert [bool(move.tip) for move in moves(into(WELLS[:3], 10.0, tips="same"), OT2, filled)] == [True, False, False]


def test_used_tips_stay_used() -> None:
    gone = frozenset(f"tips_300_1:{well}" for well in WELLS[:5])
    found = moves(into(WELLS[:1], 90.0), OT2, DeckState(used_tips=gone))
    assert found[0].tip == "tips_300_1:F1"
    all_gone = frozenset(f"{rack}:{well}" for rack in ("tips_300_1", "tips_300_2") for well in WELLS)
    with pytest.raises(Refused, match="not enough tips"):
        moves(into(WELLS[:1], 90.0), OT2, DeckState(used_tips=all_gone))


IMPOSSIBLE = [
    (Transfer("tray:A1", "plate:A1", UL, "x"), ConfigError, "no such labware"),
    (Transfer("sample:A1", "plate:Z9", UL, "x"), ConfigError, "no such well"),
    (Transfer("sample:A1", "plate", UL, "x"), ConfigError, "no such labware"),
    (Transfer("plate:A1", "plate:A1", UL, "x"), ConfigError, "the same"),
    (Transfer("tips_20_1:A1", "plate:A1", UL, "x"), ConfigError, "no such labware"),
    (Transfer("sample:A1", "plate:A1", 126 * UL, "x"), LimitExceeded, "overflows"),
    (Transfer("sample:A1", "plate:A1", float("nan"), "x"), LimitExceeded, "finite"),
    (Transfer("sample:A1", "plate:A1", 0.5 * UL, "x"), LimitExceeded, "out of range"),
    (Transfer("pool:A1", "bulk:A1", 500 * UL, "x"), LimitExceeded, "no single-channel pipette"),
    (Transfer("plate:B1", "pool:A1", 91 * UL, "x"), Refused, "runs dry"),
]


@pytest.mark.parametrize(("transfer", "error", "reason"), IMPOSSIBLE)
def test_impossible_lists_are_refused(transfer: Transfer, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        moves([*into(WELLS[8:10], 50.0), transfer], OT2, DeckState({"plate:B1": 90 * UL}))


def test_only_eight_channels_cannot_fill_one_well() -> None:
    narrow = load_deck_file("flex")
    layout = type(narrow.layout)(narrow.layout.name, narrow.layout.labware, narrow.layout.pipettes[1:], 0)
    with pytest.raises(LimitExceeded, match="only whole columns"):
        moves(into(WELLS[:1], 50.0), type(narrow)(narrow.model, narrow.file, layout), DeckState())


volumes = st.floats(1.0, 100.0).map(lambda volume: round(volume, 2))
transfers = st.lists(
    st.builds(
        lambda well, volume, source, mix, tips: Transfer(source, f"plate:{well}", volume * UL, source, mix, tips),
        st.sampled_from(WELLS), volumes, st.sampled_from(["sample:A1", "cargo:A1"]), st.booleans(),
        st.sampled_from(["auto", "new", "same"]),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(transfers)
def test_moves_are_the_transfers_and_no_more(wanted: list[Transfer]) -> None:
    """What the moves bring where is what was asked for, in its order; no tip is taken twice."""
    given_to: defaultdict[str, float] = defaultdict(float)
    for transfer in wanted:
        given_to[transfer.target] += transfer.volume
    try:
        found = moves(wanted, OT2, DeckState())
    except (LimitExceeded, Refused):
        return
    assert max(given_to.values(), default=0.0) <= 125 * UL + 1e-12
    assert [(m.first, m.count) for m in found] == [(number, 1) for number in range(len(wanted))]
    for move, transfer in zip(found, wanted, strict=True):
        assert move.volume == pytest.approx(transfer.volume * 1e9, abs=1e-3)
        assert ":".join(move.target) == transfer.target
    tips = tips_of(found, {"left": 1, "right": 1})
    assert len(set(tips)) == len(tips)
    compile(protocol_text(found, len(wanted), OT2), "protocol.py", "exec")


HOSTILE = ['"; import os', "a'b", "line\nbreak", "\r\nM112", "naïve µ", "{x}", "\\", '"""', "x" * 300]


@pytest.mark.parametrize("liquid", HOSTILE)
def test_no_label_becomes_code(liquid: str) -> None:
    found = moves([Transfer("sample:A1", "plate:A1", 50 * UL, liquid)], OT2, DeckState())
    text = protocol_text(found, 1, OT2)
    assert [type(node).__name__ for node in ast.parse(text).body[1:]] == [
        "ImportFrom", "Assign", "Assign", "Assign", "FunctionDef"
    ]  # fmt: skip
    assert all(len(line) < 300 and line.isprintable() for line in text.splitlines())
    row = next(line for line in text.splitlines() if line.startswith("    ('transfer"))
    assert ast.literal_eval(row.strip().rstrip(","))[0].startswith(f"transfer 1 of 1: 50 uL {clean(liquid)}")


def test_announcements_are_read_back() -> None:
    found = moves(into(WELLS[:9], 90.0), FLEX, DeckState())
    text = protocol_text(found, 9, FLEX)
    assert "'transfers 1-8 of 9: 90 uL sample, troughs:A1 to plate:A1'" in text
    assert announced("transfers 1-8 of 9: x") == (0, 8)
    assert announced("transfer 9 of 9: x") == (8, 1)
    assert announced("hello") is None
    assert list(custom_labware(found, FLEX)) == ["btx_plate_96_2mm.json"]


def test_an_analysis_is_compared_move_by_move() -> None:
    found = [Move(0, 1, "left", "tips_300_1:A1", ("tubes", "A1"), ("plate", "A1"), 50.0, 25.0, "x")]
    assert len(expected(found)) == 6
    loaded = [
        {"commandType": "loadLabware", "params": {"displayName": name}, "result": {"labwareId": name}}
        for name in ("tubes", "plate")
    ]
    spoken = [
        {"commandType": kind, "params": {"labwareId": labware, "wellName": well, "volume": volume}}
        for kind, labware, well, volume in expected(found)
    ]
    assert difference(found, [*loaded, *spoken]) == ""
    assert "planned 6" in difference(found, [*loaded, *spoken[:-1]])
    spoken[1]["params"]["wellName"] = "B1"
    assert "command 2" in difference(found, [*loaded, *spoken])
