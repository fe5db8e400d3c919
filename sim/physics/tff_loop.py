"""What the TFF twin is made of: module, operating inputs, state and momentary conditions. SI units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.physics.tff_flux import WATER_VISCOSITY, Fibres

DAMAGE_SHEAR = 6000.0  # 1/s: vesicles are lost above it


@dataclass(frozen=True)
class Fouling:
    """Hermia's law for one lot: K (1/s) and J0 (m/s) measured at the gel-forming concentration `reference`."""

    mechanism: str = "intermediate"
    constant: float = 0.0
    initial_flux: float = 2e-5
    reference: float = 1.0
    reversible_share: float = 0.5


@dataclass(frozen=True)
class Membrane:
    """A module and how material behaves at its wall.

    `gel_weights` says how much one unit of a species' amount adds to the gel-forming mass (kg): 1 for protein in kg.
    `osmotic` are the coefficients of that mass's osmotic pressure, Pa/(kg/m^3)^i from the linear one on; () for none.
    """

    fibres: Fibres
    area: float
    resistance: float = 5e11
    mass_transfer: float = 5.6e-6
    gel: float = 150.0
    gel_weights: Mapping[str, float] = field(default_factory=lambda: {"protein": 1.0})
    sieving: Mapping[str, float] = field(default_factory=dict)  # species not named: 1, they pass freely
    fouling: Fouling = Fouling()
    osmotic: tuple[float, ...] = ()
    damage_shear: float = DAMAGE_SHEAR
    fragile: frozenset[str] = frozenset({"EV"})


@dataclass(frozen=True)
class Inputs:
    """What pumps and valves do. `permeate_flow` None: the permeate line is open and the flux follows the TMP."""

    membrane: Membrane
    feed_flow: float = 0.0
    retentate_pressure: float = 0.0
    permeate_flow: float | None = None
    permeate_pressure: float = 0.0
    buffer_flow: float = 0.0
    buffer: Mapping[str, float] = field(default_factory=dict)  # amount per m^3 of what flows in
    viscosity: float = WATER_VISCOSITY
    fittings: float = 0.0  # Pa s/m^3: pressure drop outside the lumens per flow
    minimum_volume: float = 0.0  # m^3: hold-up of loop and module, no permeate below it


@dataclass(frozen=True)
class State:
    """Accounts of the loop. `fouling` is irreversible, `reversible` leaves on TMP release (both 1/m)."""

    volume: float
    amounts: Mapping[str, float]
    permeate_volume: float = 0.0
    permeate: Mapping[str, float] = field(default_factory=dict)
    damaged: Mapping[str, float] = field(default_factory=dict)
    fouling: float = 0.0
    reversible: float = 0.0

    def concentration(self, species: str) -> float:
        """Amount per m^3 in the retentate."""
        return self.amounts.get(species, 0.0) / self.volume if self.volume > 0.0 else 0.0


@dataclass(frozen=True)
class Conditions:
    """Flux (m/s), flow (m^3/s), pressures (Pa gauge), shear (1/s); `limit` names what holds the flux."""

    flux: float
    permeate_flow: float
    feed_pressure: float
    retentate_pressure: float
    permeate_pressure: float
    transmembrane_pressure: float
    wall_shear: float
    limit: str
