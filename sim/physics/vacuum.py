"""The chamber of a freeze dryer: gauges, capability of vapour flow, condenser, leak, pressure-rise test.

SI units (Pa, kg/s, m^3), temperatures degC. A gauge calibrated on nitrogen sees water 1.6 times too strong (ratio of
thermal conductivities in the free-molecular range), hence the Pirani law; capability is a straight line in pressure
below which the vapour leaves unchoked (Patel, Chaudhuri and Pikal 2010). Time constants and capacity are defaults.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GAS_CONSTANT = 8.314  # J/mol/K
WATER_MOLAR_MASS = 0.018015  # kg/mol
ATMOSPHERE = 101325.0
PIRANI_EXCESS = 0.6
WARMING = 100.0  # K per capacity of ice too much
KG_PER_HOUR = 1.0 / 3600.0
PASCAL_PER_TORR = 101325.0 / 760.0


def pirani_ratio(water_share: float) -> float:
    """Reading of a Pirani gauge over that of a capacitance gauge for a water share (0-1) of the gas."""
    return 1.0 + PIRANI_EXCESS * water_share


def capability(intercept: float, slope: float, pressure: float) -> float:
    """Largest vapour flow at `pressure`: a + b P (any consistent units)."""
    return intercept + slope * pressure


def choked_pressure(intercept: float, slope: float, vapour: float) -> float:
    """Pressure to which the chamber rises when `vapour` is more than it can pass."""
    return (vapour - intercept) / slope


@dataclass(frozen=True)
class Dryer:
    """One machine. Capability a (kg/s) and b (kg/s/Pa); leak and bleed are pressure times volume flows, Pa m^3/s."""

    volume: float = 0.2
    intercept: float = -0.182 * KG_PER_HOUR
    slope: float = 11.7 * KG_PER_HOUR / PASCAL_PER_TORR
    leak: float = 2e-4
    pump_down: float = 200.0  # s per factor e: 1 atm to 10 Pa in half an hour
    vent: float = 120.0
    exchange: float = 150.0  # s, renewal of the gas
    throughput: float = 0.02  # m^3/s that pump and condenser swallow; nitrogen bleeds in for what vapour does not fill
    condenser: float = -65.0
    condenser_limit: float = 6.0  # kg of ice
    chamber_gas: float = 293.15  # K


@dataclass(frozen=True)
class Inputs:
    """What the valves do. `setpoint` None: no vacuum control; `isolated`: valve to the condenser shut."""

    dryer: Dryer
    setpoint: float
    vapour: float = 0.0  # kg/s from all vials
    pumping: bool = True
    venting: bool = False
    isolated: bool = False


@dataclass(frozen=True)
class State:
    """Pressure Pa, water share of the gas 0-1, ice on the condenser kg, its temperature degC."""

    pressure: float = ATMOSPHERE
    water_share: float = 0.0
    ice: float = 0.0
    condenser: float = -65.0

    @property
    def pirani(self) -> float:
        """What a nitrogen-calibrated Pirani gauge shows, Pa."""
        return self.pressure * pirani_ratio(self.water_share)


def vapour_load(dryer: Dryer, vapour: float) -> float:
    """Vapour as a pressure times volume flow, Pa m^3/s."""
    return vapour / WATER_MOLAR_MASS * GAS_CONSTANT * dryer.chamber_gas


def pressure_rise(dryer: Dryer, vapour: float) -> float:
    """Rate of rise with the valve shut, Pa/s: what a pressure-rise test measures (leak plus sublimation)."""
    return (vapour_load(dryer, vapour) + dryer.leak) / dryer.volume


def step(state: State, inputs: Inputs, dt: float) -> State:
    """The chamber after `dt` s at a constant vapour flow."""
    dryer = inputs.dryer
    load = vapour_load(dryer, inputs.vapour)
    if inputs.isolated or not (inputs.pumping or inputs.venting):
        pressure = min(state.pressure + pressure_rise(dryer, inputs.vapour) * dt, ATMOSPHERE)
        share = (state.water_share * state.pressure + load / dryer.volume * dt) / pressure
        return State(pressure, min(share, 1.0), state.ice, state.condenser)
    target, lag = _target(state, inputs)
    pressure = target + (state.pressure - target) * math.exp(-dt / lag)
    inert = dryer.leak + max(target * dryer.throughput - load, 0.0)
    share_target = load / (load + inert)
    share = share_target + (state.water_share - share_target) * math.exp(-dt / dryer.exchange)
    ice = state.ice + inputs.vapour * dt
    return State(pressure, share, ice, condenser_temperature(dryer, ice))


def _target(state: State, inputs: Inputs) -> tuple[float, float]:
    """(pressure, time constant) the chamber moves to: vented, controlled, or above its set-point by choking or leak."""
    dryer = inputs.dryer
    if inputs.venting:
        return ATMOSPHERE, dryer.vent
    choked = choked_pressure(dryer.intercept, dryer.slope, inputs.vapour) if inputs.vapour > 0.0 else 0.0
    leaked = min(dryer.leak / dryer.throughput, ATMOSPHERE)  # what the pump cannot keep up with
    target = max(inputs.setpoint, choked, leaked, floor_pressure(state.condenser))
    return target, dryer.pump_down if state.pressure > 2.0 * target else 20.0


def floor_pressure(condenser: float) -> float:
    """Vapour pressure of the ice on the condenser, Pa: no chamber gets below it."""
    return 2.698e10 * math.exp(-6144.96 / (condenser + 273.15)) * PASCAL_PER_TORR


def condenser_temperature(dryer: Dryer, ice: float) -> float:
    """Temperature of the condenser, degC: it warms as the ice grows past its capacity."""
    return dryer.condenser + WARMING * max(ice / dryer.condenser_limit - 1.0, 0.0)
