"""What surrounds a size-exclusion run: back pressure, bed compression, UV trace, ageing, defaults by species.

SI units; absorbance in AU; extinction in AU m^2/kg (numerically 0.1 x the usual mL/(mg cm)).

Sources: Kozeny-Carman for beds of spheres; Beer-Lambert for proteins; Rayleigh's d^6/lambda^4 for scatter of the
smallest vesicles, flattened above 100 nm where it fails. Ageing and compression are defaults of this project.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from sim.physics.sec_transfer import Column, Species

MAX_LOAD_SHARE = 0.05  # of the bed volume: above it the injection itself sets the width
SATURATION = 2.0  # AU
RUNAWAY = 10.0


def back_pressure(column: Column, flow: float, viscosity: float, frit: float = 0.0) -> float:
    """Pressure drop of bed and frit (Pa s/m^3), Pa."""
    eps = column.bed_porosity
    velocity = flow / column.section
    bed = 180.0 * viscosity * velocity * column.length * (1.0 - eps) ** 2
    return bed / (eps**3 * (2.0 * column.bead_radius) ** 2) + frit * flow


def compressed_porosity(porosity: float, pressure: float, limit: float) -> float:
    """Porosity of a soft bed pressed beyond the resin's limit: it closes, and the pressure runs away."""
    return porosity * math.exp(-0.3 * max(pressure / limit - 1.0, 0.0))


def bed_pressure(column: Column, flow: float, viscosity: float, limit: float) -> float:
    """Pressure drop of a soft bed, Pa: above `limit` it closes, which raises the pressure, which closes it further.

    Where the two find no balance the pressure ends at RUNAWAY times the limit.
    """
    pressure = open_ = back_pressure(column, flow, viscosity)
    while limit < pressure < RUNAWAY * limit:
        pressed = replace(column, bed_porosity=compressed_porosity(column.bed_porosity, pressure, limit))
        higher = back_pressure(pressed, flow, viscosity)
        if higher - pressure <= 1e-3 * open_:
            return higher
        pressure = higher
    return min(pressure, RUNAWAY * limit)


def overload(column: Column, injection_volume: float) -> float:
    """Injection over the load limit; above 1 the peaks are as wide as the injection."""
    return injection_volume / (MAX_LOAD_SHARE * column.bed_volume)


def recovery(vesicles_seen: float, saturation: float, fresh: float = 0.85, used: float = 0.97) -> float:
    """Share of the vesicles that a column gives back: a new bed adsorbs, and saturates with the number it has seen."""
    return used - (used - fresh) * math.exp(-vesicles_seen / saturation)


def scatter_extinction(diameter: float, wavelength: float = 280e-9) -> float:
    """Apparent extinction of one vesicle, AU m^2: d^6/lambda^4 up to 100 nm, then growing as d^2."""
    small = min(diameter, 100e-9)
    per_vesicle = 5.0e-17 * (small / 100e-9) ** 6 * (280e-9 / wavelength) ** 4
    return per_vesicle * (diameter / small) ** 2


def absorbance(
    concentrations: Mapping[str, float],
    extinctions: Mapping[str, float],
    path: float = 0.01,
) -> float:
    """UV280 of a mixture, AU; saturates as a real detector does. Species without an extinction are invisible."""
    clear = path * sum(extinctions.get(name, 0.0) * value for name, value in concentrations.items())
    return min(clear, SATURATION)


EXTINCTION = {"protein": 100.0, "albumin": 66.0, "IgG": 137.0, "LDL": 30.0, "HDL": 60.0}
"""AU m^2/kg; 0.66 mL/(mg cm) for albumin is 66."""

# Pores of an agarose bed with a 35 nm cut-off. Film and pore diffusivity fall with size.
SPECIES = {
    "EV": Species(1e-4, 2e-6, 2e-12),
    "EV_50": Species(2e-3, 3e-6, 3e-12),
    "EV_100": Species(1e-4, 2e-6, 2e-12),
    "EV_150": Species(0.0, 1.5e-6, 1.5e-12),
    "LDL": Species(0.05, 5e-6, 5e-12),
    "HDL": Species(0.5, 1.2e-5, 2e-11),
    "IgG": Species(0.55, 1.6e-5, 3e-11),
    "albumin": Species(0.62, 2e-5, 4e-11),
    "protein": Species(0.62, 2e-5, 4e-11),
    "cargo": Species(0.8, 3e-5, 8e-11),
    "trehalose": Species(0.95, 6e-5, 3e-10),
    "salt": Species(1.0, 1e-4, 8e-10),
}
"""Defaults for a 35 nm agarose resin; LDL co-elutes with vesicles and no run on this resin removes it."""


def small_column(volume: float = 10e-6) -> Column:
    """A bed like the 10 mL columns sold for vesicles, 16 mm wide (m^3)."""
    diameter = 0.016
    length = volume / (math.pi / 4.0 * diameter**2)
    return Column(length, diameter, 0.33, 0.9, 35e-6, 2.5e-7)
