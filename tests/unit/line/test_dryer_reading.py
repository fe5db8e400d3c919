"""Above the capacitance gauge's range the Pirani alone tells the chamber pressure; a broken gauge is still an error."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from devices.readings import CirculatorState, Quality, Reading, bad
from line.phases.dryer import Conditions, read
from vesiflow.errors import BadReply


class Run:
    """What `read` needs of a phase run: readings must be usable, values are logged."""

    def reading(self, tag: str, reading: Reading) -> float:
        if not reading.usable:
            raise BadReply("no usable value", device=tag)
        return reading.value

    def log(self, tag: str, value: float) -> None:
        pass


def seen(capacitance: Reading, pirani: Reading) -> Conditions:
    async def temperature() -> Reading:
        return Reading(20.0, 0.0)

    async def circulator() -> CirculatorState:
        return CirculatorState(Reading(20.0, 0.0), 20.0, True)

    async def pressures() -> dict[str, Reading]:
        return {"capacitance": capacitance, "pirani": pirani}

    probe = SimpleNamespace(read_temperature=temperature)
    dryer: Any = SimpleNamespace(
        shelf=SimpleNamespace(read_circulator=circulator),
        vacuum=SimpleNamespace(read_pressures=pressures),
        product_centre=probe,
        product_edge=probe,
        condenser=probe,
    )
    run: Any = Run()
    return asyncio.run(read(run, dryer))


def test_at_atmosphere_the_pirani_stands_in() -> None:
    assert seen(bad(Quality.OVER, 0.0), Reading(9.8e4, 0.0)).capacitance == 9.8e4


def test_in_range_each_gauge_speaks_for_itself() -> None:
    assert seen(Reading(8.0, 0.0), Reading(12.8, 0.0)).ratio == pytest.approx(1.6)


@pytest.mark.parametrize("quality", [Quality.FAULT, Quality.ABSENT])
def test_a_broken_gauge_is_an_error(quality: Quality) -> None:
    with pytest.raises(BadReply):
        seen(bad(quality, 0.0), Reading(12.8, 0.0))
