"""Pulse arithmetic for checks and windows: resistance of a well, time constant, heating, arcing number.

Equations of a parallel-plate well with a capacitor discharge or square pulses; temperatures degC, conductivity
follows temperature by 2 %/K from its value at 25 degC.
"""

from __future__ import annotations

import math

HEAT_CAPACITY = 4.16746e6
"""rho cp of water, J/m^3/K."""
ARC_CURRENT_DENSITY = 15000.0
"""A/m^2 at a 2 mm gap: above it salt buffers arc."""
PER_KELVIN = 0.02


def at_temperature(conductivity: float, temperature: float) -> float:
    """Conductivity S/m at `temperature` from its value at 25 degC."""
    return conductivity * max(1 + PER_KELVIN * (temperature - 25.0), 0.1)


def sample_resistance(conductivity: float, gap: float, volume: float, wells: int) -> float:
    """`wells` wells of `volume` m^3 in parallel, ohm: R = gap/(sigma A), A = volume/gap."""
    return gap / (conductivity * volume / gap) / wells


def load_resistance(sample: float, parallel: float) -> float:
    """Sample with the instrument's parallel resistor (0 none), ohm."""
    return sample * parallel / (sample + parallel) if parallel else sample


def exponential_heating(voltage: float, capacitance: float, sample: float, parallel: float, volume: float) -> float:
    """Adiabatic heating of the pulsed `volume` m^3 by one discharge, K: the sample's share of C V^2/2."""
    share = load_resistance(sample, parallel) / sample
    return share * capacitance * voltage**2 / 2 / (HEAT_CAPACITY * volume)


def square_heating(conductivity: float, field: float, width: float, count: int) -> float:
    """Adiabatic heating by `count` square pulses, K: dT = n sigma E^2 t/(rho cp)."""
    return count * conductivity * field**2 * width / HEAT_CAPACITY


def arcing_number(heating: float, start: float, conductivity: float, field: float, gap: float) -> float:
    """Above 1 a sample is likelier to arc than not: boiling, or current density for its gap."""
    boiling = heating / max(100.0 - start, 1.0)
    return max(boiling, conductivity * field / (ARC_CURRENT_DENSITY * gap / 2e-3))


def instrument_step(voltage: float) -> float:
    """The settable voltage nearest to `voltage`: steps of 1 V to 500 V, of 5 V above (BTX Gemini X2)."""
    step = 1.0 if voltage <= 500 else 5.0
    return math.floor(voltage / step + 0.5) * step
