"""A closed door proves itself by a little vacuum, before anything is frozen: the dryer has no switch that says so."""

from __future__ import annotations

from line.phases.dryer import read
from line.run import PhaseRun
from line.units import FreezeDryer

_DRAWN = 7e4  # Pa: seals sit, and water at room temperature is far from boiling
_WITHIN = 120.0  # s
_SCAN = 5.0


async def closed(run: PhaseRun, dryer: FreezeDryer) -> None:
    """LimitExceeded when the chamber keeps its air; the way to the pump is shut again either way."""
    vacuum = dryer.vacuum

    async def draw() -> None:
        await vacuum.set_relay("vent", False)
        await vacuum.set_relay("isolation", True)

    await draw()
    async for elapsed in run.scans(_SCAN, draw):
        seen = await read(run, dryer)
        if seen.capacitance <= _DRAWN or elapsed >= _WITHIN:
            break
    await vacuum.set_relay("isolation", False)
    run.result("pressure that proves the door", seen.capacitance, "Pa")
    what = "the chamber keeps its air: the door is open, or its seal does not sit"
    run.interlocks.require(
        "lyo.door", seen.capacitance <= _DRAWN, what, value=seen.capacitance, limit=_DRAWN, unit="Pa",
        tag="lyophilization.capacitance",
    )  # fmt: skip
