"""The freeze-dryer twin: classes of like vials from liquid to dry cake.

    classes = lyophilization.vial_classes(vial, count, rng)         edge and centre, spread of Kv, Rp and nucleation
    state = lyophilization.filled(classes[0], temperature)
    state = lyophilization.step(state, Inputs(classes[0], shelf, pressure), dt)
    lyophilization.water(classes[0], state)                         g per vial, ice and bound; its fall is the vapour

Phases: liquid -> freezing -> frozen -> drying -> dry. Warming a frozen vial above its freezing point melts it again.
Chamber pressure in Pa, temperatures degC, time in s; per vial masses in g (see `primary_drying`). A step may cross
phases and lands on each change; 60 s is ample. Couple the classes through `vacuum.step`, whose vapour input is the sum
of count x fall of `water` over dt.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from sim.physics import cake, freezing, secondary_drying
from sim.physics import primary_drying as primary
from sim.physics.cake import Formulation
from sim.physics.primary_drying import Vial
from sim.physics.vacuum import PASCAL_PER_TORR

CONVECTION = 38.0  # W/m^2/K at atmospheric pressure
VACUUM = 3000.0  # Pa: vapour leaves a frozen cake below it
SHELF_LAG = 300.0  # s, dry cake behind the shelf
WATER = 4.0e3, 1.0e3  # J/kg/K, kg/m^3
ICE = 2.03e3, 918.0
FUSION = 333464.8  # J/kg
EDGE_SHARE = 0.2
VIAL = Vial()
TREHALOSE = Formulation()


@dataclass(frozen=True)
class VialClass:
    """`count` vials that behave alike: factors on Kv and Rp, their nucleation temperature (degC)."""

    name: str
    count: float
    vial: Vial = VIAL
    formulation: Formulation = TREHALOSE
    heat_factor: float = 1.0
    resistance_factor: float = 1.0
    nucleation: float = -10.0

    @property
    def conductance(self) -> float:
        """h A, W/K."""
        return CONVECTION * self.vial.area * 1e-4

    @property
    def solids(self) -> float:
        """g per vial."""
        return self.vial.solids * self.vial.fill_volume


@dataclass(frozen=True)
class Inputs:
    """Shelf degC (and its rate K/s over the step) and chamber pressure Pa around one class."""

    vials: VialClass
    shelf: float
    pressure: float
    shelf_rate: float = 0.0


@dataclass(frozen=True)
class State:
    """One vial of a class. `temperature` is the bottom, where a probe sits; `front` the sublimation front."""

    phase: str
    temperature: float
    front: float
    frozen: float = 0.0  # share of the water that is ice
    layer: float = 0.0  # cm dry
    rate: float = 0.0  # g/h subliming
    moisture: float = 8.0  # % of the solids, bound
    collapsed: float = 0.0
    annealed: float = 0.0  # h above the glass transition while frozen
    drying_time: float = 0.0  # s since the first ice left
    hottest: float = field(default=-math.inf)  # degC, front during drying


def filled(vials: VialClass, temperature: float) -> State:
    """Freshly filled vials."""
    return State("liquid", temperature, temperature, moisture=vials.formulation.bound_moisture)


def water(vials: VialClass, state: State) -> float:
    """Water in one vial, g. The bound share leaves in secondary drying, so sublimation carries the rest."""
    bound = vials.formulation.bound_moisture / 100.0 * vials.solids
    ice = (1.0 - state.layer / vials.vial.height) * (vials.vial.water - bound)
    return ice + state.moisture / 100.0 * vials.solids


def dried_share(vials: VialClass, state: State) -> float:
    """Share of the layer that is dry, 0-1."""
    return state.layer / vials.vial.height


def step(state: State, inputs: Inputs, dt: float) -> State:
    """The vial after `dt` s, through as many phases as it crosses."""
    state, used = _PHASES[state.phase](state, inputs, dt)
    left, changes = dt - used, 1
    while left > 1e-9 and changes < 8:
        later = replace(inputs, shelf=inputs.shelf + inputs.shelf_rate * (dt - left))
        state, used = _PHASES[state.phase](state, later, left)
        left -= used
        changes += 1
    return state


def _liquid(state: State, inputs: Inputs, dt: float) -> tuple[State, float]:
    vials, shelf = inputs.vials, inputs.shelf + inputs.shelf_rate * dt / 2.0
    heat, density = WATER
    tau = freezing.liquid_time_constant(density, vials.vial.fill_volume * 1e-6, heat, vials.conductance)
    until = freezing.time_to_reach(state.temperature, vials.nucleation, shelf, tau)
    if until >= dt and state.temperature > vials.nucleation:
        end = freezing.relaxed(state.temperature, shelf, dt, tau)
        return replace(state, temperature=end, front=end), dt
    point = vials.formulation.freezing_point
    share = freezing.ice_at_nucleation(FUSION, heat, point - min(vials.nucleation, state.temperature))
    return replace(state, phase="freezing", temperature=point, front=point, frozen=share), min(until, dt)


def _freezing(state: State, inputs: Inputs, dt: float) -> tuple[State, float]:
    """Ice grows, or melts when the shelf is warmer, at the freezing point."""
    vials, shelf = inputs.vials, inputs.shelf + inputs.shelf_rate * dt / 2.0
    below = vials.formulation.freezing_point - shelf
    rate = vials.conductance * below / (WATER[1] * vials.vial.fill_volume * 1e-6 * FUSION)
    share = state.frozen + rate * dt
    if share >= 1.0:
        return replace(state, phase="frozen", frozen=1.0), (1.0 - state.frozen) / rate
    if share <= 0.0:
        return replace(state, phase="liquid", frozen=0.0), -state.frozen / rate
    return replace(state, frozen=share), dt


def _frozen(state: State, inputs: Inputs, dt: float) -> tuple[State, float]:
    vials, shelf = inputs.vials, inputs.shelf + inputs.shelf_rate * dt / 2.0
    torr = inputs.pressure / PASCAL_PER_TORR
    if inputs.pressure < VACUUM and primary.vapour_pressure(shelf) > torr and state.layer < vials.vial.height:
        now = primary.start(_conditions(state, inputs), state.layer)
        return replace(state, phase="drying", front=now.front, temperature=now.bottom, rate=now.rate), 0.0
    tau = _ice_time_constant(vials)
    point = vials.formulation.freezing_point
    melts = shelf > point and freezing.time_to_reach(-state.temperature, -point, -shelf, tau)
    if melts and melts < dt:
        return replace(state, phase="freezing", temperature=point, front=point, rate=0.0), melts
    end = freezing.relaxed(state.temperature, shelf, dt, tau)
    ripening = dt / 3600.0 if end > vials.formulation.glass_transition + 5.0 else 0.0
    return replace(state, temperature=end, front=end, rate=0.0, annealed=state.annealed + ripening), dt


def _drying(state: State, inputs: Inputs, dt: float) -> tuple[State, float]:
    vials = inputs.vials
    conditions = _conditions(state, inputs)
    if inputs.pressure >= VACUUM or primary.vapour_pressure(inputs.shelf) <= conditions.pressure:
        return replace(state, phase="frozen", rate=0.0), 0.0
    before = primary.State(0.0, state.layer, state.front, state.temperature, state.rate)
    after = primary.step(before, conditions, dt)
    hottest = max(state.front, after.front)
    collapsed = cake.collapse(state.collapsed, hottest, vials.formulation.collapse_temperature, after.time)
    done = after.dry(vials.vial)
    return State(
        "dry" if done else "drying",
        after.bottom,
        after.front,
        state.frozen,
        after.layer,
        0.0 if done else after.rate,
        state.moisture,
        collapsed,
        state.annealed,
        state.drying_time + after.time,
        max(state.hottest, hottest),
    ), after.time


def _dry(state: State, inputs: Inputs, dt: float) -> tuple[State, float]:
    recipe = inputs.vials.formulation
    shelf = inputs.shelf + inputs.shelf_rate * dt / 2.0
    end = freezing.relaxed(state.temperature, shelf, dt, SHELF_LAG)
    middle = (state.temperature + end) / 2.0
    floor = recipe.equilibrium_moisture + cake.trapped_moisture(state.collapsed)
    moisture = state.moisture
    if inputs.pressure < VACUUM and moisture > floor:
        rate = secondary_drying.desorption_rate(recipe.desorption_rate, recipe.activation_energy, 25.0, middle)
        moisture = secondary_drying.step(moisture, floor, rate, dt)
    return replace(state, temperature=end, front=end, moisture=moisture), dt


_Phase = Callable[[State, Inputs, float], tuple[State, float]]
_PHASES: dict[str, _Phase] = {
    "liquid": _liquid,
    "freezing": _freezing,
    "frozen": _frozen,
    "drying": _drying,
    "dry": _dry,
}


def _conditions(state: State, inputs: Inputs) -> primary.Inputs:
    vials = inputs.vials
    factor = vials.resistance_factor * cake.annealed_resistance(state.annealed) * (1.0 - 0.5 * state.collapsed)
    return primary.Inputs(
        vials.vial, inputs.shelf, inputs.pressure / PASCAL_PER_TORR, inputs.shelf_rate, 0.0, vials.heat_factor, factor
    )


def _ice_time_constant(vials: VialClass) -> float:
    heat, density = ICE
    volume = vials.vial.product_area * vials.vial.height * 1e-6
    return density * heat * volume / vials.conductance


def vial_classes(
    vial: Vial, count: int, rng: Random, formulation: Formulation = TREHALOSE, classes: int = 6
) -> list[VialClass]:
    """A shelf of `count` vials as classes: a fifth stands at the edge and gets 1.3-1.5 times the heat."""
    edges = max(1, round(classes * EDGE_SHARE))
    made = []
    for i in range(classes):
        edge = i < edges
        share = EDGE_SHARE / edges if edge else (1.0 - EDGE_SHARE) / (classes - edges)
        nucleation = min(formulation.freezing_point - 1.0, rng.gauss(-10.0, 3.0))
        made.append(
            VialClass(
                f"{'edge' if edge else 'centre'}-{i + 1}",
                count * share,
                vial,
                formulation,
                (rng.uniform(1.3, 1.5) if edge else 1.0) * math.exp(rng.gauss(0.0, 0.06)),
                math.exp(rng.gauss(0.0, 0.07)) * cake.nucleation_resistance(nucleation),
                nucleation,
            )
        )
    return made
