"""What a field does to vesicles: membrane voltage, the ceiling of loading, apparent and protected cargo, losses.

SI units (field V/m, amounts mol/m^3 and 1/m^3, temperatures degC).

Sources: Schwan (1957) for the voltage induced in a spherical shell; the ceiling is the lumen volume at the outside
concentration (passive equilibration). Kooijmans et al. (2013) showed that nucleic acid "loaded" with aluminium
electrodes is mostly a precipitate on and between vesicles: hence two numbers, `apparent` (what a bulk assay finds)
and `protected` (what a nuclease or protease leaves). Constants of the apparent term, of aggregation and of loss are
defaults of this project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

AVOGADRO = 6.02214076e23
PORE_THRESHOLD = 0.2  # V at the pole
PORE_WIDTH = 0.03  # V
BILAYER = 5e-9  # m


@dataclass(frozen=True)
class MembraneProperties:
    """A lipid shell: F/m^2, S/m inside and outside."""

    capacitance: float = 0.01
    inside: float = 0.5
    outside: float = 0.1


def membrane_voltage(field: float, radius: float, angle: float = 0.0) -> float:
    """Steady induced voltage 1.5 E r cos(theta), V; `angle` in rad from the pole."""
    return 1.5 * field * radius * math.cos(angle)


def charging_time(radius: float, membrane: MembraneProperties) -> float:
    """Time constant of the membrane, s."""
    return radius * membrane.capacitance * (1.0 / membrane.inside + 1.0 / (2.0 * membrane.outside))


def field_for(voltage: float, radius: float) -> float:
    """Field that puts `voltage` across the membrane at the pole, V/m."""
    return voltage / (1.5 * radius)


def lumen_volume(diameter: float, bilayer: float = BILAYER) -> float:
    """Volume inside a vesicle of outer `diameter`, m^3."""
    return math.pi / 6.0 * (diameter - 2.0 * bilayer) ** 3


def molecules_per_vesicle(cargo: float, diameter: float, bilayer: float = BILAYER) -> float:
    """Soluble molecules in a lumen in equilibrium with `cargo` mol/m^3."""
    return cargo * AVOGADRO * lumen_volume(diameter, bilayer)


def loading_ceiling(particles: float, diameter: float, bilayer: float = BILAYER) -> float:
    """Largest share of soluble cargo inside `particles` per m^3: N V_lumen."""
    return particles * lumen_volume(diameter, bilayer)


def pore_share(voltage: float) -> float:
    """Share of vesicles that open at an induced `voltage`: a sigmoid around 0.2 V."""
    return 1.0 / (1.0 + math.exp(-(min(voltage, 5.0) - PORE_THRESHOLD) / PORE_WIDTH))


def protected_loading(particles: float, diameter: float, field: float) -> float:
    """Share of the cargo that ends up inside, safe from nuclease: ceiling times pore share."""
    return min(1.0, loading_ceiling(particles, diameter)) * pore_share(membrane_voltage(field, diameter / 2.0))


def precipitated(charge_density: float, cargo: float, chelator: float = 0.0) -> float:
    """Share of the cargo that adsorbs or precipitates with metal ions; it passes for loading in a bulk assay.

    Grows with the charge per volume (C/m^3, metal released at the electrodes) and with the cargo (mol/m^3);
    a chelator (EDTA, mol/m^3) takes the metal away.
    """
    metal = charge_density / (3.0 * 96485.0)  # mol/m^3 of Al3+ by Faraday's law
    free = max(metal - chelator, 0.0)
    return 0.5 * -math.expm1(-free / 0.5) * cargo / (cargo + 1e-3)


def aggregated(conductivity: float, warming: float, trehalose: float) -> float:
    """Share of vesicles that clump: more with salt (S/m) and warming (K), less with trehalose (mol/m^3)."""
    salt = min(conductivity / 1.5, 1.5)
    shield = 1.0 / (1.0 + trehalose / 50.0)
    return min(0.6, (0.05 + 0.15 * salt + 0.01 * max(warming, 0.0)) * (0.4 + 0.6 * shield))


def recovered(conductivity: float, warming: float, trehalose: float) -> float:
    """Share of particles found after the pulse: aggregates and ruptured vesicles are missing."""
    ruptured = 0.04 + 0.002 * max(warming, 0.0)
    return max(0.05, 1.0 - ruptured - aggregated(conductivity, warming, trehalose))


def size_shift(aggregated_share: float) -> float:
    """Growth of the mean diameter by clumping: pairs of equal spheres in the light-scattering sense."""
    return 1.0 + 0.5 * aggregated_share
