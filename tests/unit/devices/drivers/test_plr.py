"""The liquid handler: plans, tips, bookkeeping, and one JSON line per operation."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pylabrobot.resources import does_tip_tracking, does_volume_tracking, set_tip_tracking, set_volume_tracking

from devices.commands import Kind, Verdict, declared
from devices.deck import DeckState
from devices.drivers.plr import PlrLiquidHandler, PlrOptions
from devices.drivers.plr_deck import load_deck, sim_deck
from devices.drivers.plr_places import Places
from devices.drivers.plr_plan import batches, moves_for
from devices.drivers.plr_wire import decode_result, encode_operation
from devices.link import Link
from devices.readings import MADE, UNTOUCHED, Ends, Transfer, TransferReport
from devices.roles import LiquidHandler
from devices.testing.scripted import Step, play
from vesiflow.clock import SIMULATED_EPOCH, Clock, VirtualClock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply, Refused

UL = 1e-9  # m^3
ROWS = "ABCDEFGH"


@pytest.fixture(autouse=True)
def trackers() -> Iterator[None]:
    """PyLabRobot keeps them as module globals, off by default."""
    yield
    set_volume_tracking(False)
    set_tip_tracking(False)


def column(number: int, volume: float, source: str = "sample:A1", mix: bool = False) -> list[Transfer]:
    return [Transfer(source, f"plate:{row}{number}", volume * UL, source.partition(":")[0], mix) for row in ROWS]


class Robot:
    """Answers every operation line as done; `refuse` is the number of the operation it refuses, on `channel` only."""

    url = "robot://"
    blocks = False
    lost = False

    def __init__(self, clock: Clock, refuse: int = 0, mute: int = 0, channel: int = -1) -> None:
        self.clock, self.refuse, self.mute, self.channel = clock, refuse, mute, channel
        self.lines: list[dict[str, Any]] = []
        self.cleared: list[int] = []  # how many operations were before each
        self.waiting = b""

    async def write(self, data: bytes) -> None:
        if not data.strip():  # the end of half a line of a process that died
            return
        line = json.loads(data)
        if line["op"] == "clear_tips":
            self.cleared.append(len(self.lines))
            self.waiting += json.dumps({"id": line["id"], "ok": True}).encode() + b"\n"
            return
        self.lines.append(line)
        number = len(self.lines)
        if number == self.mute:
            return
        refusal = {"error": "no tip there"} if self.channel < 0 else {"errors": {str(self.channel): "a clot"}}
        answer = refusal if number == self.refuse else {"ok": True}
        self.waiting += json.dumps({"id": line["id"], **answer}).encode() + b"\n"

    async def read(self, patience: float) -> bytes:
        if not self.waiting:
            await self.clock.sleep(patience)
        data, self.waiting = self.waiting, b""
        return data

    async def discard_input(self) -> bytes:
        return b""

    async def close(self) -> None: ...


def run(talk: Any, options: dict[str, object] | None = None, **robot: int) -> tuple[Any, list[dict[str, Any]]]:
    async def inside() -> tuple[Any, list[dict[str, Any]]]:
        clock = VirtualClock()
        transport = Robot(clock, **robot)

        async def act() -> Any:
            driver = PlrLiquidHandler(Link(transport, clock, "robot"), clock, PlrOptions.model_validate(options or {}))
            await driver.connect()
            return await talk(driver)

        return await clock.spawn(act(), "robot"), transport.lines

    return asyncio.run(inside())


def ops(lines: Sequence[dict[str, Any]]) -> list[str]:
    return [line["op"] for line in lines]


def test_role_and_class_of_command() -> None:
    async def talk(driver: PlrLiquidHandler) -> None:
        assert isinstance(driver.role("liquid_handler"), LiquidHandler)
        how = declared(driver.transfer)
        assert how is not None and how.kind is Kind.COUNTED and how.evidence == "read_progress"

    run(talk)


async def put_down_after(driver: PlrLiquidHandler, *orders: list[Transfer]) -> None:
    for order in orders:
        await driver.transfer(order)
    await driver.drop_tips()


def test_a_column_goes_at_once_with_the_smallest_tips() -> None:
    _, lines = run(lambda driver: put_down_after(driver, column(1, 90.0)))
    assert ops(lines) == ["pick_up_tips", "aspirate", "dispense", "drop_tips"]
    pick, draw, give, drop = (line["channels"] for line in lines)
    assert pick[0] == {"channel": 0, "resource": "tips_300_1", "well": "A1"}
    assert [c["well"] for c in pick] == [f"{row}1" for row in ROWS]
    assert draw[7] == {"channel": 7, "resource": "sample", "well": "A1", "volume_ul": 90.0}
    assert give[7] == {"channel": 7, "resource": "plate", "well": "H1", "volume_ul": 90.0}
    assert drop[0] == {"channel": 0, "resource": "trash", "well": "A1"}
    first = lines[0]["id"]
    assert first > SIMULATED_EPOCH.timestamp() * 1000, "numbers of a process that died must not come again"
    assert [line["id"] for line in lines] == [first, first + 1, first + 2, first + 3]


def test_each_liquid_gets_its_tips_and_cargo_is_mixed() -> None:
    transfers = [*column(1, 90.0)[:2], *column(1, 3.75, "cargo:A1", mix=True)[:2]]
    _, lines = run(lambda driver: driver.transfer(transfers))
    once = ["pick_up_tips", "aspirate", "dispense"]
    assert ops(lines) == [*once, "drop_tips", *once, *(2 * ["aspirate", "dispense"]), "drop_tips"]
    assert lines[4]["channels"][0]["resource"] == "tips_50_1"
    assert lines[5]["channels"][0]["volume_ul"] == 3.75
    assert lines[7]["channels"][0] == {"channel": 0, "resource": "plate", "well": "A1", "volume_ul": 46.875}


def test_tips_go_on_only_through_empty_wells() -> None:
    _, lines = run(lambda driver: driver.transfer([*column(1, 90.0), *column(2, 90.0)]))
    assert ops(lines).count("pick_up_tips") == 1

    async def twice(driver: PlrLiquidHandler) -> None:
        await driver.transfer(column(1, 10.0))
        await driver.transfer([*column(1, 10.0), *column(2, 10.0)])

    _, lines = run(twice)
    assert ops(lines).count("pick_up_tips") == 2


ORDERS = [  # two orders, and how many times tips are taken for both
    (column(1, 90.0), column(2, 90.0), 1),  # nothing but empty wells
    (column(1, 90.0), column(2, 3.75, "cargo:A1"), 2),  # another liquid
    (column(1, 90.0), column(2, 90.0)[:4], 2),  # another number of channels
    (column(1, 3.75, "cargo:A1", mix=True), column(2, 3.75, "cargo:A1", mix=True), 2),
    (column(1, 3.75), column(2, 90.0), 2),  # too small for the second
    ([replace(one, tips="new") for one in column(1, 90.0)], [replace(one, tips="new") for one in column(2, 90.0)], 2),
    ([Transfer(f"plate:{row}1", "pool:A1", 90 * UL, "loaded", tips="same") for row in ROWS],
     [Transfer(f"plate:{row}2", "pool:A1", 90 * UL, "loaded", tips="same") for row in ROWS], 1),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "taken"), ORDERS)
def test_tips_stay_on_from_one_order_to_the_next_where_the_policy_lets_them(
    first: list[Transfer], second: list[Transfer], taken: int
) -> None:
    _, lines = run(lambda driver: put_down_after(driver, first, second))
    assert ops(lines).count("pick_up_tips") == ops(lines).count("drop_tips") == taken
    assert ops(lines)[-1] == "drop_tips"


def test_what_a_process_that_died_left_on_the_channels_is_cleared_first() -> None:
    async def talk(driver: PlrLiquidHandler) -> list[int]:
        assert driver._link is not None
        transport: Any = driver._link.transport
        await driver.transfer(column(1, 90.0))  # tips stay on
        heir = PlrLiquidHandler(driver._link, driver._clock)  # and the process dies
        await heir.connect()
        await heir.transfer(column(2, 90.0))
        await heir.transfer(column(3, 90.0))
        await heir.rehearse(column(4, 90.0))  # a phase begins: people may have been there
        await heir.transfer(column(4, 90.0))
        return list(transport.cleared)

    cleared, lines = run(talk)
    assert cleared == [0, 3, 8]
    assert ops(lines).count("pick_up_tips") == 3 and "drop_tips" not in ops(lines)


def test_vials_by_number_and_large_volumes() -> None:
    _, lines = run(lambda driver: driver.transfer([Transfer("bulk:A1", "vials:B7", 1000 * UL, "bulk")]))
    assert lines[0]["channels"][0]["resource"] == "tips_1000_1"
    assert lines[2]["channels"] == [{"channel": 0, "resource": "vials", "well": "B7", "volume_ul": 1000.0}]


def test_batches_need_alignment() -> None:
    places = Places(sim_deck())

    def sizes(pairs: list[tuple[str, str]]) -> list[int]:
        return [len(b) for b in batches(moves_for(places, [Transfer(s, t, UL, "x") for s, t in pairs]))]

    assert sizes([("sample:A1", f"plate:{w}") for w in ("A1", "B1", "A2", "B2", "C1")]) == [2, 2, 1]
    assert sizes([("sample:A1", "plate:B1"), ("sample:A1", "plate:A1")]) == [1, 1]
    assert sizes([("plate:A1", "pool:A1"), ("plate:B1", "pool:A1"), ("cargo:A1", "pool:A1")]) == [2, 1]
    assert sizes([("bulk:A1", "vials:A1"), ("bulk:A1", "vials:B1")]) == [2]


IMPOSSIBLE = [
    (Transfer("tray:A1", "plate:A1", UL, "x"), ConfigError),
    (Transfer("sample:A1", "plate:Z9", UL, "x"), ConfigError),
    (Transfer("sample:A1", "plate", UL, "x"), ConfigError),
    (Transfer("sample:B1", "plate:A1", UL, "x"), ConfigError),
    (Transfer("sample:A1", "plate:A1\r\n", UL, "x"), ConfigError),
    (Transfer("tips_50_1:A1", "plate:A1", UL, "x"), ConfigError),
    (Transfer("plate:A1", "plate:A1", UL, "x"), ConfigError),
    (Transfer("sample:A1", "plate:A1", 126 * UL, "x"), LimitExceeded),
    (Transfer("sample:A1", "plate:A1", float("nan"), "x"), LimitExceeded),
    (Transfer("sample:A1", "plate:A1", 0.0, "x"), LimitExceeded),
    (Transfer("bulk:A1", "vials:A1", 4001 * UL, "x"), LimitExceeded),
    (Transfer("bulk:A1", "pool:A1", 1100 * UL, "x"), Refused),
]


def test_impossible_lists_move_nothing() -> None:
    async def talk(driver: PlrLiquidHandler) -> None:
        for transfer, error in IMPOSSIBLE:
            with pytest.raises(error, match="robot: transfer"):
                await driver.transfer([*column(3, 5.0), transfer])

    _, lines = run(talk)
    assert lines == []


def test_overfilling_in_two_calls_and_running_dry() -> None:
    async def talk(driver: PlrLiquidHandler) -> None:
        await driver.transfer(column(1, 90.0)[:1])
        with pytest.raises(LimitExceeded, match="plate:A1 overflows"):
            await driver.transfer(column(1, 40.0)[:1])
        with pytest.raises(Refused, match="plate:A1 runs dry"):
            await driver.transfer([Transfer("plate:A1", "pool:A1", 91 * UL, "loaded")])
        await driver.transfer([Transfer("plate:A1", "pool:A1", 90 * UL, "loaded")])
        await driver.replaced("plate")
        await driver.transfer(column(1, 125.0)[:1])

    run(talk)


def test_bottles_are_not_judged_but_plates_filled_before_a_restart_can_be_emptied() -> None:
    async def talk(driver: PlrLiquidHandler) -> None:
        await driver.transfer([Transfer("plate:C4", "pool:A1", 90 * UL, "loaded")])
        for _ in range(3):
            await driver.transfer([Transfer("pool:A1", "bulk:A1", 1000 * UL, "pool")])

    _, lines = run(talk)
    assert ops(lines).count("dispense") == 4


def test_tips_run_out_before_anything_moves() -> None:
    async def talk(driver: PlrLiquidHandler) -> str:
        small = [Transfer("cargo:A1", "pool:A1", 20 * UL, "cargo", mix=True)]
        for _ in range(2 * 96):
            await driver.transfer(small)
        used = await driver.read_deck()
        assert used["tips_50_1"] == used["tips_50_2"] == "0 of 96 tips"
        await driver.transfer(small)  # the next larger size
        assert (await driver.read_deck())["tips_300_1"] == "95 of 96 tips"
        await driver.replaced("tips_50_1")
        with pytest.raises(ConfigError):
            await driver.replaced("tips_7")
        return (await driver.read_deck())["tips_50_1"]

    assert run(talk)[0] == "96 of 96 tips"


def test_not_enough_tips() -> None:
    async def talk(driver: PlrLiquidHandler) -> None:
        targets = ("pool:A1", "buffer:A1", "sample:A1")
        big = [Transfer("bulk:A1", targets[number % 3], 1000 * UL, str(number % 2)) for number in range(481)]
        with pytest.raises(Refused, match="not enough tips"):
            await driver.transfer(big)

    assert run(talk)[1] == []


def test_a_list_that_comes_in_orders_is_rehearsed_to_its_end() -> None:
    vials = [Transfer("bulk:A1", f"vials:{row}{number}", 1000 * UL, "bulk", tips="same")
             for number in range(1, 13) for row in ROWS]  # fmt: skip

    async def talk(driver: PlrLiquidHandler) -> None:
        await driver.rehearse([replace(one, tips="new") for one in vials * 3])
        gone = frozenset(
            f"tips_1000_{rack}:{row}{number}" for rack in (1, 2, 3, 4) for row in ROWS for number in range(1, 13)
        )
        await driver.know(DeckState(used_tips=gone))
        await driver.rehearse(vials * 2)  # one column of tips goes on and on
        single = [replace(one, tips="new") for one in vials]
        await driver.rehearse(single)
        with pytest.raises(Refused, match="not enough tips"):
            await driver.rehearse([*single, vials[0]])
        with pytest.raises(LimitExceeded, match="vials:A1 overflows"):
            await driver.rehearse(vials[:1] * 5)

    assert run(talk)[1] == []


def test_refusal_of_the_robot_marks_the_wells_and_the_next_call_clears_the_tips() -> None:
    async def talk(driver: PlrLiquidHandler) -> dict[str, str]:
        with pytest.raises(DeviceFault, match="the robot refuses: no tip there"):
            await driver.transfer(column(1, 90.0)[:1])
        deck = dict(await driver.read_deck())
        await driver.transfer(column(2, 90.0)[:1])
        transport: Any = driver._link.transport if driver._link else None
        assert transport.cleared == [0, 3]
        return deck

    deck, lines = run(talk, refuse=3)
    assert "uncertain" in deck["plate:A1"]
    assert ops(lines)[3] == "pick_up_tips"


CHANNEL_FAULTS: list[tuple[dict[str, int], list[Ends], list[str], Verdict]] = [
    ({"refuse": 1, "channel": 3}, [UNTOUCHED] * 8, [], Verdict.NOT_DONE),
    ({"refuse": 2, "channel": 3}, [*[MADE] * 3, Ends(None, False), *[MADE] * 4], ["dispense"], Verdict.UNKNOWN),
    ({"refuse": 3, "channel": 3}, [*[MADE] * 3, Ends(True, None), *[MADE] * 4], [], Verdict.UNKNOWN),
    ({"refuse": 4, "channel": 3}, [Ends(True, None)] * 8, [], Verdict.UNKNOWN),  # takes up what is to be mixed
    ({"refuse": 5, "channel": 3}, [*[MADE] * 3, Ends(True, None), *[MADE] * 4], [], Verdict.UNKNOWN),
    ({"refuse": 2}, [Ends(None, False)] * 8, [], Verdict.UNKNOWN),  # the robot does not say which
    ({"mute": 1}, [UNTOUCHED] * 8, [], Verdict.NOT_DONE),
    ({"mute": 2}, [Ends(None, False)] * 8, [], Verdict.UNKNOWN),
    ({"mute": 3}, [Ends(True, None)] * 8, [], Verdict.UNKNOWN),
]


@pytest.mark.parametrize(("fault", "ends", "after", "verdict"), CHANNEL_FAULTS)
def test_what_is_known_of_every_channel(
    fault: dict[str, int], ends: list[Ends], after: list[str], verdict: Verdict
) -> None:
    order = [*column(1, 90.0, mix=True), *column(2, 90.0)]

    async def talk(driver: PlrLiquidHandler) -> None:
        before = await driver.read_progress()
        with pytest.raises((DeviceFault, NoReply)):
            await driver.transfer(order)
        report = await driver.read_progress()
        assert list(report.ends) == [*ends, *[UNTOUCHED] * 8]
        assert report.done == ends.count(MADE) and report.tips == tuple(f"tips_300_1:{row}1" for row in ROWS)
        how = declared(driver.transfer)
        assert how is not None and how.judge is not None
        assert how.judge(before, report, (order,)) is verdict
        assert how.judge(report, report, (order,)) is Verdict.UNKNOWN  # an older order proves nothing

    _, lines = run(talk, **fault)
    assert ops(lines)[fault.get("refuse", 99) :] == after


def test_nothing_is_known_of_the_order_of_a_process_that_died() -> None:
    how = declared(PlrLiquidHandler.transfer)
    assert how is not None and how.judge is not None
    empty = TransferReport(0, 0)
    assert how.judge(TransferReport(8, 8, run="3"), empty, (column(1, 90.0),)) is Verdict.UNKNOWN
    assert how.judge(empty, empty, ([],)) is Verdict.UNKNOWN


def test_trackers_are_on_after_an_error_and_nothing_moves_when_somebody_switched_them_off() -> None:
    async def talk(driver: PlrLiquidHandler) -> None:
        with pytest.raises(DeviceFault):
            await driver.transfer(column(1, 90.0))
        assert does_volume_tracking() and does_tip_tracking()
        for switch in (set_volume_tracking, set_tip_tracking):
            switch(False)
            with pytest.raises(Refused, match="somebody switched the trackers off"):
                await driver.transfer(column(2, 90.0))
            switch(True)

    assert len(run(talk, refuse=2)[1]) == 2


def test_the_books_of_the_line_are_taken_over() -> None:
    state = DeckState(
        {"plate:A1": 90 * UL, "sample:A1": 1e-6}, frozenset({"plate:B1"}), frozenset({"tips_300_1:A1", "tips_300_1:B1"})
    )

    async def talk(driver: PlrLiquidHandler) -> dict[str, str]:
        await driver.transfer(column(2, 90.0))
        await driver.know(state)
        with pytest.raises(LimitExceeded, match="plate:A1 overflows"):
            await driver.transfer(column(1, 90.0)[:1])
        found = dict(await driver.read_deck())
        await driver.know(DeckState())
        assert (await driver.read_deck())["tips_300_1"] == "96 of 96 tips"
        return found

    deck, lines = run(talk)
    assert (deck["plate:A1"], deck["plate:B1"], deck["tips_300_1"]) == ("90 uL", "unknown, uncertain", "94 of 96 tips")
    assert "plate:A2" not in deck and len(lines) == 3


@pytest.mark.parametrize("backend", ["chatterbox", "star_chatterbox"])
def test_chatterboxes(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def talk(driver: PlrLiquidHandler) -> str:
        await driver.transfer([*column(1, 90.0), *column(1, 3.75, "cargo:A1", mix=True)])
        return (await driver.read_deck())["plate:H1"]

    assert run(talk, {"backend": backend})[0] == "93.75 uL"
    assert capsys.readouterr().out == ""


def test_deck_file_and_names(tmp_path: Path) -> None:
    path = tmp_path / "deck.json"
    path.write_text(json.dumps(sim_deck().serialize()))
    deck = load_deck(str(path))
    assert Places(deck).at("vials:H12").top == 4000.0
    for wrong in ("nowhere", str(tmp_path / "missing.json")):
        with pytest.raises(ConfigError):
            load_deck(wrong)
    path.write_text("[]")
    with pytest.raises(ConfigError):
        load_deck(str(path))


def test_decks_are_independent() -> None:
    first, second = load_deck("sim"), load_deck("sim")
    Places(first).at("plate:A1").item.tracker.set_volume(50.0)
    spots = first.get_resource("tips_50_1").get_all_items()
    spots[0].tracker.remove_tip(commit=True)
    assert Places(second).at("plate:A1").item.tracker.get_used_volume() == 0.0
    assert not spots[0].has_tip() and second.get_resource("tips_50_1").get_all_items()[0].has_tip()


def test_wire_without_a_port_is_refused() -> None:
    clock = VirtualClock()
    with pytest.raises(ConfigError, match="needs a port"):
        play([], lambda link, _: PlrLiquidHandler(None, clock).connect())


def test_codec() -> None:
    line = encode_operation(3, "aspirate", [{"channel": 0, "resource": "plate", "well": "A1", "volume_ul": 93.75}])
    assert line.endswith(b"}\n") and line.count(b"\n") == 1
    assert decode_result(b'{"id": 3, "ok": true}', 3) is None
    assert decode_result(b'{"id": 3, "error": "full"}', 3) == "full"
    for wrong in (
        b'{"id": 4, "ok": true}',
        b'{"id": 3}',
        b'{"id": 3, "ok": 1}',
        b"[]",
        b"?",
        b'{"id": true, "ok": true}',
    ):
        with pytest.raises(BadReply):
            decode_result(wrong, 3)


def test_foreign_lines_before_the_answer() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        driver = PlrLiquidHandler(link, clock)
        await driver.connect()
        await driver.transfer([Transfer("bulk:A1", "vials:A1", 50 * UL, "bulk")])
        await driver.drop_tips()

    begin = int(SIMULATED_EPOCH.timestamp() * 1000) + 200 - 1  # 0.2 s of silence after the first line end

    def step(nth: int, op: str, channel: dict[str, object] | None = None, before: bytes = b"") -> Step:
        number = begin + nth
        channels = [channel] if channel else []
        return Step(encode_operation(number, op, channels), before + b'{"id": %d, "ok": true}\n' % number)

    liquid = {"volume_ul": 50.0}
    play(
        [
            Step(b"\n"),
            step(1, "clear_tips"),
            step(2, "pick_up_tips", {"channel": 0, "resource": "tips_50_1", "well": "A1"}, b'{"id": 99, "ok": true}\n'),
            step(3, "aspirate", {"channel": 0, "resource": "bulk", "well": "A1", **liquid}),
            step(4, "dispense", {"channel": 0, "resource": "vials", "well": "A1", **liquid}),
            step(5, "drop_tips", {"channel": 0, "resource": "trash", "well": "A1"}),
        ],
        talk,
        chunk=64,
    )
