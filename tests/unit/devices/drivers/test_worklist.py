"""A person as a liquid handler: the worklist, the confirmation, and what is refused before anybody is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.deck import DeckState
from devices.drivers.operator import BenchOperator
from devices.drivers.worklist import Worklist, WorklistOptions, worklist
from devices.readings import Answer, Prompt, Transfer
from devices.roles import Interruptible, LiquidHandler
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError, DeviceFault, LimitExceeded, Refused

UL = 1e-9
ORDER = [
    Transfer("sample:A1", "plate:A1", 90 * UL, "EV"),
    Transfer("cargo:A1", "plate:A1", 3.75 * UL, "si\r\nRNA", True, "new"),
]


class Person:
    def __init__(self, done: str = "yes") -> None:
        self.done = done
        self.asked: list[Prompt] = []

    async def ask(self, prompt: Prompt) -> Answer:
        self.asked.append(prompt)
        return Answer((("done", self.done),), "Ada")


def only_file(folder: Path) -> str:
    (written,) = folder.iterdir()
    return written.read_text()


async def test_the_order_is_a_numbered_list(tmp_path: Path) -> None:
    person = Person()
    handler = Worklist(person, WorklistOptions(folder=str(tmp_path)))
    assert isinstance(handler, LiquidHandler) and not isinstance(handler, Interruptible)
    report = await handler.transfer(ORDER)
    assert (report.total, report.done) == (2, 2)
    (prompt,) = person.asked
    assert dict(prompt.details)["step 2"] == "cargo:A1 > plate:A1 3.75 uL si__RNA mix"
    written = only_file(tmp_path)
    assert written.splitlines() == [
        "step  liquid   from       to        uL    mix  tip",
        "1     EV       sample:A1  plate:A1  90         auto",
        "2     si__RNA  cargo:A1   plate:A1  3.75  mix  new",
    ]
    assert worklist(ORDER) == written


async def test_a_person_who_says_no() -> None:
    with pytest.raises(DeviceFault, match="not all of it was pipetted"):
        await Worklist(Person("no"), WorklistOptions()).transfer(ORDER)


@pytest.mark.parametrize(("transfer", "error"), [
    (Transfer("sample:A1", "plate:A1", 126 * UL, "EV"), LimitExceeded),
    (Transfer("sample:A1", "tray:A1", UL, "EV"), ConfigError),
    (Transfer("plate:B1", "pool:A1", 91 * UL, "EV"), Refused),
])  # fmt: skip
async def test_the_impossible_is_not_asked_for(transfer: Transfer, error: type[Exception]) -> None:
    person = Person()
    handler = Worklist(person, WorklistOptions())
    await handler.know(DeckState({"plate:B1": 90 * UL}))
    with pytest.raises(error):
        await handler.transfer([transfer])
    assert person.asked == []


def test_the_operator_gives_the_role() -> None:
    operator = BenchOperator(None, VirtualClock())
    assert isinstance(operator.role("liquid_handler", deck="hand"), Worklist)
    assert operator.role("operator") is operator
    for wrong in ({"deck": "nowhere"}, {"colour": "red"}):
        with pytest.raises(ConfigError):
            operator.role("liquid_handler", **wrong)
