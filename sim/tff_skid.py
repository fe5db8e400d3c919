"""The TFF skid: reservoir on a balance, loop with a hollow-fibre module, feed, permeate, buffer and recovery pumps.

Reservoir and loop are one well-mixed volume; the balance sees what is not in the loop. The permeate pump is
occlusive: it imposes the flux while it turns and closes the line while it stands. Air enters the loop when the feed
pump runs and the reservoir is empty: pressures collapse to noise and foam destroys vesicles.

The filtration itself is `sim.physics.tff`; this file adds vessels, pumps, cleaning and air.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sim.config import Tff
from sim.ledger import Ledger
from sim.material import EMPTY, EV_DIAMETERS, WATER_DENSITY, WATER_VISCOSITY, Material, lysed
from sim.physics import tff
from sim.tff_module import Module, Moment, build, ruptured
from sim.vessels import Vessel

STEP = 5.0  # s; what-if runs take longer ones
DOME_LAG = 0.8  # s, back-pressure regulator
FOAM = 0.02 / 60.0  # share of vesicles destroyed per s with air in the loop
CAUSTIC = 50.0  # mol/m^3 of NaOH: above it a module is being cleaned and vesicles dissolve
CLEANING_TIME = 1800.0  # s in which caustic removes the configured share of the fouling
PUMPS = ("permeate", "buffer", "recovery", "spare")


@dataclass
class TffSkid:
    """State of the skid at time `at`; actuators set `drive` (rev/s), `pumps` (m^3/s) and `dome` (Pa)."""

    config: Tff
    ledger: Ledger
    at: float = 0.0
    module: Module | None = None
    loop: tff.State = field(default_factory=lambda: tff.State(0.0, {}))
    primed: bool = False
    adsorbed: Material = EMPTY
    drive: float = 0.0
    pumps: list[float] = field(default_factory=lambda: [0.0] * 4)
    outlet: Vessel | None = None
    turned: float = 0.0  # s the feed tubing has been squeezed
    step: float = STEP
    _dome: tuple[float, float, float] = (0.0, 0.0, 0.0)  # (target, value then, then)
    _moved: list[float] = field(default_factory=lambda: [0.0] * 4)
    _until: list[float] = field(default_factory=lambda: [math.inf] * 4)  # when pumps stop by themselves
    _moment: Moment | None = None
    _seen: tuple[float, tuple[float, float, float]] | None = None

    def __post_init__(self) -> None:
        self.permeate = Vessel("permeate", self.config.permeate_bottle)
        self.buffer = Vessel("buffer", self.config.buffer_bottle)
        self._membrane: tff.Membrane | None = None

    # -- what pumps and valves do

    def set_drive(self, speed: float, now: float) -> None:
        """Shaft speed of the feed pump, rev/s; only forwards moves liquid through the module."""
        self.advance(now, exactly=True)
        if speed != self.drive:
            self.ledger.record(now, "feed pump", speed=speed)
        self.drive = speed
        self.primed = self.primed or (speed > 0.0 and self.loop.volume > 0.0)
        self.refresh()

    def set_pump(self, channel: int, flow: float, now: float, until: float = math.inf) -> None:
        """Flow of a Reglo channel (0-based), m^3/s, that ends by itself at `until`; what moved since the last change is
        written down."""
        self.advance(now, exactly=True)
        self._turn(channel, flow, now)
        self._until[channel] = until

    def _turn(self, channel: int, flow: float, now: float) -> None:
        if flow != self.pumps[channel]:
            self.ledger.record(now, f"{PUMPS[channel]} pump", flow=flow, moved=self._moved[channel])
            self._moved[channel] = 0.0
        self.pumps[channel] = flow
        self.refresh()

    def set_dome(self, pressure: float, now: float) -> None:
        """Set-point of the back-pressure regulator, Pa gauge."""
        self._dome = (max(pressure, 0.0), self.dome(now), now)
        self.refresh()

    def dome(self, now: float) -> float:
        """Dome pressure, Pa gauge: first order behind its set-point."""
        target, value, since = self._dome
        return target + (value - target) * math.exp(-(now - since) / DOME_LAG)

    # -- what people do

    def mount(self, barcode: str, cutoff: float, fibres: tff.Fibres, area: float, now: float) -> None:
        """Mount another module; what the old one had adsorbed goes with it."""
        self.advance(now, exactly=True)
        self.ledger.discard(self.adsorbed)
        self.adsorbed = EMPTY
        self.module = build(self.config, barcode, cutoff, fibres, area)
        self.loop = replace(self.loop, fouling=0.0, reversible=0.0)
        self.refresh()

    def pour(self, material: Material, now: float) -> None:
        """Into the reservoir; the module adsorbs its share of the vesicles."""
        self.advance(now, exactly=True)
        if self.module is not None:
            share = self.config.adsorption
            stuck = {n: material.amount(n) * share for n in EV_DIAMETERS if material.amount(n) > 0.0}
            self.adsorbed = self.adsorbed + Material(0.0, stuck)
            kept = {n: a - stuck.get(n, 0.0) for n, a in material.amounts.items()}
            material = Material(material.volume, kept, material.freeze_thaws)
        self._hold(self.retentate + material)

    def refill(self, buffer: Material, now: float) -> None:
        """The buffer bottle holds `buffer` and nothing of the old one."""
        self.advance(now, exactly=True)
        self.ledger.discard(self.buffer.empty())
        self.ledger.discard(self.buffer.add(buffer))
        self.refresh()

    def empty_permeate(self, now: float) -> Material:
        """Take away what has permeated."""
        self.advance(now, exactly=True)
        self._settle()
        content = self.permeate.empty()
        self.refresh()
        return content

    def spill(self, volume: float) -> None:
        """So much of the retentate runs onto the floor."""
        lost, rest = self.retentate.split(volume)
        self.ledger.record(self.at, "spill", volume=lost.volume)
        self.ledger.discard(lost)
        self._hold(rest)

    def place(self, outlet: Vessel, now: float) -> None:
        """Another bottle under the recovery outlet."""
        self.advance(now, exactly=True)
        self.outlet = outlet

    # -- what can be read

    @property
    def retentate(self) -> Material:
        """Reservoir and loop together."""
        return Material(self.loop.volume, self.loop.amounts, self._thaws)

    def reservoir_mass(self, now: float) -> float:
        """On the retentate balance, kg."""
        m = self._momentary()
        volume = self.loop.volume + m.reservoir * (now - self.at) - self._in_loop()
        return self.config.vessel_mass + m.density * max(volume, 0.0)

    def permeate_mass(self, now: float) -> float:
        """On the permeate balance, kg."""
        m = self._momentary()
        return min(m.permeated + m.permeate * (now - self.at) * WATER_DENSITY, self.permeate.capacity * 1100.0)

    def pressures(self, now: float) -> tuple[float, float, float]:
        """Feed, retentate and permeate pressure, Pa gauge."""
        if self.module is None or self.air:
            return 0.0, 0.0, 0.0
        if self._seen is None or self._seen[0] != now:
            state = tff.conditions(self.loop, self._inputs(now))
            self._seen = (now, (state.feed_pressure, state.retentate_pressure, state.permeate_pressure))
        return self._seen[1]

    @property
    def feed_flow(self) -> float:
        """What really passes the module, m^3/s; worn tubing delivers less."""
        wear = max(1.0 - self.config.tubing_wear * self.turned, 0.5)
        return max(self.drive, 0.0) * self.config.feed_per_revolution * wear if self.loop.volume > 0.0 else 0.0

    @property
    def turning(self) -> bool:
        """Something moves liquid."""
        return self.drive != 0.0 or any(self.pumps)

    @property
    def conductivity(self) -> float:
        """In the permeate line, S/m: salts pass freely, so it is that of the loop."""
        return self.retentate.conductivity

    @property
    def air(self) -> bool:
        """The feed pump draws air: nothing is left in the reservoir."""
        return self.drive > 0.0 and self.loop.volume <= self.config.hold_up * (1.0 + 1e-9)

    def contents(self) -> Iterator[Material]:
        """Everything on the skid."""
        self._settle()
        yield from (self.retentate, self.adsorbed, self.permeate.content, self.buffer.content)

    # -- time

    def advance(self, now: float, exactly: bool = False) -> None:
        """Up to `now`; unless `exactly`, in whole steps only, and readings follow the rates of the moment."""
        while (end := min(self._until)) <= now:
            self._proceed(end, exactly=True)
            channel = self._until.index(end)
            self._until[channel] = math.inf
            self._turn(channel, 0.0, end)
        self._proceed(now, exactly)

    def _proceed(self, now: float, exactly: bool) -> None:
        if not self.turning:
            self.at = max(self.at, now)
            return
        while now - self.at >= self.step:
            self._step(self.step)
        if exactly and now > self.at:
            self._step(now - self.at)

    def _step(self, dt: float) -> None:
        self.at += dt
        self._recover(dt)
        inflow = self.buffer.take(self.pumps[1] * dt)
        self._moved[1] += inflow.volume
        if self.drive > 0.0:
            self.turned += dt
        if self.module is None or self.feed_flow <= 0.0:
            self._hold(self.retentate + inflow)
        else:
            self._filter(inflow, dt)
        self.refresh()

    def _filter(self, inflow: Material, dt: float) -> None:
        before = self.loop.permeate_volume
        rich = {n: a / inflow.volume for n, a in inflow.amounts.items()} if inflow.volume else {}
        inputs = replace(self._inputs(self.at), buffer_flow=inflow.volume / dt, buffer=rich)
        self.loop = tff.step(self.loop, inputs, dt)
        self._moved[0] += self.loop.permeate_volume - before
        if self.loop.damaged:
            self.loop = ruptured(self.loop)
        if self.air:
            self._hold(lysed(self.retentate, -math.expm1(-FOAM * dt)))
        if self.loop.concentration("naoh") > CAUSTIC:
            self._clean(dt)
        if self.loop.volume > self.config.reservoir:
            self._hold(self.retentate)
        if self.permeate.volume + self.loop.permeate_volume > self.permeate.capacity:
            self._settle()

    def _recover(self, dt: float) -> None:
        volume = min(self.pumps[2] * dt, max(self.loop.volume - self.config.residue, 0.0))
        if volume <= 0.0:
            return
        taken, rest = self.retentate.split(volume)
        self._moved[2] += volume
        self._hold(rest)
        self.primed = self.primed and rest.volume >= self.config.hold_up
        self.ledger.discard(self.outlet.add(taken) if self.outlet else taken)

    def _clean(self, dt: float) -> None:
        """Caustic dissolves what fouls the membrane, what it has adsorbed, and any vesicle left."""
        rate = -math.log(1.0 - min(self.config.cleaning, 0.999)) / CLEANING_TIME
        share = -math.expm1(-rate * dt)
        self.loop = tff.clean(self.loop, share)
        gone = lysed(self.adsorbed, 1.0)
        self.adsorbed = EMPTY
        self._hold(lysed(self.retentate + gone, share))

    def _hold(self, material: Material) -> None:
        """Make `material` the content of reservoir and loop; what does not fit runs over."""
        kept, spilled = material.split(self.config.reservoir + self._in_loop())
        if spilled.volume > 0.0:
            self.ledger.record(self.at, "reservoir overflow", volume=spilled.volume)
            self.ledger.discard(spilled)
        self._thaws = kept.freeze_thaws
        self.loop = replace(self.loop, volume=kept.volume, amounts=kept.amounts)
        self.refresh()

    _thaws: int = 0

    def _settle(self) -> None:
        """Move what has permeated into the bottle."""
        through = Material(self.loop.permeate_volume, self.loop.permeate)
        self.loop = replace(self.loop, permeate_volume=0.0, permeate={})
        spilled = self.permeate.add(through)
        if spilled.volume > 0.0:
            self.ledger.record(self.at, "permeate overflow", volume=spilled.volume)
            self.ledger.discard(spilled)

    def _in_loop(self) -> float:
        return min(self.config.hold_up, self.loop.volume) if self.primed else min(self.config.residue, self.loop.volume)

    def refresh(self) -> None:
        """State or inputs changed: what depends on them is computed again when asked for."""
        self._moment = self._seen = self._membrane = None

    def _momentary(self) -> Moment:
        if self._moment is None:
            permeate = tff.conditions(self.loop, self._inputs(self.at)).permeate_flow if self._filters() else 0.0
            fed = self.pumps[1] if self.buffer.volume > 0.0 else 0.0
            drawn = self.pumps[2] if self.loop.volume > self.config.residue else 0.0
            content = self.retentate
            density = content.mass / content.volume if content.volume > 0.0 else WATER_DENSITY
            through = Material(self.loop.permeate_volume, self.loop.permeate)
            permeated = self.permeate.content.mass + through.mass
            self._moment = Moment(fed - permeate - drawn, permeate, density, permeated)
        return self._moment

    def _filters(self) -> bool:
        return self.module is not None and self.loop.volume > 0.0

    def _inputs(self, now: float) -> tff.Inputs:
        assert self.module is not None, "nothing is filtered without a module"
        flow = self.feed_flow
        if self._membrane is None:
            # Leveque: mass transfer grows with the cube root of shear.
            factor = (flow / self.module.reference_flow) ** (1.0 / 3.0) if flow > 0.0 else 0.1
            base = self.module.membrane
            self._membrane = replace(base, mass_transfer=base.mass_transfer * factor)
            self._viscosity = WATER_VISCOSITY * self.retentate.relative_viscosity
        return tff.Inputs(
            self._membrane, flow, self.dome(now) if flow > 0.0 else 0.0, self.pumps[0],
            buffer_flow=self.pumps[1] if self.buffer.volume > 0.0 else 0.0,
            viscosity=self._viscosity, fittings=self.config.fittings / (100e-6 / 60.0),
            minimum_volume=self.config.hold_up,
        )  # fmt: skip
