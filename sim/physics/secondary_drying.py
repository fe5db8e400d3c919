"""Desorption after the ice is gone: first order in the moisture above equilibrium, Arrhenius in temperature.

Moisture in % (w/w), rates 1/s, activation energy J/mol, temperatures degC. The step is the closed form at the given
temperature, so any step length is exact while the temperature holds.
"""

from __future__ import annotations

import math

GAS_CONSTANT = 8.314  # J/mol/K
KELVIN = 273.15


def desorption_rate(reference_rate: float, activation_energy: float, reference: float, temperature: float) -> float:
    """Rate constant at `temperature`, in the unit of `reference_rate`."""
    inverse = 1.0 / (temperature + KELVIN) - 1.0 / (reference + KELVIN)
    return reference_rate * math.exp(-activation_energy / GAS_CONSTANT * inverse)


def step(moisture: float, equilibrium: float, rate: float, dt: float) -> float:
    """Moisture after `dt`."""
    return equilibrium + (moisture - equilibrium) * math.exp(-rate * dt)
