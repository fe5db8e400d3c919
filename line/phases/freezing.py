"""Freezing and annealing on the shelf."""

from __future__ import annotations

from line.phases.dryer import SCAN, ShelfRamp, read
from line.phases.dryer_guard import DryerGuard
from line.run import PhaseRun
from line.units import FreezeDryer
from protocols.phases import Anneal, Freeze


async def freeze(run: PhaseRun, params: Freeze) -> None:
    """Ramp down and hold; all product must have followed the shelf at the end."""
    await ramp_and_hold(run, params.temperature, params.ramp, params.duration)


async def anneal(run: PhaseRun, params: Anneal) -> None:
    """Warm up, hold for crystal growth, cool down again."""
    await ramp_and_hold(run, params.temperature, params.ramp, params.duration)
    await ramp_and_hold(run, params.back_to, params.ramp, 900.0)


async def ramp_and_hold(run: PhaseRun, temperature: float, rate: float, duration: float) -> None:
    """Shelf to `temperature` at `rate`, then `duration` s there."""
    dryer = run.unit(FreezeDryer)
    ramp = ShelfRamp(run, dryer, temperature, rate)
    await ramp.start()
    arrived = f"arrived at {temperature:g} degC"
    warmest = -273.15
    guard = DryerGuard(run, dryer)
    async for _ in run.scans(SCAN, ramp.start):
        await ramp.move()
        seen = await read(run, dryer)
        await guard.see(seen)
        warmest = max(seen.centre, seen.edge)
        if ramp.done:
            run.progress = run.since(arrived) / max(duration, 1.0)
            if run.since(arrived) >= duration:
                break
    run.result("shelf temperature", temperature, "degC")
    run.result("warmest product at the end", warmest, "degC")
    if warmest > temperature + 4.0:
        run.deviation(
            "product lags behind the shelf",
            warmest,
            temperature + 4.0,
            "degC",
            "minor",
            "lyophilization.product_centre",
        )
