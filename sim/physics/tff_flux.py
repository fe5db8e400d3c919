"""Hollow fibres and membrane flux: shear, pressure drop, resistances, gel, osmotic pressure, fouling laws.

SI units: flows m^3/s, fluxes m/s (m^3 per m^2 and s), pressures Pa, resistances 1/m, concentrations kg/m^3 (= g/L).

Sources: Hagen-Poiseuille for laminar tube flow; Leveque's solution for the wall film; Michaels (1968) for the gel
layer; van 't Hoff's series for osmotic pressure; Hermia (1982) for constant-pressure blocking in the integrated
forms where every mechanism starts at J0 and its constant K has the unit 1/s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.optimize import brentq

WATER_DENSITY = 1000.0  # kg/m^3
WATER_VISCOSITY = 1.0e-3  # Pa s, near 20 degC
MAX_EXPONENT = 700.0  # exp() overflows above 709


@dataclass(frozen=True)
class Fibres:
    """A hollow-fibre module: `count` lumens of `diameter` and `length` (m) side by side."""

    count: float
    diameter: float
    length: float

    @property
    def area(self) -> float:
        """Inner membrane area, m^2."""
        return self.count * math.pi * self.diameter * self.length


def wall_shear(fibres: Fibres, flow: float) -> float:
    """Newtonian wall shear rate 4 Q/(n pi r^3), 1/s."""
    return 4.0 * flow / (fibres.count * math.pi * (fibres.diameter / 2.0) ** 3)


def flow_for_shear(fibres: Fibres, shear: float) -> float:
    """Feed flow that gives the wall shear rate `shear`, m^3/s."""
    return shear * fibres.count * math.pi * (fibres.diameter / 2.0) ** 3 / 4.0


def lumen_velocity(fibres: Fibres, flow: float) -> float:
    """Mean velocity in the lumens, m/s."""
    return flow / (fibres.count * math.pi * (fibres.diameter / 2.0) ** 2)


def reynolds(fibres: Fibres, flow: float, viscosity: float, density: float = WATER_DENSITY) -> float:
    """Reynolds number in the lumen; the laminar forms hold below about 2100."""
    return density * lumen_velocity(fibres, flow) * fibres.diameter / viscosity


def pressure_drop(fibres: Fibres, flow: float, viscosity: float) -> float:
    """Axial pressure drop of laminar flow, Pa (Hagen-Poiseuille)."""
    return 8.0 * viscosity * fibres.length * flow / (fibres.count * math.pi * (fibres.diameter / 2.0) ** 4)


def leveque_mass_transfer(fibres: Fibres, flow: float, viscosity: float, diffusivity: float) -> float:
    """Mass transfer coefficient k (m/s) from Sh = 1.62 (Re Sc d/L)^(1/3)."""
    schmidt = viscosity / (WATER_DENSITY * diffusivity)
    graetz = reynolds(fibres, flow, viscosity) * schmidt * fibres.diameter / fibres.length
    return 1.62 * math.cbrt(graetz) * diffusivity / fibres.diameter


def transmembrane_pressure(feed: float, retentate: float, permeate: float) -> float:
    """Mean pressure across the membrane, Pa."""
    return (feed + retentate) / 2.0 - permeate


def resistance_flux(pressure: float, resistance: float, viscosity: float) -> float:
    """Flux through resistances in series, m/s: J = TMP/(mu R)."""
    return pressure / (viscosity * resistance)


def permeability(resistance: float, viscosity: float) -> float:
    """Flux per pressure, m/s/Pa."""
    return 1.0 / (viscosity * resistance)


def gel_flux(mass_transfer: float, gel: float, bulk: float) -> float:
    """Pressure-independent flux k ln(Cg/Cb), m/s; zero once the bulk is as thick as the gel."""
    if bulk >= gel:
        return 0.0
    return mass_transfer * math.log(gel / bulk) if bulk > 0.0 else math.inf


def osmotic_pressure(coefficients: Sequence[float], concentration: float) -> float:
    """pi(C) = a1 C + a2 C^2 + ..., Pa, with a_i in Pa/(kg/m^3)^i."""
    return sum(a * concentration**power for power, a in enumerate(coefficients, start=1) if a)


def wall_concentration(bulk: float, flux: float, mass_transfer: float) -> float:
    """Concentration at the membrane of a fully retained species: Cb exp(J/k)."""
    return bulk * math.exp(min(flux / mass_transfer, MAX_EXPONENT)) if bulk else 0.0


def osmotic_flux(
    pressure: float,
    resistance: float,
    viscosity: float,
    mass_transfer: float,
    bulk: float,
    coefficients: Sequence[float],
) -> float:
    """Flux held back by the osmotic pressure at the wall, m/s: the root of mu R J + pi(Cw(J)) = TMP.

    Negative driving pressure (pi(Cb) >= TMP) gives zero: the model has no back-flow.
    """

    def excess(flux: float) -> float:
        wall = wall_concentration(bulk, flux, mass_transfer)
        return viscosity * resistance * flux + osmotic_pressure(coefficients, wall) - pressure

    if excess(0.0) >= 0.0:
        return 0.0
    upper = resistance_flux(pressure, resistance, viscosity)
    for power, a in enumerate(coefficients, start=1):
        if a > 0.0 and bulk > 0.0:  # no single term may exceed the pressure: a bracket in which nothing overflows
            highest = (math.log(pressure) - math.log(a)) / power - math.log(bulk)
            upper = min(upper, mass_transfer * highest)
    return upper if excess(upper) <= 0.0 else float(brentq(excess, 0.0, upper, xtol=1e-18, rtol=1e-12))


HERMIA_ORDER = {"complete": 2.0, "standard": 1.5, "intermediate": 1.0, "cake": 0.0}
_HERMIA_POWER = {"standard": 2.0, "intermediate": 1.0, "cake": 0.5}
_HERMIA_SLOPE = {"complete": 1.0, "standard": 2.0, "intermediate": 1.0, "cake": 0.5}


def hermia_flux(mechanism: str, initial_flux: float, constant: float, time: float) -> float:
    """Flux after `time` s of constant-pressure filtration; K in 1/s."""
    x = constant * time
    if mechanism == "complete":
        return initial_flux * math.exp(-x)
    return initial_flux / math.pow(1.0 + x, _HERMIA_POWER[mechanism])


def hermia_throughput(mechanism: str, initial_flux: float, constant: float, time: float) -> float:
    """Volume filtered per area up to `time`, m: the integral of the flux; exact also for K t near 0."""
    x = constant * time
    if mechanism == "standard":
        return initial_flux * time / (1.0 + x)
    if mechanism == "cake":
        return 2.0 * initial_flux * time / (math.sqrt(1.0 + x) + 1.0)
    if x == 0.0:
        return initial_flux * time
    return initial_flux / constant * (-math.expm1(-x) if mechanism == "complete" else math.log1p(x))


def hermia_growth(mechanism: str, initial_flux: float, constant: float, flux: float) -> float:
    """Relative growth rate of the whole resistance, 1/s: (dR/dt)/R = c K (J/J0)^(2-n); the law in step form."""
    return _HERMIA_SLOPE[mechanism] * constant * math.pow(flux / initial_flux, 2.0 - HERMIA_ORDER[mechanism])
