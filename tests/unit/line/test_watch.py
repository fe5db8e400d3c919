"""A held unit is looked at: fresh numbers, none where a sensor is silent, nothing acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from devices.commands import read
from devices.readings import Quality, Reading
from devices.roles import LINE_ROLES
from line.phases import PHASES
from line.state import Command, State
from line.watch import SENSORS, look
from tests.unit.line.bench import TEST_PHASES, Bench, bench, recipe
from vesiflow.errors import NoReply


class Sensors:
    """A balance that can fall silent, and pressures of which one is open."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.mass: float | None = 0.1

    @read
    async def read_mass(self) -> Reading:
        if self.mass is None:
            raise NoReply("no answer")
        return Reading(self.mass, self._now(), Quality.GOOD)

    @read
    async def read_pressures(self) -> dict[str, Reading]:
        return {"feed": Reading(2e4, self._now(), Quality.GOOD), "retentate": Reading(0.0, self._now(), Quality.OVER)}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Bench]:
    with patch.dict(PHASES, TEST_PHASES), bench(tmp_path) as made:
        yield made


async def test_a_held_unit_shows_what_it_reads_now(rig: Bench) -> None:
    sensors: Any = Sensors(rig.clock.now)
    for name in ("tff.retentate_balance", "tff.pressures"):
        rig.line.roles[name] = sensors
        rig.line.file.roles[name] = SimpleNamespace(instrument="pump", limits={}, options={})
    c = rig.controller
    c.create("b1", recipe(["pump"]), "me")
    status = c.start_phase("b1", "1-tff/1-pump/1")
    shown: list[dict[str, float]] = []

    async def technician() -> None:
        await rig.clock.sleep(20.0)
        await c.command("b1", Command.HOLD, "anna", "look")
        for mass in (0.2, None, 0.3):
            sensors.mass = mass
            await rig.clock.sleep(11.0)
            run = c.batch("b1").run
            assert run is not None
            shown.append(dict(run.latest))
        assert c.batch("b1").state is State.HELD
        await c.command("b1", Command.UNHOLD, "anna", "fine")

    await rig.clock.spawn(technician(), "technician")
    await status.finished.wait()
    assert status.state == "complete"
    assert [one.get("tff.retentate_mass") for one in shown] == [0.2, None, 0.3]
    assert [one.get("tff.feed_pressure") for one in shown] == [2e4] * 3
    assert all("tff.feed_flow" not in one and "tff.retentate_pressure" not in one for one in shown)
    assert rig.pump.starts == 2


def test_every_role_that_is_looked_at_exists() -> None:
    watched = {f"{unit}.{name}" for unit, roles in SENSORS.items() for name in roles}
    assert watched <= set(LINE_ROLES)


async def test_a_role_that_the_line_does_not_have_is_shown_as_none() -> None:
    seen: dict[str, Reading | None] = {}

    def nothing(name: str) -> Any:
        raise NoReply("not there", device=name)

    await look("lyophilization", nothing, seen.__setitem__)
    assert set(seen.values()) == {None}
    assert "lyophilization.pirani" in seen
