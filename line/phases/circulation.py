"""The circulation loop of a TFF skid: feed flow for shear, retentate pressure, permeate flow trimmed to the TMP.

The permeate pump occludes: what it moves is the flux, and the transmembrane pressure follows from the resistance of
membrane and fouling, TMP = mu R J. So TMP is held by trimming the permeate flow, within the allowed flux.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from line.run import PhaseRun
from line.units import TffSkid
from protocols.phases import Membrane
from vesiflow.errors import LimitExceeded

DENSITY = 1000.0  # kg/m^3; volumes in the record are masses at the density of water
SCAN = 2.0
TRIM_EVERY = 10.0
SLOPE_WINDOW = 40.0
PRIMING = 30.0
_DEADBAND = 0.03
_NO_FLUX = 1e-10  # m^3/s
_NO_FLUX_AFTER = 120.0
_PRESSURE_OF_AIR = 300.0  # Pa; a loop full of liquid drops more than this, a pump that sucks air does not


def shear_rate(flow: float, membrane: Membrane) -> float:
    """Wall shear rate in the lumen, 1/s: 4 Q / (n pi r^3) (Hagen-Poiseuille, laminar)."""
    return 4 * flow / (membrane.fibres * math.pi * (membrane.lumen / 2) ** 3)


@dataclass
class Seen:
    """One scan of the skid: Pa, kg, m^3/s."""

    tmp: float
    feed: float
    retentate: float
    permeate: float
    retentate_mass: float
    permeate_mass: float
    permeate_flow: float


@dataclass
class Circulation:
    """Runs the loop of one phase. `start` may be called again at any time to bring the loop back."""

    run: PhaseRun
    skid: TffSkid
    membrane: Membrane
    feed_flow: float
    tmp: float
    max_flux: float
    permeate: bool = True
    hold_mass: float | None = None
    _permeate_flow: float = 0.0
    _buffer_flow: float = 0.0
    _trimmed: float = 0.0
    _masses: deque[tuple[float, float]] = field(default_factory=deque)

    @property
    def loop_volume(self) -> float:
        """Volume that circulates outside the reservoir, m^3."""
        skid = self.run.profile.tff
        return skid.hold_up if skid else 0.0

    async def start(self) -> None:
        """Back pressure, feed pump, permeate pump, buffer pump: on, at the values this loop has reached."""
        self._within_shear()
        await self.skid.retentate_pressure.set_pressure(self.tmp)
        await self.skid.feed_pump.set_flow(self.feed_flow)
        await self.skid.feed_pump.start()
        if self.permeate:
            ceiling = self.max_flux * self.membrane.area
            await self._set_permeate(self._permeate_flow or ceiling / 2)
            await self.skid.permeate_pump.start()
        if self.hold_mass is not None:
            await self._set_buffer(self._buffer_flow or self._permeate_flow)
            await self.skid.buffer_pump.start()
        self._masses.clear()
        self._trimmed = self.run.clock.now()

    async def prime(self) -> float:
        """Fill the loop by circulating without permeate; the circulating volume then, m^3."""
        await self.skid.feed_pump.set_flow(self.feed_flow)
        await self.skid.feed_pump.start()
        await self.run.wait(PRIMING)
        mass = self.run.reading("tff.retentate_mass", await self.skid.retentate_balance.read_mass())
        return mass / DENSITY + self.loop_volume

    async def stop(self) -> None:
        """All pumps off, back pressure released."""
        await self.skid.permeate_pump.stop()
        await self.skid.buffer_pump.stop()
        await self.skid.feed_pump.stop()
        await self.skid.retentate_pressure.set_pressure(0.0)

    async def scan(self) -> Seen:
        """Read everything, log it, check limits, trim the flows."""
        run = self.run
        pressures = await self.skid.pressures.read_pressures()
        feed, retentate, permeate = (
            run.reading(f"tff.{name}_pressure", pressures[name]) for name in ("feed", "retentate", "permeate")
        )
        retentate_mass = run.reading("tff.retentate_mass", await self.skid.retentate_balance.read_mass())
        permeate_mass = run.reading("tff.permeate_mass", await self.skid.permeate_balance.read_mass())
        tmp = (feed + retentate) / 2 - permeate
        flow = self._slope(permeate_mass)
        self._log(tmp, flow)
        run.limit("tff.tmp", tmp, high=self.membrane.max_tmp, unit="Pa")
        run.limit("tff.feed_pressure", feed, low=_PRESSURE_OF_AIR, debounce=10.0, unit="Pa")
        self._still_balanced(retentate_mass, flow)
        seen = Seen(tmp, feed, retentate, permeate, retentate_mass, permeate_mass, flow)
        if run.clock.now() - self._trimmed >= TRIM_EVERY:
            self._trimmed = run.clock.now()
            await self._trim(seen)
        return seen

    def _within_shear(self) -> None:
        shear = shear_rate(self.feed_flow, self.membrane)
        if shear > self.membrane.max_shear * 1.001:
            raise LimitExceeded(
                "shear above the membrane's limit",
                device="tff.feed_pump",
                value=f"{shear:.0f} 1/s",
                bounds=f"{self.membrane.max_shear:.0f} 1/s",
                remedy="mend the recipe",
            )

    def _still_balanced(self, retentate_mass: float, flow: float) -> None:
        """Permeate must come, and buffer must replace it, else something has run dry or come off."""
        run = self.run
        if self.permeate:
            run.limit("tff.permeate_flow", flow, low=_NO_FLUX, debounce=_NO_FLUX_AFTER, unit="m^3/s")
        if self.hold_mass is not None:
            low = self.hold_mass - max(0.3 * (self.hold_mass + DENSITY * self.loop_volume), 1e-3)
            run.limit("tff.retentate_mass", retentate_mass, low=low, debounce=30.0, unit="kg")

    def _log(self, tmp: float, flow: float) -> None:
        run = self.run
        run.log("tff.tmp", tmp)
        run.log("tff.tmp_setpoint", self.tmp)
        run.log("tff.feed_flow", self.feed_flow)
        run.log("tff.shear", shear_rate(self.feed_flow, self.membrane))
        run.log("tff.permeate_flow", flow)
        run.log("tff.flux", flow / self.membrane.area)

    def _slope(self, permeate_mass: float) -> float:
        """Permeate flow from the balance over the last 40 s, m^3/s; never from a single difference."""
        now = self.run.clock.now()
        self._masses.append((now, permeate_mass))
        while now - self._masses[0][0] > SLOPE_WINDOW:
            self._masses.popleft()
        then, mass = self._masses[0]
        return max(permeate_mass - mass, 0.0) / DENSITY / (now - then) if now > then else 0.0

    async def _trim(self, seen: Seen) -> None:
        if self.permeate:
            ratio = min(max(self.tmp / max(seen.tmp, 50.0), 0.7), 1.15)
            await self._set_permeate(self._permeate_flow * ratio)
        if self.hold_mass is not None:
            wanted = self._permeate_flow + (self.hold_mass - seen.retentate_mass) / DENSITY / 60.0
            await self._set_buffer(wanted)

    async def _set_permeate(self, flow: float) -> None:
        flow = min(flow, self.max_flux * self.membrane.area)
        if abs(flow - self._permeate_flow) > _DEADBAND * max(self._permeate_flow, 1e-12):
            self._permeate_flow = flow
            await self.skid.permeate_pump.set_flow(flow)

    async def _set_buffer(self, flow: float) -> None:
        flow = min(max(flow, 0.2 * self._permeate_flow), 2.0 * self._permeate_flow)
        if abs(flow - self._buffer_flow) > _DEADBAND * max(self._buffer_flow, 1e-12):
            self._buffer_flow = flow
            await self.skid.buffer_pump.set_flow(flow)
