"""Size-exclusion chromatography in the Laplace domain: transfer functions and exact moments.

SI units. Time starts with the injection, a rectangle of concentration c0 that lasts t_inj = V_inj/Q.

General rate model without binding: axial dispersion between closed ends (Danckwerts 1953), film transfer to spherical
beads and diffusion in the share of the pores a species can enter (its accessibility); the solution of Kucera (1965).
Equilibrium-dispersive model: the same column with pores in equilibrium at once, so that only V_R and Pe remain.
The mean and the variance follow from the derivatives of ln H at s = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Column:
    """A packed bed (m, m^2/s). `mixing_volume` (stirred) and `delay_volume` (plug, m^3) lie outside the bed."""

    length: float
    diameter: float
    bed_porosity: float
    particle_porosity: float
    bead_radius: float
    axial_dispersion: float
    delay_volume: float = 0.0
    mixing_volume: float = 0.0

    @property
    def section(self) -> float:
        """Cross-section of the empty tube, m^2."""
        return math.pi / 4.0 * self.diameter**2

    @property
    def void_volume(self) -> float:
        """Volume between the beads, m^3."""
        return self.section * self.length * self.bed_porosity

    @property
    def bed_volume(self) -> float:
        """Volume of the packed bed (one CV), m^3."""
        return self.section * self.length


@dataclass(frozen=True)
class Species:
    """How a species meets the beads: share of the pores reached (0-1), film coefficient m/s, pore diffusivity m^2/s."""

    accessibility: float
    film_coefficient: float
    pore_diffusivity: float


@dataclass(frozen=True)
class Moments:
    """Mean (s) and variance (s^2) of what the bed does to an impulse, without the injection."""

    mean: float
    variance: float

    @property
    def plates(self) -> float:
        return self.mean**2 / self.variance

    def with_injection(self, injection_time: float) -> Moments:
        """The same for a rectangular injection that starts at t = 0."""
        return Moments(self.mean + injection_time / 2.0, self.variance + injection_time**2 / 12.0)


class Response(Protocol):
    """Anything linear a plug of liquid passes through."""

    @property
    def sharpest(self) -> float: ...  # s: no feature of the outlet is narrower
    def moments(self) -> Moments: ...
    def transfer(self, s: Complex) -> Complex: ...


@dataclass(frozen=True)
class GeneralRate:
    """One species in one column at one flow (m^3/s)."""

    column: Column
    species: Species
    flow: float

    @property
    def residence(self) -> float:
        return self.column.void_volume / self.flow

    @property
    def peclet(self) -> float:
        return self.column.length**2 / self.residence / self.column.axial_dispersion

    @property
    def sharpest(self) -> float:
        """Width of what passes between the beads only; slow pores leave such a peak before their long tail, s."""
        return self.residence * math.sqrt(dispersion(self.peclet))

    @property
    def phase_ratio(self) -> float:
        return (1.0 - self.column.bed_porosity) / self.column.bed_porosity

    @property
    def pore_porosity(self) -> float:
        return self.column.particle_porosity * self.species.accessibility

    def moments(self) -> Moments:
        radius, e, ratio = self.column.bead_radius, self.pore_porosity, self.phase_ratio
        mean = self.residence * (1.0 + ratio * e)
        inside = e / self.species.pore_diffusivity + 5.0 * e**2 / (self.species.film_coefficient * radius)
        beads = 2.0 * self.residence * ratio * radius**2 / 15.0 * inside
        return Moments(mean, mean**2 * dispersion(self.peclet) + beads)

    def transfer(self, s: Complex) -> Complex:
        return closed_column(self._uptake(s), self.residence, self.peclet)

    def _uptake(self, s: Complex) -> Complex:
        """phi(s): what the beads add to s."""
        radius, film = self.column.bead_radius, self.species.film_coefficient
        lam = radius * np.sqrt(s / self.species.pore_diffusivity)
        inner = self.pore_porosity * self.species.pore_diffusivity / radius * coth_less_one(lam)
        uptake: Complex = s + self.phase_ratio * 3.0 / radius * film * inner / (film + inner)
        return uptake


@dataclass(frozen=True)
class Equilibrium:
    """Equilibrium-dispersive model: retention time V_R/Q (s) and Peclet number."""

    retention: float
    peclet: float

    @property
    def sharpest(self) -> float:
        return self.retention * math.sqrt(dispersion(self.peclet))

    def moments(self) -> Moments:
        return Moments(self.retention, self.retention**2 * dispersion(self.peclet))

    def transfer(self, s: Complex) -> Complex:
        return closed_column(s, self.retention, self.peclet)


def coth_less_one(lam: Complex) -> Complex:
    """lam coth(lam) - 1 without overflow at large lam (positive real part) and without cancellation at small lam."""
    small = np.abs(lam) < 1e-2
    safe = np.where(small, 1.0, lam)
    decay = np.exp(-2.0 * safe)
    return np.where(small, lam**2 / 3.0 - lam**4 / 45.0, safe * (1.0 + decay) / (1.0 - decay) - 1.0)


def dispersion(peclet: float) -> float:
    """Relative variance of a closed-closed dispersive column: 2/Pe - 2/Pe^2 (1 - exp(-Pe))."""
    if peclet < 1e-3:
        return 1.0 - peclet / 3.0 + peclet**2 / 12.0
    return 2.0 * (peclet + math.expm1(-peclet)) / peclet**2


def closed_column(phi: Complex, residence: float, peclet: float) -> Complex:
    """H(s) of a column with axial dispersion between closed ends, for the uptake phi(s)."""
    a = np.sqrt(1.0 + 4.0 * phi * residence / peclet)
    # Pe (1 - a)/2 written as a quotient: no cancellation at large Pe.
    leading = np.exp(-2.0 * phi * residence / (1.0 + a))
    return np.asarray(4.0 * a * leading / ((1.0 + a) ** 2 - (1.0 - a) ** 2 * np.exp(-peclet * a)), dtype=np.complex128)
