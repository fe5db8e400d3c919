"""Release analytics: purity, particle counting, diffusion. SI units unless a name says otherwise.

Sources: Webber and Clayton (2013) for particles per microgram of protein as a grade; Poisson statistics of tracks;
Stokes-Einstein for the diffusion that nanoparticle tracking turns into a size. Method spread is a default.
"""

from __future__ import annotations

import math
from random import Random

BOLTZMANN = 1.380649e-23
PURE, LOW_TOP, LOW_BOTTOM, IMPURE = 3e10, 2e10, 2e9, 1.5e9  # particles per ug
LINEAR = 1e7, 1e9  # particles per mL that a tracker counts in proportion
METHOD_SPREAD = 0.15


def particles_per_ug(particles: float, protein: float) -> float:
    """Purity from particles and ug of protein in the same volume; infinite without protein."""
    return particles / protein if protein > 0.0 else math.inf


def purity_grade(purity: float) -> str:
    """Grade of a purity in particles per ug; the two gaps of the published scale read 'between'."""
    if purity >= PURE:
        return "pure (>=3e10)"
    if purity > LOW_TOP:
        return "between low and pure"
    if purity >= LOW_BOTTOM:
        return "low (2e9-2e10)"
    if purity >= IMPURE:
        return "between impure and low"
    return "impure (<1.5e9)"


def counting_cv(tracks: float) -> float:
    """Relative standard deviation of a count: 1/sqrt(n)."""
    return 1.0 / math.sqrt(tracks)


def diffusivity(diameter: float, temperature: float, viscosity: float) -> float:
    """Stokes-Einstein, m^2/s; `temperature` in K."""
    return BOLTZMANN * temperature / (3.0 * math.pi * viscosity * diameter)


def mean_square_displacement(diffusion: float, time: float = 1.0) -> float:
    """In two dimensions: 4 D t, m^2."""
    return 4.0 * diffusion * time


def counted(concentration: float, tracks: int, rng: Random, spread: float = METHOD_SPREAD) -> float:
    """One tracking result for a true concentration (1/mL): counting and method spread, coincidence above the range."""
    seen = concentration / (1.0 + concentration / (10.0 * LINEAR[1]))
    cv = math.hypot(counting_cv(tracks), spread)
    return max(0.0, seen * (1.0 + rng.gauss(0.0, cv)))
