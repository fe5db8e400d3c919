"""What is expected to stand where: the planned material of a batch, step by step.

Plain mixing arithmetic with typical recoveries, no process model: enough to see that volumes fit, that bottles are
filled before they are emptied, how much salt is left after N diavolumes, and whether purity can be reached.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protocols.materials import LIQUIDS

PROTEIN_SIEVING = 0.85
"""Observed sieving of soluble protein through a 300 kDa hollow fibre."""
PARTICLE_SIEVING = 0.005


@dataclass(frozen=True, slots=True)
class Content:
    """Expected content of a vessel: volume m^3, particles, protein kg, shares of the liquids it is mixed from."""

    volume: float
    particles: float = 0.0
    protein: float = 0.0
    liquids: Mapping[str, float] = field(default_factory=dict)

    @property
    def conductivity(self) -> float:
        """S/m at 25 degC, mixed by volume; liquids nobody described count as PBS."""
        known = {name: LIQUIDS.get(name, LIQUIDS["PBS"]).conductivity for name in self.liquids}
        return sum(share * known[name] for name, share in self.liquids.items())

    @property
    def concentration(self) -> float:
        """Particles 1/m^3."""
        return self.particles / self.volume if self.volume > 0 else 0.0

    @property
    def particles_per_kg(self) -> float:
        """Purity: particles per kg of protein."""
        return self.particles / self.protein if self.protein > 0 else math.inf

    def take(self, volume: float) -> Content:
        """What remains after `volume` m^3 left; never below nothing."""
        left = max(self.volume - volume, 0.0)
        share = left / self.volume if self.volume > 0 else 0.0
        return replace(self, volume=left, particles=self.particles * share, protein=self.protein * share)

    def part(self, volume: float) -> Content:
        """The `volume` m^3 that leaves, at most all of it."""
        share = min(volume / self.volume, 1.0) if self.volume > 0 else 0.0
        return replace(self, volume=self.volume * share, particles=self.particles * share, protein=self.protein * share)

    def diluted(self, volume: float, liquid: str) -> Content:
        """After `volume` m^3 of `liquid` was added."""
        return mixed(self, Content(volume, liquids={liquid: 1.0}))

    def concentrated(self, volume: float) -> Content:
        """After filtration down to `volume` m^3: C = C0 X^(1-S)."""
        ratio = volume / self.volume if self.volume > 0 else 1.0
        return replace(
            self,
            volume=volume,
            particles=self.particles * ratio**PARTICLE_SIEVING,
            protein=self.protein * ratio**PROTEIN_SIEVING,
        )

    def diafiltered(self, volumes: float, liquid: str) -> Content:
        """After `volumes` diavolumes of `liquid` at constant volume: C = C0 exp(-N S), salts with S = 1."""
        left = math.exp(-volumes)
        liquids = {name: share * left for name, share in self.liquids.items()}
        liquids[liquid] = liquids.get(liquid, 0.0) + 1.0 - left
        return replace(
            self,
            particles=self.particles * math.exp(-volumes * PARTICLE_SIEVING),
            protein=self.protein * math.exp(-volumes * PROTEIN_SIEVING),
            liquids=liquids,
        )


Stock = Mapping[str, Content]
"""Vessel name -> expected content; bottles by their names, places like "tff reservoir" in the same mapping."""

RESERVOIR = "tff reservoir"
COLUMN = "sec column"
TUBES = "sec tubes"
PLATE = "plate"
VIALS = "vials"
PLACES = (RESERVOIR, COLUMN, TUBES, PLATE, VIALS)


def mixed(one: Content, other: Content) -> Content:
    """Both poured together."""
    volume = one.volume + other.volume
    if volume <= 0:
        return one
    liquids = {
        name: (one.liquids.get(name, 0.0) * one.volume + other.liquids.get(name, 0.0) * other.volume) / volume
        for name in {**one.liquids, **other.liquids}
    }
    return Content(volume, one.particles + other.particles, one.protein + other.protein, liquids)


def poured(stock: Stock, name: str, content: Content) -> Stock:
    """`content` added to vessel `name`."""
    return {**stock, name: mixed(stock[name], content) if name in stock else content}


def emptied(stock: Stock, name: str) -> Stock:
    """Vessel `name` is gone."""
    return {other: content for other, content in stock.items() if other != name}


def placed(stock: Stock, name: str, content: Content) -> Stock:
    """Vessel `name` holds exactly `content`."""
    return {**stock, name: content}


NOTHING = Content(0.0)
