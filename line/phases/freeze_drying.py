"""Evacuation, primary and secondary drying, backfill."""

from __future__ import annotations

from collections import deque

from line.phases.dryer import SCAN, Conditions, ShelfRamp, read
from line.phases.dryer_guard import COLD, DryerGuard
from line.run import PhaseRun
from line.units import FreezeDryer
from protocols.phases import Backfill, Evacuate, PrimaryDrying, SecondaryDrying
from vesiflow.errors import DeviceFault

_RISE_TEST = 90.0
_BREAK_WINDOW = 1800.0
_BREAK_RISE = 0.8  # K within the window; ice under a growing cake warms ten times slower
_SUSTAINED = 5  # scans
DRY = {"centre": "centre is dry", "edge": "edge is dry"}
"""Probe -> the step that tells that its vial has no ice left."""
_DOOR, _DOOR_AFTER = 6e4, 360.0  # Pa, s


async def evacuate(run: PhaseRun, params: Evacuate) -> None:
    """Condenser cold first, then the chamber down to pressure within its time."""
    dryer = run.unit(FreezeDryer)
    await dryer.vacuum.set_relay("vent", False)
    isolated, opened = True, 0.0
    async for elapsed in run.scans(SCAN / 2):
        seen = await read(run, dryer)
        if isolated and seen.condenser <= params.condenser:
            await dryer.vacuum.set_pressure(params.pressure)
            await dryer.vacuum.set_relay("isolation", True)
            isolated, opened = False, elapsed
        _draws(run, seen, isolated, elapsed - opened)
        if not isolated and seen.capacitance <= 1.1 * params.pressure:
            break
        run.progress = elapsed / params.max_duration
        if elapsed > params.max_duration:
            what = "condenser is not cold" if isolated else "vacuum not reached: leak or pump"
            run.alarm("lyo.evacuation", what, seen.capacitance, params.pressure, "Pa", "lyophilization.capacitance")
            raise DeviceFault(
                what,
                device="lyophilization.vacuum",
                action="evacuate",
                value=f"{seen.capacitance:.1f} Pa",
                bounds=f"{params.pressure:.1f} Pa",
                remedy="check door, seals, pump and condenser",
            )
    run.result("pressure", seen.capacitance, "Pa")
    run.result("condenser", seen.condenser, "degC")
    run.fact(COLD, params.condenser)


def _draws(run: PhaseRun, seen: Conditions, isolated: bool, pumped: float) -> None:
    """Minutes after the way to the pump was opened most of the air must be gone, else the door is open."""
    what = "the chamber keeps its air: door open, seal or pump"
    run.interlocks.require(
        "lyo.evacuation", isolated or pumped < _DOOR_AFTER or seen.capacitance < _DOOR, what,
        value=seen.capacitance, limit=_DOOR, unit="Pa", tag="lyophilization.capacitance",
    )  # fmt: skip


async def primary_drying(run: PhaseRun, params: PrimaryDrying) -> None:
    """Dry until the Pirani gauge has met the capacitance gauge and stayed there for the soak."""
    dryer = run.unit(FreezeDryer)
    ramp = ShelfRamp(run, dryer, params.temperature, params.ramp)
    await dryer.vacuum.set_pressure(params.pressure)
    await dryer.vacuum.set_relay("isolation", True)
    await ramp.start()
    watch = _EndPoint(run, params)
    guard = DryerGuard(run, dryer, params.pressure, params.critical_temperature)
    async for _ in run.scans(SCAN, ramp.start):
        await ramp.move()
        seen = await read(run, dryer)
        if await guard.see(seen):
            await ramp.start()
            continue
        run.log("lyophilization.pressure_setpoint", params.pressure)
        if watch.over(seen):
            break
    watch.report()


class _Probe:
    """A thermocouple in a vial. When its ice is gone it warms towards the shelf, and says nothing of the others.

    Warming counts as that only while shelf and pressure are where they should be: a probe that warms because of them
    still stands in ice.
    """

    def __init__(self, dry: bool) -> None:
        self._seen: deque[tuple[float, float]] = deque()
        self._dry, self._settled = dry, False

    def dry(self, now: float, value: float, steady: bool) -> bool:
        """Whether the vial of this probe has no ice left, seen by its break away upwards."""
        if not steady:
            self._seen.clear()
            return self._dry
        self._seen.append((now, value))
        while now - self._seen[0][0] > _BREAK_WINDOW:
            self._seen.popleft()
        rise, span = value - self._seen[0][1], now - self._seen[0][0]
        self._settled = self._settled or (span > 0.9 * _BREAK_WINDOW and abs(rise) < _BREAK_RISE / 3)
        self._dry = self._dry or (self._settled and rise > _BREAK_RISE)
        return self._dry


class _EndPoint:
    """Pirani / capacitance convergence with soak, the time limits, and the product temperature limit."""

    def __init__(self, run: PhaseRun, params: PrimaryDrying) -> None:
        self._run = run
        self._params = params
        run.since("started")
        self._converged: float | None = None
        self._above = 0
        self._probes = {name: _Probe(dry in run.memory.steps) for name, dry in DRY.items()}
        self.warmest = -273.15
        self._first_ratio = 0.0

    def over(self, seen: Conditions) -> bool:
        """Whether the phase may end now."""
        run, p, now = self._run, self._params, self._run.clock.now()
        elapsed = run.since("started")
        self._first_ratio = max(self._first_ratio, seen.ratio)
        self._temperature(seen, frozen=seen.ratio > p.ratio)
        if seen.ratio <= p.ratio and elapsed >= p.min_duration:
            self._converged = self._converged if self._converged is not None else now
        else:
            self._converged = None
        left = max(self._first_ratio - p.ratio, 1e-6)
        run.progress = min(max((self._first_ratio - seen.ratio) / left, elapsed / p.max_duration), 0.99)
        if elapsed > p.max_duration:
            run.memory.step("started", run.clock.utc().timestamp())  # who lets it go on extends it by as much again
            what = "the gauges did not meet in the longest time allowed: extend, or decide by samples"
            run.interlocks.trip("lyo.gauges", what, value=seen.ratio, limit=p.ratio, tag="lyophilization.ratio")
        return self._converged is not None and now - self._converged >= p.soak

    def _temperature(self, seen: Conditions, frozen: bool) -> None:
        """While ice is left the product must stay below collapse, less the margin."""
        run, p = self._run, self._params
        steady = abs(seen.shelf - p.temperature) < 1.0 and abs(seen.capacitance / p.pressure - 1) < 0.2
        now = run.clock.now()
        shown = {"centre": seen.centre, "edge": seen.edge}
        dry = {name for name, probe in self._probes.items() if probe.dry(now, shown[name], steady)}
        self._remember(dry)
        iced = shown.keys() - dry
        if not frozen or not iced:
            return
        product = max(shown[name] for name in iced)
        self.warmest = max(self.warmest, product)
        limit = p.critical_temperature - p.margin
        self._above = self._above + 1 if product > limit else 0
        if self._above == _SUSTAINED:
            what = "product above collapse temperature less margin"
            run.alarm("lyo.product", what, product, limit, "degC", "lyophilization.product_centre")

    def _remember(self, dry: set[str]) -> None:
        """Vials without ice, and all of them once the gauges have met for half of the soak: over holds and restarts."""
        now, memory = self._run.clock.now(), self._run.memory
        met = self._converged is not None and now - self._converged >= self._params.soak / 2
        for name, step in DRY.items():
            if (met or name in dry) and step not in memory.steps:
                memory.step(step)

    def report(self) -> None:
        """Results of primary drying."""
        run = self._run
        run.result("duration", run.since("started"), "s")
        run.result("warmest product while ice was left", self.warmest, "degC")
        run.result("first Pirani/capacitance ratio", self._first_ratio, "")


async def secondary_drying(run: PhaseRun, params: SecondaryDrying) -> None:
    """Slow ramp, hold, then a pressure-rise test with the chamber isolated."""
    dryer = run.unit(FreezeDryer)
    ramp = ShelfRamp(run, dryer, params.temperature, params.ramp)
    await dryer.vacuum.set_pressure(params.pressure)
    await dryer.vacuum.set_relay("isolation", True)
    await ramp.start()
    guard = DryerGuard(run, dryer, params.pressure)
    async for _ in run.scans(SCAN, ramp.start):
        await ramp.move()
        seen = await read(run, dryer)
        if await guard.see(seen):
            await ramp.start()
            continue
        if ramp.done:
            run.progress = run.since("arrived") / max(params.duration, 1.0)
            if run.since("arrived") >= params.duration:
                break
    rise = await _pressure_rise(run, dryer)
    run.result("pressure rise", rise, "Pa/s")
    run.result("product temperature", max(seen.centre, seen.edge), "degC")
    if rise > params.max_rise:
        what = "pressure rise at the end of secondary drying"
        run.alarm("lyo.rise", what, rise, params.max_rise, "Pa/s", "lyophilization.capacitance")


async def _pressure_rise(run: PhaseRun, dryer: FreezeDryer) -> float:
    """Isolate the chamber, watch the pressure climb, open again; Pa/s."""
    before = (await read(run, dryer)).capacitance
    start = run.clock.now()
    await dryer.vacuum.set_relay("isolation", False)
    await run.clock.sleep(_RISE_TEST)
    after = (await read(run, dryer)).capacitance
    elapsed = run.clock.now() - start
    await dryer.vacuum.set_relay("isolation", True)
    return max(after - before, 0.0) / elapsed


async def backfill(run: PhaseRun, params: Backfill) -> None:
    """Isolate the condenser and let dry nitrogen in through the bleed up to the stoppering pressure."""
    dryer = run.unit(FreezeDryer)

    async def fill() -> None:
        await dryer.vacuum.set_relay("isolation", False)
        await dryer.vacuum.set_relay("vent", True)

    await fill()
    async for elapsed in run.scans(5.0, fill):
        seen = await read(run, dryer)
        if seen.capacitance >= params.pressure or seen.pirani >= params.pressure:
            break
        if elapsed > 3600.0:
            raise DeviceFault(
                "no backfill", device="lyophilization.vacuum", action="backfill", remedy="check nitrogen supply"
            )
    await dryer.vacuum.set_relay("vent", False)
    run.result("pressure", seen.capacitance, "Pa")
