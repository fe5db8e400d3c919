"""Primary drying of one vial, quasi-steady (Pikal), and its time step.

Units of this file follow the literature of the method, so that published constants can be typed in as they are:
lengths cm, areas cm^2, masses g, pressures Torr, heat cal (4.184 J), temperatures degC; heat transfer coefficients and
times per second, sublimation rates in g/h, cake resistance in cm^2 h Torr/g. The rest of the project uses SI.

Sources: Pikal, Roy and Shah (1984) and Pikal (1985) for Kv(P), Rp(L) and the coupled balance; ice vapour pressure
as the two-parameter exponential commonly used with them. The heat that comes up through vial and ice feeds the
sublimation: one equation for the temperature of the front, convex and increasing, so that Newton's method converges
from anywhere. The dry layer is integrated by the midpoint rule. Plain floats: this is the hot path of the freeze dryer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, log

ICE_DENSITY = 0.918  # g/mL
SOLUTE_DENSITY = 1.5  # g/mL
SUBLIMATION_HEAT = 678.0  # cal/g
ICE_CONDUCTIVITY = 0.0059  # cal/cm/s/K
VAPOUR_FACTOR = 2.698e10  # Torr
VAPOUR_SLOPE = 6144.96  # K
KELVIN = 273.15
TOLERANCE = 1e-4  # K: convergence is quadratic, so the error left is below 1e-9 K


def vapour_pressure(temperature: float) -> float:
    """Pressure of water vapour over ice, Torr."""
    return VAPOUR_FACTOR * exp(-VAPOUR_SLOPE / (temperature + KELVIN))


def frost_point(pressure: float) -> float:
    """Temperature at which ice has this vapour pressure, degC."""
    return VAPOUR_SLOPE / log(VAPOUR_FACTOR / pressure) - KELVIN


@dataclass(frozen=True)
class Vial:
    """Geometry, product and heat transfer of one vial (units above). `solids` is g/mL."""

    area: float = 3.8
    product_area: float = 3.14
    fill_volume: float = 2.0
    solids: float = 0.05
    R0: float = 1.4
    A1: float = 16.0
    A2: float = 0.0
    KC: float = 2.75e-4
    KP: float = 8.93e-4
    KD: float = 0.46

    @cached_property
    def height(self) -> float:
        """Frozen height L0, cm."""
        return self.fill_volume / (self.product_area * ICE_DENSITY) * self._ice_share

    @cached_property
    def water(self) -> float:
        """Water per vial, g."""
        return self.fill_volume * (1.0 - self.solids / SOLUTE_DENSITY)

    @cached_property
    def advance(self) -> float:
        """Growth of the dry layer per sublimed mass, cm/g."""
        return self._ice_share / ((1.0 - self.solids / SOLUTE_DENSITY) * self.product_area * ICE_DENSITY)

    @cached_property
    def _ice_share(self) -> float:
        return 1.0 - self.solids * (1.0 - ICE_DENSITY) / SOLUTE_DENSITY

    def heat_transfer(self, pressure: float) -> float:
        """Kv, cal/s/K/cm^2."""
        return self.KC + self.KP * pressure / (1.0 + self.KD * pressure)

    def resistance(self, layer: float) -> float:
        """Rp, cm^2 h Torr/g."""
        return self.R0 + self.A1 * layer / (1.0 + self.A2 * layer)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Shelf and chamber at the start of a step and how fast they change (per s); factors scale Kv and Rp."""

    vial: Vial
    shelf: float
    pressure: float
    shelf_rate: float = 0.0
    pressure_rate: float = 0.0
    heat_factor: float = 1.0
    resistance_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """One vial at `time` s: dry layer cm, temperatures of front and bottom degC, sublimation g/h."""

    time: float
    layer: float
    front: float
    bottom: float
    rate: float

    def dry(self, vial: Vial) -> bool:
        return self.layer >= vial.height


def balance(
    inputs: Inputs, layer: float, after: float, guess: float, height: float | None = None
) -> tuple[float, float, float]:
    """(front degC, bottom degC, g/h) that satisfy the heat balance `after` s into the step.

    A shelf too cold for the chamber pressure sublimes nothing: the product has the shelf's temperature.
    """
    vial = inputs.vial
    shelf = inputs.shelf + inputs.shelf_rate * after
    pressure = inputs.pressure + inputs.pressure_rate * after
    upper = shelf + KELVIN
    if VAPOUR_FACTOR * exp(-VAPOUR_SLOPE / upper) <= pressure:
        return shelf, shelf, 0.0
    resistance = vial.resistance(layer) * inputs.resistance_factor
    heating = vial.heat_transfer(pressure) * inputs.heat_factor * vial.area
    per_torr = SUBLIMATION_HEAT / (3600.0 * resistance)  # cal/s/cm^2/Torr
    ice = ((vial.height if height is None else height) - layer) / ICE_CONDUCTIVITY
    drawn = per_torr * (vial.product_area + heating * ice)
    front = guess + KELVIN
    for _ in range(60):
        if front > upper:
            front = upper
        vapour = VAPOUR_FACTOR * exp(-VAPOUR_SLOPE / front)
        slope = drawn * vapour * VAPOUR_SLOPE / (front * front) + heating
        change = (drawn * (vapour - pressure) - heating * (upper - front)) / slope
        front -= change
        if -TOLERANCE < change < TOLERANCE:
            break
    else:
        raise ValueError(
            f"no sublimation temperature found at shelf {shelf:.6g} degC, {pressure:.6g} Torr, dry layer {layer:.6g} cm"
        )
    excess = VAPOUR_FACTOR * exp(-VAPOUR_SLOPE / front) - pressure
    bottom = front + per_torr * excess * ice
    return front - KELVIN, bottom - KELVIN, vial.product_area / resistance * excess


def start(inputs: Inputs, layer: float = 0.0, time: float = 0.0) -> State:
    """A vial with `layer` cm already dry."""
    return State(time, layer, *balance(inputs, layer, 0.0, inputs.shelf))


def step(state: State, inputs: Inputs, dt: float) -> State:
    """The vial after `dt` s (midpoint rule); the last step is shortened so that it ends with the ice."""
    vial = inputs.vial
    left = vial.height - state.layer
    if left <= 0.0:
        return state
    per_second = vial.advance / 3600.0
    front, _, rate = balance(inputs, state.layer + _half(state, per_second, dt, left), dt / 2.0, state.front)
    ends = rate * per_second * dt >= left
    if ends:
        for _ in range(3):  # the step length and its midpoint rate settle together
            dt = left / (rate * per_second)
            front, _, rate = balance(inputs, state.layer + left / 2.0, dt / 2.0, front)
        layer = vial.height
    else:
        layer = state.layer + rate * per_second * dt
    ahead = 2.0 * front - state.front  # straight on from start and middle: nearly always one Newton step from the root
    return State(state.time + dt, layer, *balance(inputs, layer, dt, ahead))


def _half(state: State, per_second: float, dt: float, left: float) -> float:
    return min(state.rate * per_second * dt / 2.0, left)
