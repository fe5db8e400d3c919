"""Size-exclusion chromatography: the flow through the column; equilibrate, inject, wash. Elution is in `elution`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from line.phases import signs
from line.run import PhaseRun
from line.units import SecSkid
from protocols.phases import Equilibrate, Inject, WashColumn
from vesiflow.errors import DeviceFault, Refused

WASH_SCAN = 10.0
PUMP_TRIP = 6.9e5
"""Pa; HPLC pumps cannot trip below about 100 psi. A softer column is protected by the limit of every scan."""
_PUMP, _VOLUME, _AT = "sec.pump", "volume", "volume at"
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

    The volume is kept every `every` m^3 with its date, so that a run that is taken up again goes on where it was: what
    the pump moved until it was stopped, after somebody last looked, is `unwatched`.
    """

    run: PhaseRun
    skid: SecSkid
    flow: float
    max_pressure: float
    total: float
    every: float = math.inf
    saturated: bool = False
    _at: float = 0.0
    _frozen: signs.Frozen = field(default_factory=lambda: signs.Frozen(_STILL_READINGS))

    def __post_init__(self) -> None:
        steps = self.run.memory.steps
        self.resumed = _VOLUME in steps
        self.kept = steps.get(_VOLUME, 0.0)
        self.unwatched = self.flow * _turned(self.run, steps[_AT]) if _AT in steps else 0.0
        self.volume = self.kept + self.unwatched
        self.every = min(self.every, _KEEP_EVERY * self.total)

    async def start(self) -> None:
        """Pump on at the flow of this run, its own pressure limit set first."""
        await self.skid.pump.set_pressure_limit(max(self.max_pressure, PUMP_TRIP))
        await self.skid.pump.set_flow(self.flow)
        self._keep()
        await self.skid.pump.start()
        self._at = self.run.clock.now()

    async def scan(self) -> tuple[float, float]:
        """Read and log everything; returns UV (AU) and conductivity (S/m)."""
        run, now = self.run, self.run.clock.now()
        self.volume += self.flow * (now - self._at)
        self._at = now
        if self.volume - self.kept >= self.every:
            self._keep()
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

    def _keep(self) -> None:
        self.kept = self.volume
        self.run.memory.step(_VOLUME, self.volume)
        self.run.memory.step(_AT, self.run.clock.utc().timestamp())

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


def _turned(run: PhaseRun, since: float) -> float:
    """Seconds from the date `since` until the pump was stopped, by the journal; 0 when nobody has stopped it."""
    stops = [
        intent.utc.timestamp()
        for intent in run.journal.intents(run.batch, "stop")
        if intent.phase == run.phase.key and intent.device == _PUMP
    ]
    return min((stop for stop in stops if stop >= since), default=since) - since


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
