"""Watches the freeze dryer at every scan of freezing and drying, and brings the product to safety before a hold."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from line.phases import signs
from line.phases.dryer import Conditions
from line.run import PhaseRun
from line.units import FreezeDryer
from vesiflow.errors import VesiflowError

OVERSHOOT = 3.0  # K of the bath above its set-point
SAFE_BELOW_COLLAPSE = 5.0  # K of the shelf that keeps ice without any vacuum control
PRESSURE_HIGH, PRESSURE_LOST = 1.5, 2.0  # times the set-point
_REACHED = 1.3
_RISE = 5.0 / 60.0  # Pa/s
_STILL = 12  # equal readings of the gauge that holds the vacuum; a sound one shows 2 at most
WARM = 15.0  # K of the condenser above the temperature at which the vacuum was drawn
COLD = "lyophilization.condenser_cold"  # the condenser temperature that the recipe asked for, degC
_SETTLE = 1800.0  # s to come back to the set-point after a hold


@dataclass
class DryerGuard:
    """One phase under watch; `pressure` Pa is None where no vacuum is held, `collapse` degC where ice is left."""

    run: PhaseRun
    dryer: FreezeDryer
    pressure: float | None = None
    collapse: float | None = None
    _reached: bool = False
    _last: tuple[float, float] | None = None
    _gauge: signs.Frozen = field(default_factory=lambda: signs.Frozen(_STILL))

    def __post_init__(self) -> None:
        self._began = self.run.clock.now()

    async def see(self, seen: Conditions) -> bool:
        """LimitExceeded when the dryer does not do what was ordered; the product is safe then.

        True when the unit was suspended meanwhile and is to be brought back to where it was.
        """
        if await self._no_cooling(seen):
            return True
        try:
            self._shelf(seen)
            if self.pressure is not None:
                self._vacuum(seen, self.pressure)
        except VesiflowError:
            await self._protect()
            raise
        return False

    async def _no_cooling(self, seen: Conditions) -> bool:
        """A condenser that warms has lost its cooling water: suspended with a cold shelf until it is cold again."""
        run, allowed = self.run, self.run.facts.get(COLD)
        if self.pressure is None or allowed is None:
            return False
        limit, what = allowed + WARM, "the condenser warms: no cooling?"
        if not run.interlocks.advise(
            "lyo.condenser",
            seen.condenser > limit,
            what,
            value=seen.condenser,
            limit=limit,
            unit="degC",
            tag="lyophilization.condenser",
        ):
            return False

        async def cold() -> bool:
            return (await self.dryer.condenser.read_temperature()).value <= limit

        await self._protect()
        await run.suspended(what, cold)
        self._reached, self._last, self._began = False, None, run.clock.now()
        return True

    def _shelf(self, seen: Conditions) -> None:
        locks, tag = self.run.interlocks, "lyophilization.shelf"
        what = "the circulator stands: its power was away?"
        locks.require("lyo.gap", seen.running, what, value=seen.shelf, unit="degC", tag=tag)
        self.run.limit(tag, seen.shelf, high=seen.setpoint + OVERSHOOT, unit="degC", alarm="lyo.shelf")

    def _vacuum(self, seen: Conditions, wanted: float) -> None:
        run, now, tag, found = self.run, self.run.clock.now(), "lyophilization.capacitance", seen.capacitance
        if self._gauge.see(found):
            what = "the gauge has not moved by a count for minutes"
            run.interlocks.trip("lyo.gauge_frozen", what, value=found, unit="Pa", tag=tag)
        self._reached = self._reached or found <= _REACHED * wanted
        before, self._last = self._last, (now, found)
        rise = (found - before[1]) / (now - before[0]) if before and now > before[0] else 0.0
        if self._reached and found > PRESSURE_LOST * wanted and rise > _RISE:
            what = "the vacuum is lost: the pressure rises fast"
            run.interlocks.trip("lyo.vacuum_lost", what, value=found, limit=PRESSURE_LOST * wanted, unit="Pa", tag=tag)
        if self._reached or now - self._began > _SETTLE:
            run.limit(tag, found, high=PRESSURE_HIGH * wanted, unit="Pa", alarm="lyo.pressure")

    async def _protect(self) -> None:
        """Way to the pump first, then the shelf: off when it overheats, else below collapse. What does not answer is
        left to the hold, which raises its own alarm."""
        tripped = self.run.interlocks.first_out
        with suppress(VesiflowError):
            if tripped == "lyo.vacuum_lost":
                await self.dryer.vacuum.set_relay("isolation", False)
            if tripped == "lyo.shelf":
                await self.dryer.shelf.stop()
            elif self.collapse is not None:
                await self.dryer.shelf.set_temperature(round(self.collapse - SAFE_BELOW_COLLAPSE, 1))
