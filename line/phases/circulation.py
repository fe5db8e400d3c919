"""The circulation loop of a TFF skid: feed flow for shear, retentate pressure, permeate flow trimmed to the TMP.

The permeate pump occludes: what it moves is the flux, and the transmembrane pressure follows from the resistance of
membrane and fouling, TMP = mu R J. So TMP is held by trimming the permeate flow, within the allowed flux.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from line.phases import signs
from line.run import PhaseRun
from line.units import TffSkid
from protocols.phases import Membrane
from vesiflow.errors import LimitExceeded

DENSITY = 1000.0  # kg/m^3; volumes in the record are masses at the density of water
SCAN = 2.0
TRIM_EVERY = 10.0
SLOPE_WINDOW = 40.0
PRIMING, SETTLING = 30.0, 8.0  # s; the second until balances are at rest
_DEADBAND = 0.03
_NO_FLUX = 1e-10  # m^3/s
_NO_AIR = 0.2  # of the feed pressure seen before: less means that the pump moves air
_USUAL_AFTER = 20.0  # s until the pressures of a loop are taken for usual
_HEEL = 1e-3  # kg on the reservoir's balance
_FOULED, _CLOGGED = 0.2, 0.05  # of the permeate flow allowed
_STEP = 20e-3  # kg beside what pumps can have moved between two readings
_PUMP_TOLERANCE = 0.1
_STILL_PRESSURE = 120  # equal readings: the monitor shows tenths of a psi, which hide most of the noise
_STILL_MASS = 40  # equal readings while liquid flows; a sound balance shows 13 at most
_DRIFT = 0.1e-3 / 60.0  # kg/s of a balance that nothing flows to
OFFSET = "tff.permeate_offset"


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
    _started: float = 0.0
    _usual: tuple[float, float] | None = None  # feed pressure and TMP of this loop
    _frozen: dict[str, signs.Frozen] = field(default_factory=dict)
    _before: tuple[float, float, float] | None = None  # time, retentate and permeate mass of the last scan
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
        self._frozen.clear()
        self._trimmed = self._started = self.run.clock.now()
        self._usual = self._before = None

    async def prime(self) -> float:
        """Fill the loop by circulating without permeate; the circulating volume then, m^3."""
        await self.skid.feed_pump.set_flow(self.feed_flow)
        await self.skid.feed_pump.start()
        await self.run.wait(SETTLING)
        before = await permeate_mass(self.run, self.skid)
        await self.run.wait(PRIMING - SETTLING)
        self._still(await permeate_mass(self.run, self.skid) - before)
        mass = self.run.reading("tff.retentate_mass", await self.skid.retentate_balance.read_mass())
        return mass / DENSITY + self.loop_volume

    def _still(self, change: float) -> None:
        """A balance that moves while nothing flows to it decides nothing: held until somebody has found out why."""
        drift = change / (PRIMING - SETTLING)
        self.run.result("permeate balance drift", drift, "kg/s")
        what = "the permeate balance moves while its pump stands"
        self.run.interlocks.require(
            "tff.balance_drift", abs(drift) <= _DRIFT, what, value=drift, limit=_DRIFT, unit="kg/s",
            tag="tff.permeate_mass", debounce=0.0,
        )  # fmt: skip

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
        permeated = await permeate_mass(run, self.skid)
        tmp = (feed + retentate) / 2 - permeate
        flow = self._slope(permeated)
        seen = Seen(tmp, feed, retentate, permeate, retentate_mass, permeated, flow)
        if run.stale:
            return seen  # nothing is judged or trimmed by a value that did not come
        self._log(tmp, flow)
        run.limit("tff.tmp", tmp, high=self.membrane.max_tmp, unit="Pa", alarm="tff.tmp")
        await self._pumps_turn()
        self._sound(seen)
        self._still_balanced(retentate_mass, flow)
        if run.clock.now() - self._trimmed >= TRIM_EVERY:
            self._trimmed = run.clock.now()
            await self._trim(seen)
        return seen

    async def _pumps_turn(self) -> None:
        """What the drives say against what was ordered."""
        state = await self.skid.feed_pump.read_pump()
        self._turns("tff.feed_pump", "tff.feed_flow", self.feed_flow, state.flow if state.running else 0.0)
        if self.permeate:
            state = await self.skid.permeate_pump.read_pump()
            found = state.flow if state.running else 0.0
            self._turns("tff.permeate_pump", "tff.permeate_flow", self._permeate_flow, found)

    def _turns(self, alarm: str, tag: str, ordered: float, found: float) -> None:
        good = not signs.off(ordered, found, _PUMP_TOLERANCE)
        self.run.interlocks.require(
            alarm, good, "the pump does not do what was ordered", value=found, limit=ordered, unit="m^3/s", tag=tag
        )

    def _sound(self, seen: Seen) -> None:
        """Burst, air, an empty reservoir, a frozen sensor, a bottle that was moved."""
        run = self.run
        self._burst(seen)
        run.limit("tff.retentate_mass", seen.retentate_mass, low=_HEEL, unit="kg", alarm="tff.empty")
        if self._usual is not None:
            run.limit("tff.feed_pressure", seen.feed, low=_NO_AIR * self._usual[0], unit="Pa", alarm="tff.air")
        elif run.clock.now() - self._started >= _USUAL_AFTER:
            self._usual = (seen.feed, seen.tmp)
        self._moving(seen)
        self._not_moved(seen)

    def _moving(self, seen: Seen) -> None:
        """A sensor that shows the same count for minutes while the pumps beat and liquid flows is dead."""
        pressures = (("feed", seen.feed), ("retentate", seen.retentate), ("permeate", seen.permeate))
        for name, value in pressures:
            self._alive("tff.pressure_frozen", f"tff.{name}_pressure", value, "Pa", _STILL_PRESSURE)
        if self.permeate:
            self._alive("tff.balance_frozen", "tff.retentate_mass", seen.retentate_mass, "kg", _STILL_MASS)
            self._alive("tff.balance_frozen", "tff.permeate_mass", seen.permeate_mass, "kg", _STILL_MASS)

    def _alive(self, alarm: str, tag: str, value: float, unit: str, most: int) -> None:
        if self._frozen.setdefault(tag, signs.Frozen(most)).see(value):
            self.run.interlocks.trip(alarm, "has not moved by a count for minutes", value=value, unit=unit, tag=tag)

    def _burst(self, seen: Seen) -> None:
        """The last three scans against the pump and against the pressure before."""
        recent = list(self._masses)[-3:]
        if self._usual is None or len(recent) < 3 or not self.permeate:
            return
        rise = signs.slope(recent) / DENSITY
        if signs.burst(seen.tmp, self._usual[1], rise, self._permeate_flow):
            what = "permeate runs past its pump and the pressure is gone: the permeate bottle holds product, keep it"
            self.run.interlocks.trip(
                "tff.integrity", what, value=rise, limit=self._permeate_flow, unit="m^3/s", tag="tff.permeate_flow"
            )
        if seen.tmp > 0.5 * self._usual[1]:
            self._usual = (self._usual[0], 0.9 * self._usual[1] + 0.1 * seen.tmp)

    def _not_moved(self, seen: Seen) -> None:
        """No pump moves a balance that far in one scan; the permeate total goes on without the step."""
        run, now = self.run, self.run.clock.now()
        before, self._before = self._before, (now, seen.retentate_mass, seen.permeate_mass)
        if before is None:
            return
        most = _STEP + 2.0 * DENSITY * (self._permeate_flow + self._buffer_flow + 1e-7) * (now - before[0])
        step = seen.permeate_mass - before[2]
        if signs.stepped(0.0, step, most):
            run.fact(OFFSET, run.facts.get(OFFSET, 0.0) - step)
            what = "the permeate bottle was lifted or changed? The total goes on without this step"
            run.interlocks.trip("tff.mass_step", what, value=step, limit=most, unit="kg", tag="tff.permeate_mass")
        if signs.stepped(before[1], seen.retentate_mass, most):
            what = "the reservoir was touched, or it runs out"
            step = seen.retentate_mass - before[1]
            run.interlocks.trip("tff.mass_step", what, value=step, limit=most, unit="kg", tag="tff.retentate_mass")

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
            run.limit("tff.permeate_flow", flow, low=_NO_FLUX, unit="m^3/s", alarm="tff.no_permeate")
        if self.hold_mass is not None:
            low = self.hold_mass - max(0.3 * (self.hold_mass + DENSITY * self.loop_volume), 1e-3)
            run.limit("tff.retentate_mass", retentate_mass, low=low, unit="kg", alarm="tff.buffer")

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
            self._passes()
        if self.hold_mass is not None:
            wanted = self._permeate_flow + (self.hold_mass - seen.retentate_mass) / DENSITY / 60.0
            await self._set_buffer(wanted)

    def _passes(self) -> None:
        """A membrane through which hardly anything passes at the TMP of the recipe: warned, then held."""
        most, flow = self.max_flux * self.membrane.area, self._permeate_flow
        what = "the membrane fouls: little passes at the TMP of the recipe"
        tag, unit = "tff.permeate_flow", "m^3/s"
        locks = self.run.interlocks
        locks.advise("tff.fouling", flow < _FOULED * most, what, value=flow, limit=_FOULED * most, unit=unit, tag=tag)
        if flow < _CLOGGED * most:
            locks.trip("tff.tmp", "the membrane is clogged", value=flow, limit=_CLOGGED * most, unit=unit, tag=tag)

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


async def permeate_mass(run: PhaseRun, skid: TffSkid) -> float:
    """The permeate collected, kg: the balance without the steps of bottles that were lifted or changed."""
    shown = run.reading("tff.permeate_mass", await skid.permeate_balance.read_mass())
    return shown + run.facts.get(OFFSET, 0.0)


async def tare_permeate(run: PhaseRun, skid: TffSkid) -> None:
    """An empty permeate bottle counts from zero."""
    await skid.permeate_balance.tare()
    run.forget(OFFSET)
