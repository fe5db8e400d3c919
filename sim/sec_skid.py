"""The SEC skid: pump, buffer selector, injection valve with sample loop, column, detectors, fraction collector.

Pumped volume is the time of a column: every reading follows from how much has been pumped, and a pause changes
nothing. In `inject` the eluent pushes the loop's sample onto the column, sample first; in `load` it passes by.
A column keeps some vesicles until it has seen enough of them (`sim.physics.sec_column.recovery`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from sim import elution
from sim.config import Sec
from sim.ledger import Ledger
from sim.material import EMPTY, EV_DIAMETERS, WATER_VISCOSITY, Material, solution
from sim.physics import sec, sec_column
from sim.vessels import Vessel

LOAD, INJECT = 1, 2
CAUSTIC = 50.0  # mol/m^3 of NaOH that strips a column
EXTINCTION = np.zeros(len(elution.NAMES))
for _name, _value in {
    **{name: sec_column.scatter_extinction(d) for name, d in EV_DIAMETERS.items()},
    "ev_lysed": 1e-17, "protein": 100.0, "complexes": 100.0, "ldl": 30.0, "hdl": 60.0,
    **dict.fromkeys(("cargo_free", "cargo_apparent", "cargo_protected"), 1.5e4), "nutrients": 0.2,
}.items():  # fmt: skip
    EXTINCTION[elution.INDEX[_name]] = _value


@dataclass
class SecSkid:
    """State at time `at`. Actuators set `flow` (m^3/s), `selector`, `injector` (1 load, 2 inject), tube and divert.

    `injected` counts the particles ever pushed onto the bed; `seen` is what a bed remembers, less after cleaning.
    """

    config: Sec
    ledger: Ledger
    recipe: Callable[[str], Mapping[str, float]]  # buffer name -> amounts per m^3
    at: float = 0.0
    flow: float = 0.0
    selector: int = 1
    injector: int = LOAD
    tube: int = 0
    diverted: bool = True
    loop: Material = EMPTY
    loop_eluent: Material = EMPTY
    adsorbed: Material = EMPTY
    seen: float = 0.0
    injected: float = 0.0
    tubes: dict[int, Vessel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        c = self.config
        column = sec.Column(
            c.column_length, c.column_diameter, c.bed_porosity, c.particle_porosity, c.bead_radius, c.axial_dispersion,
            mixing_volume=c.mixing_volume,
        )  # fmt: skip
        self._lines = [elution.vector(solution(1.0, self.recipe(name))) for name in c.selector]
        start = self._lines[min(2, len(self._lines) - 1)]  # a column waits in its storage solution
        self.bed = elution.Bed(column, c.dead_volume, start, c.usual_flow)
        self.ledger.bring_in(Material(self.bed.liquid, elution.material(0.0, self.bed.held).amounts))

    # -- pump and valves

    def set_flow(self, flow: float, now: float) -> None:
        """Eluent flow, m^3/s."""
        self.advance(now)
        if flow != self.flow:
            self.ledger.record(now, "sec pump", flow=flow, pumped=self.bed.volume)
        self.flow = flow
        self.bed.tune(flow)

    def select(self, port: int, now: float) -> None:
        """Which bottle the pump draws from: 1 buffer, 2 clean, 3 store."""
        self.advance(now)
        self.selector = port

    def inject(self, position: int, now: float) -> None:
        """1 load: the loop is by-passed; 2 inject: it lies in the stream."""
        self.advance(now)
        if position == INJECT and self.injector == LOAD:
            self.ledger.record(now, "injection", volume=self.loop.volume, particles=self.loop.particles)
        self.injector = position

    def go_to(self, tube: int, now: float) -> None:
        """Outlet over tube `tube` (1-based)."""
        self.advance(now)
        self.tube = tube

    def divert(self, to_waste: bool, now: float) -> None:
        """Outlet to waste, or into the tube below."""
        self.advance(now)
        self.diverted = to_waste

    # -- people

    def load_loop(self, sample: Material, now: float) -> None:
        """Fill the loop; what was in it, and what does not fit, goes to waste."""
        self.advance(now)
        self.ledger.discard(self.loop)
        self.ledger.discard(self.loop_eluent)
        self.loop_eluent = EMPTY
        self.loop, spilled = sample.split(self.config.loop)
        self.ledger.discard(spilled)

    def place_tubes(self, now: float) -> None:
        """Empty tubes; what stood there is thrown away."""
        self.advance(now)
        for vessel in self.tubes.values():
            self.ledger.discard(vessel.content)
        self.tubes = {}

    def take_tube(self, number: int, now: float) -> Material:
        """Pour tube `number` out; ValueError when nothing was collected in it."""
        self.advance(now)
        if number not in self.tubes:
            raise ValueError(f"tube {number} is empty")
        return self.tubes.pop(number).empty()

    # -- readings

    def absorbance(self, now: float) -> float:
        """UV280 at the detector, AU."""
        return min(float(EXTINCTION @ self._detected(now)) * self.config.uv_path, 10.0 * sec_column.SATURATION)

    def conductivity(self, now: float) -> float:
        """At the detector, S/m."""
        return elution.material(1.0, self._detected(now)).conductivity

    def pressure(self, now: float) -> float:
        """At the pump, Pa: bed, frits and tubing."""
        if self.flow <= 0.0:
            return 0.0
        thick = self._thickness
        c = self.config
        bed = sec_column.bed_pressure(self.bed.column, self.flow, WATER_VISCOSITY * thick, c.max_pressure)
        frit = c.frit * (1.0 + self.injected / c.frit_particles)
        return bed + frit * thick * self.flow

    @property
    def _thickness(self) -> float:
        """20 % ethanol is nearly twice as thick as water, 0.5 mol/L caustic a tenth."""
        line = self._lines[self._port]
        ethanol, caustic = line[elution.INDEX["ethanol"]], line[elution.INDEX["naoh"]]
        return float(1.0 + 0.8 * ethanol / 3430.0 + 0.1 * caustic / 500.0)

    @property
    def _port(self) -> int:
        return min(max(self.selector, 1), len(self._lines)) - 1

    def _detected(self, now: float) -> elution.Floats:
        pushed = self.flow * (now - self.at)
        if self.injector == INJECT and self.loop.volume > 0.0 and pushed >= self.loop.volume:
            self.advance(now)
            pushed = 0.0
        self._feed()
        return self.bed.outlet(self.bed.volume + pushed, self.config.detector_delay)

    def contents(self) -> Iterator[Material]:
        """Everything in loop, column, tubing and tubes."""
        yield from (self.loop, self.loop_eluent, self.adsorbed)
        yield elution.material(self.bed.liquid, self.bed.held)
        yield from (vessel.content for vessel in self.tubes.values())

    # -- time

    def advance(self, now: float) -> None:
        """Pump what has been pumped since the last time."""
        volume = self.flow * max(now - self.at, 0.0)
        self.at = max(self.at, now)
        while volume > 0.0:
            sample = self.injector == INJECT and self.loop.volume > 0.0
            part = min(volume, self.loop.volume) if sample else volume
            self._push(part, sample)
            volume -= part

    def _feed(self) -> None:
        """Tell the bed what flows in now."""
        if self.injector == INJECT and self.loop.volume > 0.0:
            self.bed.feed(elution.vector(self._after_adsorption(self.loop)))
        else:
            self.bed.feed(self._lines[self._port])

    def _push(self, volume: float, sample: bool) -> None:
        self._feed()
        eluent = elution.material(volume, self._lines[self._port] * volume)
        self.ledger.bring_in(eluent)
        if sample:
            pushed, self.loop = self.loop.split(volume)
            self.loop_eluent = self.loop_eluent + eluent
            self._adsorb(pushed)
            if self.loop.volume < 1e-15:
                self.loop = EMPTY
        self._collect(elution.material(volume, self.bed.push(volume)))
        if self.adsorbed.amounts and self.bed.inlet[elution.INDEX["naoh"]] > CAUSTIC:
            self.ledger.discard(self.adsorbed)
            self.adsorbed, self.seen = EMPTY, 0.3 * self.seen

    def _kept(self) -> float:
        """Share of the vesicles that a bed of this history keeps."""
        return 1.0 - sec_column.recovery(self.seen, self.config.adsorbing_particles, 1.0 - self.config.adsorption)

    def _after_adsorption(self, sample: Material) -> Material:
        share = self._share
        return Material(
            sample.volume, {n: a * (1.0 - share if n in EV_DIAMETERS else 1.0) for n, a in sample.amounts.items()}
        )

    @property
    def _share(self) -> float:
        """Fixed for one injection: what it is at its start."""
        if self._injected is None:
            self._injected = self._kept()
        return self._injected

    _injected: float | None = None

    def _adsorb(self, pushed: Material) -> None:
        stuck = {n: a * self._share for n, a in pushed.amounts.items() if n in EV_DIAMETERS}
        self.adsorbed = self.adsorbed + Material(0.0, stuck)
        self.seen += pushed.particles
        self.injected += pushed.particles
        if self.loop.volume < 1e-15:
            self._injected = None

    def _collect(self, out: Material) -> None:
        if self.diverted or not 1 <= self.tube <= self.config.tubes:
            self.ledger.discard(out)
            return
        vessel = self.tubes.get(self.tube)
        if vessel is None:
            vessel = self.tubes[self.tube] = Vessel(f"tube {self.tube}", self.config.tube_volume)
            self.ledger.record(self.at, "tube", tube=self.tube)
        spilled = vessel.add(out)
        if spilled.volume > 0.0:
            self.ledger.record(self.at, "tube overflow", tube=self.tube, volume=spilled.volume)
            self.ledger.discard(spilled)
