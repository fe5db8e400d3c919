"""The freeze dryer: circulator and shelf, chamber with bleed, isolation and vent, condenser, classes of vials.

Relay 1 is the nitrogen bleed, which regulates between the thresholds set at the gauge controller; relay 2 opens the
way to condenser and pump; relay 3 vents. The vials are `sim.physics.lyophilization` in classes, the chamber is
`sim.physics.vacuum`; this file couples them in steps of at most a minute and knows what the vials hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from sim.config import Lyophilization
from sim.ledger import Ledger
from sim.material import SPECIES, Material, aggregated, lysed
from sim.physics import cake, vacuum
from sim.physics import lyophilization as lyo
from sim.physics.primary_drying import Vial
from sim.vessels import Vessel

STEP = 60.0  # s; what-if runs take longer ones
STALE = 10.0  # s a reading may be old
BLEED, ISOLATION, VENT = 1, 2, 3
BATH_LAG = 90.0  # s
BATH_RATE = 1.2 / 60.0  # K/s at most
ROOM = 21.0
ROOM_LAG = 3.0 * 3600.0  # s, a circulator that is switched off
CLASSES = 5
CONDENSER_LAG = 420.0  # s to get cold once the door is shut
SUGARS = ("trehalose", "sucrose")
SALTS = ("nacl", "phosphate", "naoh")
SALT_DEPRESSION = 40.0  # K of critical temperature per mass share of salt in the solids
DRY_DENSITY = 1500.0  # kg/m^3
UNSTOPPERED = 2.0  # % moisture that an open vial takes up on the way out


@dataclass
class Lot:
    """Vials that behave alike: the class, its state, and the vessels."""

    kind: lyo.VialClass
    state: lyo.State
    vials: list[Vessel]


@dataclass(frozen=True)
class DriedVial:
    """A vial out of the dryer: cake (its solids), fill before drying m^3, moisture and recovery as shares."""

    content: Material
    fill: float
    moisture: float
    recovery: float
    collapsed: float


@dataclass
class FreezeDryer:
    """State at time `at`. `thresholds` gives the bleed's switching points (Pa) or None when nobody set them."""

    config: Lyophilization
    ledger: Ledger
    rng: Random
    thresholds: Callable[[], tuple[float, float] | None] = lambda: None
    at: float = 0.0
    setpoint: float = ROOM
    circulating: bool = False
    bath: float = ROOM
    shelf: float = ROOM
    relays: dict[int, bool] = field(default_factory=lambda: {BLEED: False, ISOLATION: False, VENT: False})
    cold_since: float | None = None
    lots: list[Lot] = field(default_factory=list)
    stoppered: int = 0
    dried: list[DriedVial] = field(default_factory=list)
    step: float = STEP
    warm_condenser: float | None = None  # degC at which a condenser without cooling stands
    stuck_heater: float = 0.0  # K/s that a heater adds which nobody controls

    def __post_init__(self) -> None:
        volume = self.config.chamber_volume
        self.machine = vacuum.Dryer(
            volume=volume,
            leak=self.config.leak * volume,
            pump_down=self.config.pump_down / math.log(vacuum.ATMOSPHERE / 8.0),
            condenser=self.config.condenser,
            condenser_limit=self.config.condenser_capacity,
        )
        self.chamber = vacuum.State(condenser=ROOM)

    # -- instruments

    def set_shelf(self, temperature: float, now: float) -> None:
        """Set-point of the circulator, degC."""
        self.advance(now, exactly=True)
        self.setpoint = temperature

    def run_shelf(self, on: bool, now: float) -> None:
        """Circulator on or off."""
        self.advance(now, exactly=True)
        self.circulating = on

    def switch(self, relay: int, on: bool, now: float) -> None:
        """A relay of the gauge controller; the bleed follows its thresholds by itself."""
        self.advance(now, exactly=True)
        self.relays[relay] = on
        if relay != BLEED:
            self.ledger.record(now, "valve", relay=relay, open=on)

    def product(self, edge: bool) -> float:
        """A probe at the bottom of a vial of the edge or of the centre; an empty shelf shows itself, degC."""
        of_kind = [lot for lot in self.lots if lot.kind.name.startswith("edge" if edge else "centre")]
        chosen = of_kind or self.lots
        return chosen[0].state.temperature if chosen else self.shelf

    # -- people

    def load(self, vials: Sequence[Vessel], now: float) -> int:
        """Vials on the shelf, door shut, refrigeration on; how many found a place."""
        self.advance(now, exactly=True)
        self._clear()
        placed, left = list(vials[: self.config.places]), vials[self.config.places :]
        for vessel in left:
            self.ledger.discard(vessel.content)
        self.stoppered, self.dried = 0, []
        self.cold_since = now
        self.lots = self._grouped(placed) if placed else []
        return len(placed)

    def stopper(self) -> int:
        """Press the stoppers home; the count of closed vials."""
        self.stoppered = self.count
        return self.stoppered

    def unload(self, now: float) -> int:
        """Vent and take the vials out; their count."""
        self.advance(now, exactly=True)
        self.chamber = replace(self.chamber, pressure=vacuum.ATMOSPHERE, water_share=0.0)
        taken = [self._finished(lot, vial) for lot in self.lots for vial in lot.vials]
        self.dried = [*self.dried, *taken]
        self.lots = []
        return len(taken)

    def take_vial(self) -> DriedVial:
        """One vial for the laboratory; ValueError when none was dried."""
        if not self.dried:
            raise ValueError("there are no freeze-dried vials")
        vial = self.dried.pop(len(self.dried) // 2)
        self.ledger.discard(vial.content)
        return vial

    @property
    def count(self) -> int:
        """Vials on the shelf."""
        return sum(len(lot.vials) for lot in self.lots)

    def contents(self) -> Iterator[Material]:
        """What the vials hold, on the shelf and after."""
        yield from (vial.content for lot in self.lots for vial in lot.vials)
        yield from (vial.content for vial in self.dried)

    # -- time

    @property
    def idle(self) -> bool:
        """Nothing cools, nothing is on the shelf, nothing is under vacuum."""
        return not (self.lots or self.circulating or any(self.relays.values()) or self.cold_since is not None)

    def advance(self, now: float, exactly: bool = False) -> None:
        """Up to `now`; a reading may be up to 10 s old unless `exactly`."""
        if self.idle:
            self.at = max(self.at, now)
            return
        while now - self.at >= self.step:
            self._step(self.step)
        rest = now - self.at
        if rest > 0.0 and (exactly or rest >= STALE):
            self._step(rest)

    def _step(self, dt: float) -> None:
        self.at += dt
        before = self.shelf
        self._thermostat(dt)
        rate = (self.shelf - before) / dt
        vapour = 0.0
        for lot in self.lots:
            was = lyo.water(lot.kind, lot.state)
            inputs = lyo.Inputs(lot.kind, before, self.chamber.pressure, rate)
            lot.state = lyo.step(lot.state, inputs, dt)
            vapour += lot.kind.count * max(was - lyo.water(lot.kind, lot.state), 0.0)
        self._chamber(vapour * 1e-3 / dt, dt)

    def _thermostat(self, dt: float) -> None:
        if self.circulating:
            wanted = (self.setpoint - self.bath) * -math.expm1(-dt / BATH_LAG)
            self.bath += min(max(wanted, -BATH_RATE * dt), BATH_RATE * dt)
            self.bath += self.stuck_heater * dt
        else:
            self.bath += (ROOM - self.bath) * -math.expm1(-dt / ROOM_LAG)
        self.shelf += (self.bath - self.shelf) * -math.expm1(-dt / self.config.shelf_lag)

    def _chamber(self, vapour: float, dt: float) -> None:
        pumping, venting = self.relays[ISOLATION], self.relays[VENT]
        dryer = replace(self.machine, condenser=self._condenser())
        inputs = vacuum.Inputs(
            dryer,
            setpoint=self._regulated(),
            vapour=vapour,
            pumping=pumping,
            venting=venting,
            isolated=not (pumping or venting),
        )
        self.chamber = vacuum.step(self.chamber, inputs, dt)
        if not pumping:
            self.chamber = replace(self.chamber, condenser=vacuum.condenser_temperature(dryer, self.chamber.ice))

    def _condenser(self) -> float:
        """Temperature without load, degC: it takes its time after the door is shut."""
        if self.cold_since is None:
            return ROOM
        if self.warm_condenser is not None:
            return self.warm_condenser
        cold = self.config.condenser
        return cold + (ROOM - cold) * math.exp(-(self.at - self.cold_since) / CONDENSER_LAG)

    def _regulated(self) -> float:
        """What the bleed holds, Pa: the middle of its thresholds; without it the pump draws all it can."""
        points = self.thresholds()
        return min((points[0] + points[1]) / 2.0, vacuum.ATMOSPHERE) if points is not None else 0.0

    # -- vials

    def _grouped(self, vials: Sequence[Vessel]) -> list[Lot]:
        """The vials in classes by where they stand, with what this product is like."""
        filled = [vial.content for vial in vials]
        fill = sum(m.volume for m in filled) / len(filled)
        solids = sum(_solids(m) for m in filled) / len(filled)
        r0, a1, a2 = self.config.cake_resistance
        kc, kp, kd = self.config.heat_transfer
        vial = Vial(
            self.config.vial_area * 1e4, self.config.product_area * 1e4, fill * 1e6,
            max(solids / fill * 1e-3, 1e-3), r0, a1, a2, kc, kp, kd,
        )  # fmt: skip
        kinds = lyo.vial_classes(vial, len(vials), self.rng, self._formulation(filled), CLASSES)
        lots, begin, total = [], 0, 0.0
        for kind in kinds:
            total += kind.count
            end = round(total)
            if end > begin:
                heat = kind.heat_factor * (self.config.edge_heat / 1.4 if kind.name.startswith("edge") else 1.0)
                shift = self.config.nucleation + 10.0
                kind = replace(kind, count=end - begin, heat_factor=heat, nucleation=kind.nucleation + shift)
                lots.append(Lot(kind, lyo.filled(kind, ROOM), list(vials[begin:end])))
            begin = max(begin, end)
        return lots

    def _formulation(self, filled: Sequence[Material]) -> cake.Formulation:
        """Sugar protects and sets the critical temperature; salt lowers it."""
        volume = sum(m.volume for m in filled)
        solids = max(sum(_solids(m) for m in filled), 1e-12)
        sugar = sum(SPECIES[n].mass * m.amount(n) for m in filled for n in SUGARS)
        salt = sum(SPECIES[n].mass * m.amount(n) for m in filled for n in SALTS) / solids
        critical = self.config.critical_temperature - SALT_DEPRESSION * salt
        return cake.Formulation(collapse_temperature=critical, glass_transition=critical - 0.5, sugar=sugar / volume)

    def _finished(self, lot: Lot, vial: Vessel) -> DriedVial:
        """A vial as it comes out: water gone, vesicles as the cake has kept them."""
        state = lot.state
        melted = state.phase != "dry"
        collapsed = 1.0 if melted else state.collapsed
        moisture = 100.0 * lyo.water(lot.kind, state) / max(lot.kind.solids, 1e-9) if melted else state.moisture
        moisture += 0.0 if self.stoppered else UNSTOPPERED
        recovery = cake.vesicle_recovery(lot.kind.formulation.sugar, collapsed, moisture)
        before = vial.empty()
        solids = _solids(before)
        left = min(solids / DRY_DENSITY + moisture / 100.0 * solids / 1000.0, before.volume)
        self.ledger.water_removed += before.volume - left
        hurt = aggregated(lysed(before, 0.6 * (1.0 - recovery)), 0.4 * (1.0 - recovery) / (0.4 + 0.6 * recovery))
        content = Material(left, hurt.amounts, before.freeze_thaws + 1)
        return DriedVial(content, before.volume, moisture / 100.0, recovery, collapsed)

    def _clear(self) -> None:
        """Whatever still stands on the shelf is thrown away."""
        for material in self.contents():
            self.ledger.discard(material)
        self.lots, self.dried = [], []


def _solids(material: Material) -> float:
    """Dry mass, kg; the vesicles weigh next to nothing and caustic stays as salt."""
    return sum(SPECIES[n].mass * a for n, a in material.amounts.items() if not n.startswith(("ev_", "ethanol")))
