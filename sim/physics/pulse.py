"""Electrical pulses through a sample between plates: decay, energy, heating. SI units, temperatures degC.

Sources: discharge of a capacitor through a resistor; Ohm's and Joule's laws; the sample is a prism of area volume/gap.
With the conductivity fixed the closed forms hold; `discharge` follows the warming sample by the classic Runge-Kutta
rule; 40 steps per time constant leave an error of 1e-8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

HEAT_CAPACITY = 4.16746e6  # J/m^3/K, water
CONDUCTIVITY_RISE = 0.02  # 1/K
STEPS_PER_TAU = 40

Slope = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Cell:
    """A filled gap between plate electrodes: m, m^3, S/m; `parallel` is a resistor beside it (ohm)."""

    gap: float
    volume: float
    conductivity: float
    parallel: float = math.inf

    @property
    def sample_resistance(self) -> float:
        """gap/(sigma A), ohm."""
        return self.gap**2 / (self.conductivity * self.volume)

    @property
    def share(self) -> float:
        """Share of the energy that goes into the sample."""
        return 1.0 if math.isinf(self.parallel) else self.parallel / (self.parallel + self.sample_resistance)

    @property
    def resistance(self) -> float:
        """What the capacitor sees, ohm."""
        return self.sample_resistance * self.share


def field(voltage: float, gap: float) -> float:
    """Nominal field, V/m."""
    return voltage / gap


def decayed(voltage: float, time: float, resistance: float, capacitance: float) -> float:
    """Voltage of an exponential decay after `time` s."""
    return voltage * math.exp(-time / (resistance * capacitance))


def time_constant(resistance: float, capacitance: float) -> float:
    """Time to 1/e (the "37 %" of pulser displays), s."""
    return resistance * capacitance


def stored_energy(voltage: float, capacitance: float) -> float:
    """Energy of the charged capacitor, J."""
    return 0.5 * capacitance * voltage**2


def delivered_energy(voltage: float, capacitance: float, resistance: float, time: float) -> float:
    """Energy that left the capacitor when the decay is cut at `time`, J."""
    return -stored_energy(voltage, capacitance) * math.expm1(-2.0 * time / (resistance * capacitance))


def heating(energy: float, volume: float, heat_capacity: float = HEAT_CAPACITY) -> float:
    """Adiabatic warming, K."""
    return energy / (heat_capacity * volume)


def square_energy(voltage: float, resistance: float, length: float, count: int) -> float:
    """Energy of `count` square pulses, J."""
    return count * voltage**2 * length / resistance


def square_heating(
    conductivity: float, field_strength: float, length: float, count: int, heat_capacity: float
) -> float:
    """Warming by square pulses from the field alone, K: n sigma E^2 t/(rho cp)."""
    return count * conductivity * field_strength**2 * length / heat_capacity


@dataclass(frozen=True)
class Discharge:
    """End of one pulse: temperature degC, charge through the circuit C, time constant s (to V/e), last voltage V."""

    temperature: float
    charge: float
    time_constant: float
    voltage: float


def discharge(
    cell: Cell,
    voltage: float,
    capacitance: float,
    temperature: float,
    *,
    rise: float = CONDUCTIVITY_RISE,
    block: float | None = None,
    cooling: float = math.inf,
) -> Discharge:
    """An exponential decay through a sample that warms and conducts better: to 1e-3 of the start voltage.

    `temperature` is where the cell's conductivity was measured; `block` cools with the time constant `cooling` (s).
    """
    tau = cell.resistance * capacitance
    dt, end = tau / STEPS_PER_TAU, voltage * 1e-3
    bath = temperature if block is None else block

    def slope(v: float, t: float) -> tuple[float, float]:
        warmer = max(1.0 + rise * (t - temperature), 1e-3)
        conductance = warmer / cell.sample_resistance
        total = conductance + (0.0 if math.isinf(cell.parallel) else 1.0 / cell.parallel)
        return -v * total / capacitance, v * v * conductance / (HEAT_CAPACITY * cell.volume) - (t - bath) / cooling

    v, t, time, time_constant = voltage, temperature, 0.0, math.nan
    while v > end:
        before = v
        v, t = _runge_kutta(slope, v, t, dt)
        if before > voltage / math.e >= v:  # a straight line in ln V between two points
            time_constant = time + dt * (1.0 + math.log(before / voltage)) / math.log(before / v)
        time += dt
    return Discharge(t, capacitance * (voltage - v), time_constant, v)


def square(
    cell: Cell,
    voltage: float,
    length: float,
    temperature: float,
    *,
    rise: float = CONDUCTIVITY_RISE,
    steps: int = STEPS_PER_TAU,
) -> Discharge:
    """One square pulse at constant voltage through a warming sample."""

    def slope(_: float, t: float) -> tuple[float, float]:
        conductance = max(1.0 + rise * (t - temperature), 1e-3) / cell.sample_resistance
        return conductance * voltage, voltage**2 * conductance / (HEAT_CAPACITY * cell.volume)

    charge, t = 0.0, temperature
    for _ in range(steps):
        charge, t = _runge_kutta(slope, charge, t, length / steps)
    return Discharge(t, charge, length, voltage)


def _runge_kutta(slope: Slope, a: float, b: float, dt: float) -> tuple[float, float]:
    a1, b1 = slope(a, b)
    a2, b2 = slope(a + dt / 2 * a1, b + dt / 2 * b1)
    a3, b3 = slope(a + dt / 2 * a2, b + dt / 2 * b2)
    a4, b4 = slope(a + dt * a3, b + dt * b3)
    return a + dt / 6 * (a1 + 2 * a2 + 2 * a3 + a4), b + dt / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
