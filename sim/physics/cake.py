"""What can go wrong with the cake: collapse, annealing, moisture of collapsed material, recovery of vesicles.

Temperatures degC, times s, moisture % (w/w). The collapse rate grows with the excess over the critical temperature; its
constants, like those of annealing and recovery, are defaults of this project and not material data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HOUR = 3600.0
APPEARANCE_LIMIT = 0.1  # collapsed share above which a vial is rejected


@dataclass(frozen=True)
class Formulation:
    """A sugar formulation; the defaults are 5 % trehalose in 10 mM histidine."""

    collapse_temperature: float = -29.0
    freezing_point: float = -0.5
    glass_transition: float = -29.5
    bound_moisture: float = 8.0  # % left when the ice is gone
    equilibrium_moisture: float = 0.5
    desorption_rate: float = 0.25 / HOUR  # at 25 degC
    activation_energy: float = 40000.0
    sugar: float = 50.0  # kg/m^3 of lyoprotectant


def collapse(collapsed: float, front: float, critical: float, dt: float) -> float:
    """Collapsed share after `dt`: 0.2/h (exp((Tsub - Tc)/3 K) - 1)(1 - x) above the critical temperature."""
    if front <= critical:
        return collapsed
    rate = 0.2 / HOUR * math.expm1(min((front - critical) / 3.0, 6.0))
    return 1.0 - (1.0 - collapsed) * math.exp(-rate * dt)


def annealed_resistance(hours: float) -> float:
    """Factor on Rp after annealing: ripened ice leaves wider pores, at most a quarter off."""
    return 1.0 - 0.25 * -math.expm1(-hours / 3.0)


def nucleation_resistance(nucleation: float) -> float:
    """Factor on Rp for the nucleation temperature: colder means finer ice and 2 % more resistance per K."""
    return max(0.7, 1.0 + 0.02 * (-10.0 - nucleation))


def trapped_moisture(collapsed: float) -> float:
    """Moisture that collapsed material holds on to, %."""
    return 3.0 * collapsed


def vesicle_recovery(sugar: float, collapsed: float, moisture: float) -> float:
    """Share of vesicles found after reconstitution: sugar protects, collapse and moisture above 3 % cost."""
    protected = 0.45 + 0.47 * -math.expm1(-sugar / 15.0)
    return max(0.05, protected * (1.0 - 0.3 * collapsed) * (1.0 - 0.02 * max(moisture - 3.0, 0.0)))
