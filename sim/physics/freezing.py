"""Freezing of one vial on a shelf: lumped liquid, supercooling, crystallisation at the freezing point, lumped ice.

SI units, temperatures degC. `conductance` is h A of the vial bottom, W/K. Constant shelf temperature; all closed forms.
Source: lumped capacitance (Newton's cooling) with an enthalpy balance for the ice that forms at nucleation.
"""

from __future__ import annotations

import math


def liquid_time_constant(density: float, volume: float, heat_capacity: float, conductance: float) -> float:
    """Time constant of the liquid towards the shelf, s."""
    return density * volume * heat_capacity / conductance


def time_to_reach(start: float, end: float, shelf: float, time_constant: float) -> float:
    """Time of an exponential approach to `shelf` from `start` to `end`, s; infinite when it never gets there."""
    ratio = (start - shelf) / (end - shelf) if end != shelf else math.inf
    return time_constant * math.log(ratio) if 1.0 <= ratio < math.inf else math.inf


def crystallisation_time(
    mass: float, fusion_heat: float, heat_capacity: float, supercooling: float, conductance: float, below: float
) -> float:
    """Time from nucleation to the last liquid, s. `below` is how far the shelf is under the freezing point, K."""
    return mass * (fusion_heat - heat_capacity * supercooling) / (conductance * below)


def ice_at_nucleation(fusion_heat: float, heat_capacity: float, supercooling: float) -> float:
    """Share that freezes at once while the liquid warms to the freezing point."""
    return min(heat_capacity * supercooling / fusion_heat, 1.0)


def relaxed(start: float, shelf: float, time: float, time_constant: float) -> float:
    """Temperature after `time` of exponential approach to the shelf, degC."""
    return shelf + (start - shelf) * math.exp(-time / time_constant)
