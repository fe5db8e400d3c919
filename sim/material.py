"""The one material model of the line: a volume with amounts of species, mixed and split without loss.

Amounts are extensive and never rescaled: vesicles as counts, proteins and lipoproteins in kg, everything else in mol.
Volumes add (ideal mixing) and density is linear in concentration, so that mass is conserved by mixing too.

Conductivity is the sum of molar conductivities near 0.1 mol/L divided by the relative viscosity (Walden's rule);
osmolality is ideal. Both are meant for buffers of up to 0.3 mol/L; PBS comes out at 1.6 S/m and 0.29 osmol/kg.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

WATER_DENSITY = 1000.0  # kg/m^3
WATER_VISCOSITY = 1.0e-3  # Pa s


@dataclass(frozen=True, slots=True)
class Species:
    """Per unit of amount: `mass` kg, `conductivity` S m^2, `osmotic` osmol; `buoyant` is what adds to density, a share.

    `thickening` is the exponent of relative viscosity per kg/m^3.
    """

    mass: float
    conductivity: float = 0.0
    osmotic: float = 0.0
    buoyant: float = 0.0
    thickening: float = 0.0


EV_DIAMETERS: Mapping[str, float] = MappingProxyType(
    {"ev_50": 50e-9, "ev_100": 100e-9, "ev_180": 180e-9, "ev_aggregate": 300e-9}
)
"""Intact vesicles by class (m). `ev_aggregate` counts the vesicles that stick together, not the clusters."""

INTACT = tuple(name for name in EV_DIAMETERS if name != "ev_aggregate")
VESICLES = (*EV_DIAMETERS, "ev_lysed")
PROTEINS = ("protein", "complexes")
LIPOPROTEINS = ("ldl", "hdl")
CARGO = ("cargo_free", "cargo_apparent", "cargo_protected")
EV_PROTEIN = 1e-20  # kg of protein per vesicle of its own: pure vesicles read 1e11 particles/ug

SPECIES: Mapping[str, Species] = MappingProxyType(
    {
        **{name: Species(5e-19) for name in VESICLES},
        "protein": Species(1.0, buoyant=0.27, thickening=0.01),
        "complexes": Species(1.0, buoyant=0.27, thickening=0.01),
        "ldl": Species(1.0, buoyant=0.03),
        "hdl": Species(1.0, buoyant=0.10),
        **{name: Species(13.3, conductivity=0.0, osmotic=1.0) for name in CARGO},  # a 21-mer siRNA
        "nacl": Species(0.05844, 0.0107, 2.0, 0.70),
        "phosphate": Species(0.150, 0.0145, 2.6, 0.75),
        "histidine": Species(0.155, 0.0040, 1.3, 0.35),
        "trehalose": Species(0.3423, 0.0, 1.0, 0.38, thickening=0.0026),
        "sucrose": Species(0.3423, 0.0, 1.0, 0.38, thickening=0.0026),
        "nutrients": Species(0.180, 0.0, 1.0, 0.38),
        "naoh": Species(0.040, 0.0215, 2.0, 1.05),
        "ethanol": Species(0.0461, 0.0, 1.0, -0.17),
    }
)

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "particles": VESICLES,
        "protein": PROTEINS,
        "lipoproteins": LIPOPROTEINS,
        "cargo": CARGO,
        **{
            name: (name,)
            for name in ("nacl", "phosphate", "histidine", "trehalose", "sucrose", "nutrients", "naoh", "ethanol")
        },
    }
)
"""What must stay constant over the whole line: nothing turns one group into another."""


@dataclass(frozen=True, slots=True)
class Material:
    """`volume` m^3 and `amounts` by species; `freeze_thaws` is the worst history of any part."""

    volume: float = 0.0
    amounts: Mapping[str, float] = field(default_factory=dict)
    freeze_thaws: int = 0

    def amount(self, species: str) -> float:
        """Amount of one species."""
        return self.amounts.get(species, 0.0)

    def total(self, names: Iterable[str]) -> float:
        """Sum of the amounts of several species."""
        return math.fsum(self.amounts.get(name, 0.0) for name in names)

    def concentration(self, species: str) -> float:
        """Amount per m^3; 0 when empty."""
        return self.amounts.get(species, 0.0) / self.volume if self.volume > 0.0 else 0.0

    @property
    def particles(self) -> float:
        """Vesicles that still are vesicles, aggregated or not."""
        return self.total(EV_DIAMETERS)

    @property
    def counted(self) -> float:
        """Particles as a counter sees them: a cluster of about eight vesicles is one."""
        return self.total(INTACT) + self.amount("ev_aggregate") / 8.0

    @property
    def intactness(self) -> float:
        """Share of all vesicles that are neither destroyed nor aggregated; 1 when there are none."""
        everything = self.total(VESICLES)
        return self.total(INTACT) / everything if everything > 0.0 else 1.0

    @property
    def assayed_protein(self) -> float:
        """Protein (kg) as an assay finds it: soluble, complexes, a third of lipoproteins, and the vesicles' own."""
        return self.total(PROTEINS) + self.total(LIPOPROTEINS) / 3.0 + EV_PROTEIN * self.total(VESICLES)

    @property
    def mass(self) -> float:
        """kg."""
        return WATER_DENSITY * self.volume + sum(
            SPECIES[name].mass * SPECIES[name].buoyant * amount for name, amount in self.amounts.items()
        )

    @property
    def conductivity(self) -> float:
        """S/m at 25 degC; 0 when empty."""
        if self.volume <= 0.0:
            return 0.0
        ions = sum(SPECIES[name].conductivity * amount for name, amount in self.amounts.items())
        return ions / self.volume / self.relative_viscosity

    @property
    def osmolality(self) -> float:
        """osmol per kg of water, ideal; 0 when empty."""
        particles = sum(SPECIES[name].osmotic * amount for name, amount in self.amounts.items())
        return particles / (WATER_DENSITY * self.volume) if self.volume > 0.0 else 0.0

    @property
    def relative_viscosity(self) -> float:
        """Viscosity over that of water."""
        if self.volume <= 0.0:
            return 1.0
        thick = sum(SPECIES[n].thickening * SPECIES[n].mass * a for n, a in self.amounts.items())
        return math.exp(min(thick / self.volume, 5.0))

    def __add__(self, other: Material) -> Material:
        """Both together."""
        return mix((self, other))

    def split(self, volume: float) -> tuple[Material, Material]:
        """(`volume` of it, the rest); all of it when there is less. The two add up to the whole."""
        if volume >= self.volume:
            return self, Material(0.0, {}, self.freeze_thaws)
        share = max(volume, 0.0) / self.volume
        taken = {name: amount * share for name, amount in self.amounts.items()}
        rest = {name: amount - taken[name] for name, amount in self.amounts.items()}
        part = max(volume, 0.0)
        return Material(part, taken, self.freeze_thaws), Material(self.volume - part, rest, self.freeze_thaws)

    def moved(self, source: str, target: str, amount: float) -> Material:
        """`amount` of species `source` turned into `target` of the same group; never more than there is."""
        amount = min(max(amount, 0.0), self.amount(source))
        changed = dict(self.amounts)
        changed[source] = changed.get(source, 0.0) - amount
        changed[target] = changed.get(target, 0.0) + amount
        return Material(self.volume, changed, self.freeze_thaws)

    def converted(self, source: str, target: str, share: float) -> Material:
        """`share` (0-1) of species `source` turned into `target`."""
        return self.moved(source, target, self.amount(source) * min(share, 1.0))


EMPTY = Material()


def mix(parts: Iterable[Material]) -> Material:
    """All parts poured together."""
    volume, thaws = 0.0, 0
    amounts: dict[str, float] = {}
    for part in parts:
        volume += part.volume
        thaws = max(thaws, part.freeze_thaws) if part.volume > 0.0 or part.amounts else thaws
        for name, amount in part.amounts.items():
            amounts[name] = amounts.get(name, 0.0) + amount
    return Material(volume, amounts, thaws)


def solution(volume: float, concentrations: Mapping[str, float]) -> Material:
    """`volume` m^3 with amounts per m^3 given by species; KeyError for a species nobody knows."""
    unknown = concentrations.keys() - SPECIES.keys()
    if unknown:
        raise KeyError(f"no such species: {', '.join(sorted(unknown))}")
    return Material(volume, {name: value * volume for name, value in concentrations.items()})


def lysed(material: Material, share: float) -> Material:
    """`share` (0-1) of the vesicles destroyed; their cargo goes into solution."""
    for name in EV_DIAMETERS:
        material = material.converted(name, "ev_lysed", share)
    for name in ("cargo_protected", "cargo_apparent"):
        material = material.converted(name, "cargo_free", share)
    return material


def aggregated(material: Material, share: float) -> Material:
    """`share` (0-1) of the single vesicles stuck together."""
    for name in INTACT:
        material = material.converted(name, "ev_aggregate", share)
    return material
