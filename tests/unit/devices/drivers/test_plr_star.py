"""A STAR's firmware lines for a known order, compared with golden ones: order, wells, heights and volumes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pylabrobot.io import LOG_LEVEL_IO
from pylabrobot.resources import set_tip_tracking, set_volume_tracking

from devices.drivers.plr import PlrLiquidHandler, PlrOptions
from devices.readings import Transfer
from vesiflow.clock import VirtualClock

GOLDEN = Path(__file__).parents[3] / "data" / "wire" / "hamilton_star.txt"
ORDER = [
    *(Transfer("sample:A1", f"plate:{row}1", 90e-9, "EV") for row in "ABCDEFGH"),
    *(Transfer("cargo:A1", f"plate:{row}1", 10e-9, "siRNA", True, "new") for row in "ABCDEFGH"),
    *(Transfer("bulk:A1", f"vials:{row}1", 1000e-9, "bulk", tips="same") for row in "ABCDEFGH"),
]


@pytest.fixture(autouse=True)
def trackers() -> Iterator[None]:
    yield
    set_volume_tracking(False)
    set_tip_tracking(False)


def firmware(text: str) -> list[str]:
    """Lines to the master and the channels; the running id is no part of what is asked."""
    return [re.sub(r"id\d{4}", "", line) for line in re.findall(r"C0(?:TP|TR|AS|DS)\S.*", text)]


def test_star_firmware_is_golden(caplog: pytest.LogCaptureFixture) -> None:
    async def talk() -> None:
        driver = PlrLiquidHandler(None, VirtualClock(), PlrOptions(backend="star_chatterbox"))
        await driver.connect()
        await driver.transfer(ORDER)
        await driver.drop_tips()

    with caplog.at_level(LOG_LEVEL_IO, logger="pylabrobot"):
        asyncio.run(talk())
    # The same record comes once by each handler on the way up.
    said = {id(record): record.getMessage() for record in caplog.records}
    lines = firmware("\n".join(said.values()))
    assert [line[:4] for line in lines] == [
        *("C0TP", "C0AS", "C0DS", "C0TR"),
        *("C0TP", "C0AS", "C0DS", "C0AS", "C0DS", "C0AS", "C0DS", "C0TR"),
        *("C0TP", "C0AS", "C0DS", "C0TR"),
    ]
    assert lines == GOLDEN.read_text(encoding="utf-8").splitlines()
