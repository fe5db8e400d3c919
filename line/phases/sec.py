"""Size-exclusion chromatography: equilibrate, inject, elute with fractions, pool, wash."""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.roles import FractionCollector
from line.phases import signs
from line.requests import Stopped
from line.run import PhaseRun
from line.units import SecSkid
from protocols.phases import Elute, Equilibrate, Inject, PoolFractions, WashColumn
from vesiflow.errors import DeviceFault, Refused, VesiflowError

SCAN = 2.0
WASH_SCAN = 10.0
PUMP_TRIP = 6.9e5
"""Pa; HPLC pumps cannot trip below about 100 psi. A softer column is protected by the limit of every scan."""
_KEEP_EVERY = 0.02  # of the volume of a run
_STILL_READINGS = 8  # equal readings of a detector that always has some noise
_FULL_SCALE, _FLAT_TOP = 1.0, 3  # AU above which so many equal readings are the end of the scale
_DRIFT, _NOISE = 3e-3, 2e-3  # AU over the tail of the equilibration
_TAIL = 10  # scans
_PUMP_TOLERANCE = 0.1
_FLAT_CONDUCTIVITY = 0.03  # relative drift over the last tenth of the equilibration that counts as flat


@dataclass
class Flow:
    """Pump, detector and pressure limit of one run of `total` m^3 through the column; counts only while pumping.

    The volume so far is kept, so that a run that is taken up again ends where it should.
    """

    run: PhaseRun
    skid: SecSkid
    flow: float
    max_pressure: float
    total: float
    saturated: bool = False
    _at: float = 0.0
    _frozen: signs.Frozen = field(default_factory=lambda: signs.Frozen(_STILL_READINGS))

    def __post_init__(self) -> None:
        self.volume = self._kept = self.run.memory.steps.get("volume", 0.0)

    async def start(self) -> None:
        """Pump on at the flow of this run, its own pressure limit set first."""
        await self.skid.pump.set_pressure_limit(max(self.max_pressure, PUMP_TRIP))
        await self.skid.pump.set_flow(self.flow)
        await self.skid.pump.start()
        self._at = self.run.clock.now()

    async def scan(self) -> tuple[float, float]:
        """Read and log everything; returns UV (AU) and conductivity (S/m)."""
        run, now = self.run, self.run.clock.now()
        self.volume += self.flow * (now - self._at)
        self._at = now
        if self.volume - self._kept >= _KEEP_EVERY * self.total:
            self._kept = self.volume
            self.run.memory.step("volume", self.volume)
        uv = run.reading("sec.uv", await self.skid.uv.read_absorbance())
        conductivity = run.reading("sec.conductivity", await self.skid.conductivity.read_conductivity())
        pressure = run.reading("sec.pressure", await self.skid.pump.read_pressure())
        run.log("sec.volume", self.volume)
        run.log("sec.flow", self.flow)
        run.limit("sec.pressure", pressure, high=self.max_pressure, unit="Pa", alarm="sec.pressure")
        await self._pump_turns()
        if not run.stale:
            self._alive(uv)
        return uv, conductivity

    async def _pump_turns(self) -> None:
        state = await self.skid.pump.read_pump()
        found = state.flow if state.running else 0.0
        self.run.interlocks.require(
            "sec.flow", not signs.off(self.flow, found, _PUMP_TOLERANCE), "the pump does not do what was ordered",
            value=found, limit=self.flow, unit="m^3/s", tag="sec.flow",
        )  # fmt: skip

    def _alive(self, uv: float) -> None:
        """A detector at the end of its scale is noted; one that repeats itself elsewhere is dead."""
        frozen = self._frozen.see(uv)
        flat = uv >= _FULL_SCALE and self._frozen.count >= _FLAT_TOP
        self.saturated = self.saturated or flat
        what = "the detector is at the end of its scale: the peak is not quantifiable"
        self.run.interlocks.advise("sec.saturated", flat, what, value=uv, unit="AU", tag="sec.uv")
        if frozen and uv < _FULL_SCALE:
            self.run.interlocks.trip(
                "sec.stream", "the detector repeats its last value", value=uv, unit="AU", tag="sec.uv"
            )


async def equilibrate(run: PhaseRun, params: Equilibrate) -> None:
    """Run buffer until conductivity is flat, at most twice the volume; remember the UV baseline."""
    skid = run.unit(SecSkid)
    await skid.injection_valve.move_to("load")
    await skid.selector_valve.move_to("buffer")
    flow = Flow(run, skid, params.flow, params.max_pressure, params.volume)
    await flow.start()
    tail: list[tuple[float, float]] = []
    lamp: list[signs.Sample] = []
    async for elapsed in run.scans(WASH_SCAN, flow.start):
        seen = await flow.scan()
        run.progress = min(flow.volume / params.volume, 1.0)
        if flow.volume >= 0.9 * params.volume:
            tail.append(seen)
            lamp.append((elapsed, seen[0]))
        enough = flow.volume >= params.volume and len(tail) >= _TAIL
        if enough and (_flat(tail) or flow.volume >= 2 * params.volume):
            break
    await skid.pump.stop()
    _lamp_is_good(run, lamp)
    if not _flat(tail):
        run.deviation(
            "conductivity not flat after twice the volume", tail[-1][1], tail[0][1], "S/m", "minor", "sec.conductivity"
        )
    baseline = sum(uv for uv, _ in tail) / len(tail)
    run.fact("sec.baseline", baseline)
    run.result("UV baseline", baseline, "AU")
    run.result("conductivity", tail[-1][1], "S/m")


def _lamp_is_good(run: PhaseRun, lamp: list[signs.Sample]) -> None:
    """Nothing is injected under a detector that drifts or flickers."""
    drift, noise = signs.slope(lamp) * (lamp[-1][0] - lamp[0][0]), signs.noise(lamp)
    run.result("UV drift", drift, "AU")
    run.result("UV noise", noise, "AU")
    for value, limit, what in ((abs(drift), _DRIFT, "drifts"), (noise, _NOISE, "flickers")):
        run.interlocks.require(
            "sec.lamp", value <= limit, f"the detector {what}", value=value, limit=limit, unit="AU", tag="sec.uv",
            debounce=0.0,
        )  # fmt: skip


def _flat(tail: list[tuple[float, float]]) -> bool:
    recent = [conductivity for _, conductivity in tail[-20:]]
    return bool(recent) and max(recent) - min(recent) <= _FLAT_CONDUCTIVITY * max(max(recent), 1e-9)


async def inject(run: PhaseRun, params: Inject) -> None:
    """Fill the loop and switch it onto the column with the pump at rest; the valve's position is the evidence."""
    skid = run.unit(SecSkid)
    await _fill_loop(run, params)
    try:
        await skid.injection_valve.move_to("inject")
        position = await skid.injection_valve.read_position()
    except DeviceFault as fault:
        run.alarm("sec.valve", f"the sample has not been injected, it is in the loop: {fault}")
        raise
    if position.position != "inject":
        run.alarm("sec.valve", f"the valve stands at {position.position}: the sample is in the loop")
        raise Refused(
            "the injection valve did not reach inject",
            device="sec.injection_valve",
            value=position.position,
            remedy="sample is still in the loop; check the actuator",
        )
    run.result("injected volume", params.volume, "m^3")


async def _fill_loop(run: PhaseRun, params: Inject) -> None:
    details = {"bottle": params.source, "volume": params.volume}
    text = f"Fill the sample loop with {params.volume * 1e6:.1f} mL from bottle {params.source}"
    await run.ask_barcode("load loop", text, details, params.source)
    tubes = run.profile.sec.tubes if run.profile.sec else 0
    await run.ask("place tubes", "Place empty tubes in the fraction collector", {"tubes": tubes})


@dataclass
class Fractions:
    """Opens tubes by volume at the outlet, `delay` m^3 behind the detector, and keeps each one's mean UV."""

    run: PhaseRun
    collector: FractionCollector
    params: Elute
    delay: float
    baseline: float
    tube: int = 0
    means: dict[int, tuple[float, int]] = field(default_factory=dict)

    async def move(self, volume: float) -> None:
        """Bring the right tube under the outlet for elution volume `volume` at the detector."""
        at = volume - self.delay
        p = self.params
        inside = p.collect_from <= at < p.collect_to
        wanted = int((at - p.collect_from) / p.fraction_volume + 1e-9) + 1 if inside else 0
        if wanted == self.tube:
            return
        if wanted:
            await self._go_to(wanted)
            if self.tube == 0:
                await self.collector.collect(True)
        else:
            await self.collector.collect(False)
        self.tube = wanted
        self.run.log("sec.tube", float(wanted))

    async def _go_to(self, tube: int) -> None:
        try:
            await self.collector.go_to(tube)
        except DeviceFault as fault:
            found = await self.collector.read_tube()
            self.run.alarm(
                "sec.collector", f"tube {found.tube} stands where tube {tube} should: {fault}", found.tube, tube, "",
                "sec.tube",
            )  # fmt: skip
            raise

    def see(self, volume: float, uv: float) -> None:
        """Book the detector's value on the tube that this liquid will reach."""
        p = self.params
        if p.collect_from <= volume < p.collect_to:
            number = int((volume - p.collect_from) / p.fraction_volume) + 1
            total, count = self.means.get(number, (0.0, 0))
            self.means[number] = (total + uv - self.baseline, count + 1)


async def elute(run: PhaseRun, params: Elute) -> None:
    """Elute, watch UV and conductivity, collect fractions."""
    skid = run.unit(SecSkid)
    delay = run.profile.sec.dead_volume if run.profile.sec else 0.0
    fractions = Fractions(run, skid.collector, params, delay, run.facts.get("sec.baseline", 0.0))
    flow = Flow(run, skid, params.flow, params.max_pressure, params.volume)

    async def go_on() -> None:
        """As it was before a hold: the sample may still be in the loop."""
        await skid.injection_valve.move_to("inject")
        fractions.tube = 0
        await flow.start()

    await flow.start()
    async for _ in run.scans(SCAN, go_on):
        try:
            await _eluted(run, flow, fractions)
        except Stopped:
            raise
        except VesiflowError as error:  # the run is where it is: held here it goes on, from the start it could not
            run.trouble(error)
            await run.held(str(error))
            await go_on()
        run.progress = flow.volume / params.volume
        if flow.volume >= params.volume:
            break
    await skid.pump.stop()
    await skid.injection_valve.move_to("load")
    for number, (total, count) in sorted(fractions.means.items()):
        run.fact(f"sec.fraction.{number}", total / count)
    run.fact("sec.fraction_volume", params.fraction_volume)
    run.result("elution volume", flow.volume, "m^3")
    run.result("fractions", len(fractions.means), "")
    peak = max((total / count for total, count in fractions.means.values()), default=0.0)
    run.result("UV peak above baseline", peak, "AU")
    run.fact("sec.peaks", _peaks_found(run, params, fractions, peak))
    if flow.saturated:
        run.result("UV saturated, area not quantifiable", 1.0, "")


async def _eluted(run: PhaseRun, flow: Flow, fractions: Fractions) -> None:
    """One scan of an elution."""
    uv, _conductivity = await flow.scan()
    if not run.stale:
        fractions.see(flow.volume, uv)
    await fractions.move(flow.volume)


def _peaks_found(run: PhaseRun, params: Elute, fractions: Fractions, peak: float) -> int:
    """How many peaks there are; none or several is for a person to judge."""
    means = [total / count for _, (total, count) in sorted(fractions.means.items())]
    found = signs.peaks(means, params.uv_threshold)
    if found == 0:
        what = "no peak found in the collection window"
        run.alarm("sec.no_peak", what, peak, params.uv_threshold, "AU", "sec.uv")
    elif found > 1:
        run.alarm("sec.peaks", f"{found} peaks in the collection window", found, 1.0, "", "sec.uv")
    return found


async def pool(run: PhaseRun, params: PoolFractions) -> None:
    """Pool the fractions of the first peak down to `peak_share` of its height."""
    means = {
        int(name.rsplit(".", 1)[1]): value for name, value in run.facts.items() if name.startswith("sec.fraction.")
    }
    volume = run.facts.get("sec.fraction_volume", 0.0)
    chosen = first_peak(means, params.peak_share, int(params.max_volume / volume + 1e-9) if volume else 0)
    if not chosen:
        raise Refused("no fraction to pool", device="sec.collector", remedy="look at the chromatogram")
    if run.facts.get("sec.peaks", 1.0) != 1.0:
        chosen = await _choose(run, chosen)
    tubes = ",".join(str(number) for number in chosen)
    text = f"Pool tubes {tubes} into bottle {params.product}"
    pooled = await run.ask_volume("pool fractions", text, {"tubes": tubes, "bottle": params.product})
    run.fact(f"bottle.{params.product}.volume", pooled)
    run.result("pooled volume", pooled, "m^3")
    run.result("first tube", chosen[0], "")
    run.result("last tube", chosen[-1], "")


async def _choose(run: PhaseRun, proposed: list[int]) -> list[int]:
    """A person chooses the tubes by the chromatogram; nothing is guessed."""
    text = "The chromatogram has not exactly one peak: choose the tubes to pool, with commas between"
    details = {"proposed": ",".join(str(number) for number in proposed)}
    values = await run.ask("choose tubes", text, details, {"tubes": "text"})
    tubes = [part.strip() for part in values["tubes"].split(",")]
    if not all(part.isascii() and part.isdigit() for part in tubes):
        raise Refused("tubes are numbers with commas between", device="operator", value=values["tubes"])
    return [int(part) for part in tubes]


def first_peak(means: dict[int, float], share: float, most: int) -> list[int]:
    """Tubes of the first peak: from its top to both sides while the mean UV stays above `share` of the top."""
    numbers = sorted(means)
    if not numbers or most < 1:
        return []
    highest = max(means.values())
    top = next(
        (
            n
            for n in numbers
            if means[n] >= 0.1 * highest and means[n] >= means.get(n + 1, 0.0) and means[n] >= means.get(n - 1, 0.0)
        ),
        numbers[0],
    )
    chosen = [top]
    while len(chosen) < most:
        sides = [n for n in (chosen[0] - 1, chosen[-1] + 1) if means.get(n, 0.0) >= share * means[top]]
        sides = [
            n
            for n in sides
            if (n > chosen[-1] and means[n] <= means[chosen[-1]]) or (n < chosen[0] and means[n] <= means[chosen[0]])
        ]
        if not sides:
            break
        best = max(sides, key=lambda n: means[n])
        chosen = sorted([*chosen, best])
    return chosen


async def wash(run: PhaseRun, params: WashColumn) -> None:
    """Run a cleaning or storage solution through the column."""
    skid = run.unit(SecSkid)
    positions = {"store": "store"} if "ethanol" in params.agent.lower() or "store" in params.agent.lower() else {}
    await skid.injection_valve.move_to("load")
    await skid.selector_valve.move_to(positions.get("store", "clean"))
    flow = Flow(run, skid, params.flow, params.max_pressure, params.volume)
    await flow.start()
    async for _ in run.scans(WASH_SCAN, flow.start):
        await flow.scan()
        run.progress = flow.volume / params.volume
        if flow.volume >= params.volume:
            break
    await skid.pump.stop()
    run.result("volume", flow.volume, "m^3")
