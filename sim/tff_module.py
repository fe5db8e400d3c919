"""A hollow-fibre module as it really is: resistance by cut-off, and what the cut-off means for each species.

Sieving is a default of this project, S = 1/(1 + (M/0.8 M_cut-off)^1.5): 0.85 for albumin at 300 kDa, a few per cent
for complexes and LDL. Vesicles leak through the widest pores only, the small ones more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sim.config import Tff
from sim.material import EV_DIAMETERS
from sim.physics import tff
from vesiflow.quantities import parse

REFERENCE_SHEAR = 4000.0  # 1/s at which the configured mass transfer holds
DALTON = 1.66053907e-27  # kg
MOLECULES: Mapping[str, float] = {
    "protein": 75e3, "complexes": 2e6, "ldl": 3e6, "hdl": 250e3, "cargo_free": 13.3e3,
}  # fmt: skip
"""Masses in dalton of what a membrane may hold back; everything not named passes freely."""

WEIGHTS = {"protein": 1.0, "complexes": 1.0, **dict.fromkeys(EV_DIAMETERS, 5e-19)}
FRAGILE = frozenset({*EV_DIAMETERS, "cargo_apparent", "cargo_protected"})


class Moment(NamedTuple):
    """Rates of reservoir and permeate (m^3/s), density in the reservoir (kg/m^3), mass on the permeate balance (kg)."""

    reservoir: float
    permeate: float
    density: float
    permeated: float


def sieving(cutoff: float) -> dict[str, float]:
    """Observed sieving coefficients by species at a cut-off (kg per molecule)."""
    dalton = cutoff / DALTON
    values = {name: 1.0 / (1.0 + (mass / (0.8 * dalton)) ** 1.5) for name, mass in MOLECULES.items()}
    leak = 0.005 * dalton / 300e3  # of 100 nm vesicles, through the widest pores
    values |= {name: min(leak * (100e-9 / d) ** 2, 0.5) for name, d in EV_DIAMETERS.items()}
    return values | {"ev_lysed": 0.3, "cargo_apparent": values["ev_100"], "cargo_protected": values["ev_100"]}


@dataclass(frozen=True)
class Module:
    """A mounted module: barcode, its membrane as it really is, and the feed flow of its reference shear."""

    barcode: str
    membrane: tff.Membrane
    reference_flow: float


def build(config: Tff, barcode: str, cutoff: float, fibres: tff.Fibres, area: float) -> Module:
    """A module with the resistance of the nearest cut-off configured (kg per molecule), scaled to its own."""
    known = {parse(name, "kg"): value for name, value in config.membrane.items()}
    nearest = min(known, key=lambda one: abs(math.log(one / cutoff)))
    membrane = tff.Membrane(
        fibres=fibres,
        area=area,
        resistance=known[nearest] * (nearest / cutoff) ** 0.5,
        mass_transfer=config.mass_transfer,
        gel=config.gel,
        gel_weights=WEIGHTS,
        osmotic=config.osmotic,
        sieving=sieving(cutoff),
        fouling=tff.Fouling(constant=config.fouling),
        damage_shear=config.damage_shear,
        fragile=FRAGILE,
    )
    return Module(barcode, membrane, tff.flow_for_shear(fibres, REFERENCE_SHEAR))


def ruptured(loop: tff.State) -> tff.State:
    """What shear has destroyed goes back into the loop as debris and free cargo."""
    amounts = dict(loop.amounts)
    for name, lost in loop.damaged.items():
        target = "cargo_free" if name.startswith("cargo") else "ev_lysed"
        amounts[target] = amounts.get(target, 0.0) + lost
    return replace(loop, amounts=amounts, damaged={})
