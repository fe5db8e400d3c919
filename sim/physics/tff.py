"""The TFF twin: a recirculation loop with a hollow-fibre module, integrated in time.

    state = tff.step(state, inputs, dt)          one step, dt <= 5 s is ample
    state = tff.advance(state, inputs, dt)       any dt, split into such steps
    tff.conditions(state, inputs)                flux, pressures, shear right now (algebraic)

`State` holds the retentate (volume, amounts by species), what left with the permeate, what shear destroyed, and the
fouling of the module. Amounts are kg or counts: whatever the caller uses, permeate and damage come in the same.
Every step moves matter between these accounts and never creates any.

SI units. The flux is the smaller of the pressure-limited J = (TMP - pi(Cw))/(mu (Rm + Rf + Rr)) and the gel-limited
k ln(Cg/Cb); the osmotic pressure at the wall counts for a membrane that was given its coefficients.
With `permeate_flow` a pump imposes the flux and the permeate pressure follows; it can pull no harder than
`SUCTION_LIMIT`. The flux is taken at the middle of the step (RK2); for a constant flux the species' balance has an
exact solution, which is used so that amounts stay positive at any step.
"""

from __future__ import annotations

import math
from dataclasses import replace

from sim.physics.tff_flux import (
    WATER_VISCOSITY,
    Fibres,
    flow_for_shear,
    gel_flux,
    hermia_growth,
    osmotic_flux,
    osmotic_pressure,
    permeability,
    pressure_drop,
    wall_concentration,
    wall_shear,
)
from sim.physics.tff_loop import Conditions, Fouling, Inputs, Membrane, State

__all__ = [
    "Conditions",
    "Fibres",
    "Fouling",
    "Inputs",
    "Membrane",
    "State",
    "advance",
    "clean",
    "conditions",
    "flow_for_shear",
    "gel_concentration",
    "step",
    "water_permeability",
]

SUCTION_LIMIT = -80e3  # Pa gauge: below it a permeate pump cavitates
MAX_STEP = 5.0  # s
RELEASE_TIME = 60.0  # s: a reversible layer is swept away so fast once nothing permeates
DAMAGE_PER_PASS = 1e-4  # share lost per pump pass at twice that shear


def gel_concentration(state: State, membrane: Membrane) -> float:
    """Gel-forming mass per volume of the retentate, kg/m^3."""
    return sum(weight * state.concentration(name) for name, weight in membrane.gel_weights.items())


def conditions(state: State, inputs: Inputs) -> Conditions:
    """Pressures and flux of this moment. limit: pressure, gel, pump, suction, dry (hold-up reached) or feed."""
    m = inputs.membrane
    axial = (pressure_drop(m.fibres, 1.0, inputs.viscosity) + inputs.fittings) * inputs.feed_flow
    feed = inputs.retentate_pressure + axial
    mean = (feed + inputs.retentate_pressure) / 2.0
    per_pascal = permeability(m.resistance + state.fouling + state.reversible, inputs.viscosity)
    flux, limit = _flux(state, inputs, mean, per_pascal)
    if inputs.permeate_flow is None:
        permeate = inputs.permeate_pressure
    elif limit == "gel":
        permeate = min(mean, SUCTION_LIMIT)  # the pump pulls in vain: the layer takes what it adds
    else:
        permeate = mean - flux / per_pascal - _osmotic(state, m, flux)
    return Conditions(
        flux,
        flux * m.area,
        feed,
        inputs.retentate_pressure,
        permeate,
        mean - permeate,
        wall_shear(m.fibres, inputs.feed_flow),
        limit,
    )


def _flux(state: State, inputs: Inputs, mean: float, per_pascal: float) -> tuple[float, str]:
    m = inputs.membrane
    if state.volume <= inputs.minimum_volume and inputs.buffer_flow == 0.0:
        return 0.0, "dry"
    if inputs.permeate_flow is None:
        wanted = (_driven(state, inputs, mean - inputs.permeate_pressure, per_pascal), "pressure")
    else:
        suction = (_driven(state, inputs, mean - SUCTION_LIMIT, per_pascal), "suction")
        wanted = min((inputs.permeate_flow / m.area, "pump"), suction)
    gel = (gel_flux(m.mass_transfer, m.gel, gel_concentration(state, m)), "gel")
    return min(wanted, gel, (inputs.feed_flow / m.area, "feed"))


def _driven(state: State, inputs: Inputs, pressure: float, per_pascal: float) -> float:
    """Flux that `pressure` across the membrane drives, m/s."""
    m = inputs.membrane
    if pressure <= 0.0 or not m.osmotic:
        return max(pressure, 0.0) * per_pascal
    bulk = gel_concentration(state, m)
    resistance = 1.0 / (inputs.viscosity * per_pascal)
    return osmotic_flux(pressure, resistance, inputs.viscosity, m.mass_transfer, bulk, m.osmotic)


def _osmotic(state: State, membrane: Membrane, flux: float) -> float:
    """Osmotic pressure at the wall, Pa."""
    if not membrane.osmotic:
        return 0.0
    wall = wall_concentration(gel_concentration(state, membrane), flux, membrane.mass_transfer)
    return osmotic_pressure(membrane.osmotic, wall)


def step(state: State, inputs: Inputs, dt: float) -> State:
    """The loop after `dt` s (midpoint rule for the flux). Ends exactly at the hold-up when permeate would empty it."""
    if dt <= 0.0 or state.volume <= 0.0:
        return state
    now = conditions(state, inputs)
    half = _moved(state, inputs, now, dt / 2.0)
    middle = conditions(half, inputs)
    # A middle at the hold-up has no flux; the step still empties down to it, so it goes on with the flux it began with.
    return _moved(state, inputs, now if middle.limit == "dry" else middle, dt)


def advance(state: State, inputs: Inputs, dt: float) -> State:
    """The loop after any `dt`, in equal steps of at most 5 s."""
    steps = max(1, math.ceil(dt / MAX_STEP - 1e-9))
    for _ in range(steps):
        state = step(state, inputs, dt / steps)
    return state


def _moved(state: State, inputs: Inputs, now: Conditions, dt: float) -> State:
    """`state` after `dt` at a constant permeate flow; species exactly, fouling by Euler on the flux given."""
    flow, buffer_flow = now.permeate_flow, inputs.buffer_flow
    net = buffer_flow - flow
    if net < 0.0 and state.volume + net * dt < inputs.minimum_volume:
        flow = buffer_flow + max(state.volume - inputs.minimum_volume, 0.0) / dt
        net = buffer_flow - flow
    volume = state.volume + net * dt
    passes = _integral_of_inverse_volume(state.volume, net, dt)
    amounts, permeate, damaged = dict(state.amounts), dict(state.permeate), dict(state.damaged)
    for name in amounts.keys() | inputs.buffer.keys():
        inflow = buffer_flow * inputs.buffer.get(name, 0.0)
        before = amounts.get(name, 0.0)
        out = inputs.membrane.sieving.get(name, 1.0) * flow
        loss = _damage_rate(name, inputs, now.wall_shear)
        kept = _kept(before, inflow, out + loss, state.volume, net, passes)
        left = before + inflow * dt - kept
        through = left * out / (out + loss) if left and out + loss > 0.0 else 0.0
        amounts[name] = kept
        permeate[name] = permeate.get(name, 0.0) + through
        if loss:
            damaged[name] = damaged.get(name, 0.0) + left - through
    fouling, reversible = _fouled(state, inputs, flow / inputs.membrane.area, dt)
    return State(volume, amounts, state.permeate_volume + flow * dt, permeate, damaged, fouling, reversible)


def _integral_of_inverse_volume(volume: float, net: float, dt: float) -> float:
    """Integral of dt/V while V changes at `net`, s/m^3."""
    change = net * dt / volume
    return dt / volume if abs(change) < 1e-12 else math.log1p(max(change, -1.0 + 1e-15)) / net


def _kept(before: float, inflow: float, out: float, volume: float, net: float, passes: float) -> float:
    """Solution of dm/dt = inflow - out m/V for V = volume + net t; `passes` is the integral of dt/V."""
    decay = math.exp(-out * passes)
    if inflow == 0.0:
        return before * decay
    x = (out + net) * passes
    ratio = math.expm1(x) / x if abs(x) > 1e-12 else 1.0
    return before * decay + inflow * volume * passes * decay * ratio


def _damage_rate(name: str, inputs: Inputs, shear: float) -> float:
    """Share lost per pass times the flow that passes the pump, m^3/s."""
    limit = inputs.membrane.damage_shear
    if name not in inputs.membrane.fragile or shear <= limit:
        return 0.0
    return DAMAGE_PER_PASS * (shear / limit - 1.0) * inputs.feed_flow


def _fouled(state: State, inputs: Inputs, flux: float, dt: float) -> tuple[float, float]:
    law, m = inputs.membrane.fouling, inputs.membrane
    if flux <= 0.0:
        swept = math.exp(-dt / RELEASE_TIME) if inputs.feed_flow > 0.0 else 1.0
        return state.fouling, state.reversible * swept
    total = m.resistance + state.fouling + state.reversible
    load = gel_concentration(state, m) / law.reference
    growth = total * math.expm1(hermia_growth(law.mechanism, law.initial_flux, law.constant, flux) * load * dt)
    return state.fouling + growth * (1.0 - law.reversible_share), state.reversible + growth * law.reversible_share


def clean(state: State, efficiency: float) -> State:
    """After a cleaning that removes `efficiency` (0-1) of the irreversible fouling and the whole reversible layer."""
    return replace(state, fouling=state.fouling * (1.0 - efficiency), reversible=0.0)


def water_permeability(membrane: Membrane, state: State, viscosity: float = WATER_VISCOSITY) -> float:
    """Clean-water flux per pressure of the module as it is, m/s/Pa; compare before and after use."""
    return permeability(membrane.resistance + state.fouling + state.reversible, viscosity)
