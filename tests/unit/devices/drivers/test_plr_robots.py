"""Vantage, EVO and OT-2 as far as PyLabRobot drives them: its own commands, on a USB port that answers as they do.

The lines are compared with golden ones, so that a new version of the library cannot change what a robot does unseen.
"""

from __future__ import annotations

import asyncio
import queue
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pylabrobot.resources import (
    Deck,
    Tip,
    TipRack,
    TipSpot,
    create_ordered_items_2d,
    set_tip_tracking,
    set_volume_tracking,
)
from pylabrobot.resources.hamilton import (
    PLT_CAR_L5AC_A00,
    TIP_CAR_480_A00,
    VantageDeck,
    hamilton_96_tiprack_300uL_filter,
)
from pylabrobot.resources.opentrons import OTDeck
from pylabrobot.resources.tecan import EVO150Deck
from pylabrobot.resources.tecan.plate_carriers import MP_3Pos_PCR
from pylabrobot.resources.tecan.plates import DeepWell_96_Well
from pylabrobot.resources.tecan.tip_carriers import DiTi_SBS_3_Pos_MCA96
from pylabrobot.resources.tecan.tip_racks import DiTi_200ul_Te_MO

from devices.drivers import plr, plr_backends
from devices.drivers.plr import PlrLiquidHandler, PlrOptions
from devices.drivers.plr_labware import own_labware
from devices.readings import Transfer
from vesiflow.clock import WallClock
from vesiflow.errors import ConfigError, DeviceFault

DATA = Path(__file__).parents[3] / "data" / "wire"
COLUMN = [Transfer(f"source:{row}1", f"plate:{row}2", 90e-9, "EV", tips="same") for row in "ABCDEFGH"]


@pytest.fixture(autouse=True)
def trackers() -> Iterator[None]:
    yield
    set_volume_tracking(False)
    set_tip_tracking(False)


class Usb:
    """A USB port with a robot behind it; `answer` makes the reply to a line."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer
        self.lines: list[str] = []
        self.waiting: queue.Queue[bytes] = queue.Queue()
        self.open = False

    async def setup(self) -> None:
        self.open = True

    async def stop(self) -> None:
        self.open = False

    async def write(self, data: bytes, timeout: float | None = None) -> None:
        self.lines.append(data.decode())
        self.waiting.put(self.answer(self.lines[-1]).encode("latin-1"))

    async def read(self, timeout: float | None = None, size: int | None = None) -> bytes:
        try:
            return self.waiting.get(timeout=0.01)
        except queue.Empty:
            raise TimeoutError from None


def vantage(line: str) -> str:
    """Everything is initialised, parked and without tips; every command succeeds."""
    said = {"A1PMQA": "rt0 0 0 0 0 0 0 0", "A1RMRG": "rg1"}.get(line[:6], "qw1" if line[4:6] == "QW" else "")
    number = re.search(r"id(\d+)", line)
    return f"{line[:6]}id{number[1] if number else 0}er0{said}"


def evo(line: str) -> str:
    """A liquid handling arm with eight channels, no other arm; a command of an absent arm is error 5."""
    module, command = line[1:3], line[3:6]
    if module != "C5":
        return f"\x02{module}\x85\x00"
    said = {"RNT": "8", "RPX": "9000", "RPY": "90", "RPZ": "2000"}.get(command, "")
    return f"\x02{module}\x80{said}\x00"


def vantage_deck() -> Deck:
    deck = VantageDeck(size=1.3)
    tips, plates = TIP_CAR_480_A00("tip_carrier"), PLT_CAR_L5AC_A00("plate_carrier")
    tips[0] = hamilton_96_tiprack_300uL_filter("tips_300_1")
    plates[0], plates[1] = own_labware("btx_plate_96_2mm", "plate"), own_labware("btx_plate_96_2mm", "source")
    deck.assign_child_resource(tips, rails=18)
    deck.assign_child_resource(plates, rails=24)
    return deck


def evo_deck() -> Deck:
    deck = EVO150Deck()
    tips, plates = DiTi_SBS_3_Pos_MCA96("tip_carrier"), MP_3Pos_PCR("plate_carrier")
    tips[0] = DiTi_200ul_Te_MO("tips_200_1")
    plates[0], plates[1] = DeepWell_96_Well("plate"), DeepWell_96_Well("source")
    deck.assign_child_resource(tips, rails=10)
    deck.assign_child_resource(plates, rails=16)
    return deck


def ot2_deck() -> Deck:
    deck = OTDeck()
    spots = create_ordered_items_2d(
        TipSpot, num_items_x=12, num_items_y=8, dx=14.4, dy=11.2, dz=64.5, item_dx=9.0, item_dy=9.0,
        size_x=5.2, size_y=5.2, make_tip=lambda name: Tip(False, 59.3, 300.0, 7.5, name=name),
    )  # fmt: skip
    deck.assign_child_at_slot(TipRack("tips_300_1", 127.8, 85.5, 64.5, ordered_items=spots), 1)
    deck.assign_child_at_slot(own_labware("btx_plate_96_2mm", "plate"), 2)
    deck.assign_child_at_slot(own_labware("btx_plate_96_2mm", "source"), 3)
    return deck


def on(
    kind: str,
    deck: Deck,
    talk: Callable[[PlrLiquidHandler, Any], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[str], str] | None = None,
) -> Any:
    """`talk` with a driver on the robot; the port that took its lines."""
    made = plr_backends.backend(kind, None, 1.0)
    if answer is not None:
        made.backend.io = Usb(answer)
    monkeypatch.setattr(plr, "backend", lambda *_: made)
    monkeypatch.setattr(plr, "load_deck", lambda _: deck)

    async def act() -> None:
        options = PlrOptions.model_validate({"backend": kind, "deck": "x.json", "bottles": ()})
        driver = PlrLiquidHandler(None, WallClock(), options)
        await driver.connect()
        try:
            await talk(driver, made.backend)
        finally:
            await driver.close()

    asyncio.run(act())
    return made.backend


async def one_column(driver: PlrLiquidHandler, _: Any) -> None:
    report = await driver.transfer(COLUMN)
    await driver.drop_tips()
    assert report.done == 8 and len(report.tips) == 8


def test_vantage_firmware_is_golden(monkeypatch: pytest.MonkeyPatch) -> None:
    port = on("vantage", vantage_deck(), one_column, monkeypatch, vantage).io
    moves = [re.sub(r"id\d+", "", line) for line in port.lines if line[:6] in ("A1PMTP", "A1PMDA", "A1PMDD", "A1PMTR")]
    assert [line[:6] for line in moves] == ["A1PMTP", "A1PMDA", "A1PMDD", "A1PMTR"]
    assert moves == (DATA / "hamilton_vantage.txt").read_text(encoding="utf-8").splitlines()
    assert not port.open


def test_evo_firmware_is_golden_and_used_tips_are_never_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def twice(driver: PlrLiquidHandler, backend: Any) -> None:
        backend.io.lines.clear()
        first = await driver.transfer(COLUMN)
        assert (await driver.read_deck())["tips_200_1"] == "88 of 96 tips"
        second = await driver.transfer([Transfer("source:A3", "plate:A3", 20e-9, "EV")])
        assert not set(first.tips) & set(second.tips)

    port = on("evo", evo_deck(), twice, monkeypatch, evo).io
    lines = [line.strip("\x02\x00") for line in port.lines]
    golden = (DATA / "tecan_evo.txt").read_text(encoding="utf-8").splitlines()
    assert lines[: len(golden)] == golden
    assert {"C5AGT", "C5MTR", "C5AST"} <= {line[:5] for line in golden}


def test_ot2_gets_one_transfer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(driver: PlrLiquidHandler, _: Any) -> None:
        assert (await driver.transfer(COLUMN)).tips == ("tips_300_1:A1",)
        await driver.drop_tips()

    calls = on("ot2_chatterbox", ot2_deck(), talk, monkeypatch).commands
    names = [name for name, _, _ in calls]
    assert names.count("lh.pick_up_tip") == names.count("lh.drop_tip_in_place") == 1
    assert names.count("lh.aspirate_in_place") == names.count("lh.dispense_in_place") == 8


def test_a_channel_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def clogged(line: str) -> str:
        if line.startswith("A1PMDA"):
            number = re.search(r"id(\d+)", line)
            return f'A1PMDAid{number[1] if number else 0}er1es"P370"'
        return vantage(line)

    async def talk(driver: PlrLiquidHandler, _: Any) -> None:
        with pytest.raises(DeviceFault, match=r"aspirate: .*look at the deck"):
            await driver.transfer(COLUMN)
        assert "uncertain" in (await driver.read_deck())["source:C1"]

    on("vantage", vantage_deck(), talk, monkeypatch, clogged)


@pytest.mark.parametrize("kind", ["star", "star_chatterbox", "vantage", "evo", "ot2_chatterbox"])
def test_a_deck_of_another_robot_is_refused(kind: str) -> None:
    async def act() -> None:
        driver = PlrLiquidHandler(None, WallClock(), PlrOptions.model_validate({"backend": kind}))
        await driver.connect()

    if kind.startswith("star"):
        assert plr_backends.backend(kind, None, 1.0).deck == "HamiltonSTARDeck"
        return
    with pytest.raises(ConfigError, match=r"the deck is of another robot .got HamiltonSTARDeck"):
        asyncio.run(act())
