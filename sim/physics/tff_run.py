"""Volumes, yields and times of concentration and diafiltration in closed form (TFF).

SI units; concentrations may be in any unit, they come back in the same one. `sieving` S is the observed Cp/Cb.

Sources: mass balance of a well-mixed loop, dm/dV = S m/V; Ng, Lundblad and Mitra (1976) for the concentration at which
constant-volume diafiltration takes least time under the gel model. The time of concentration integrates dV/(A J) by
adaptive quadrature; that of diafiltration has a closed form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.integrate import quad

from sim.physics.tff_flux import gel_flux


def concentrate_yield(start_volume: float, end_volume: float, sieving: float) -> float:
    """Share of a species kept while the volume goes from V0 to Vf: X^(-S)."""
    return math.pow(start_volume / end_volume, -sieving)


def concentrated(concentration: float, start_volume: float, end_volume: float, sieving: float) -> float:
    """Concentration after batch concentration: C0 X^(1-S)."""
    return concentration * math.pow(start_volume / end_volume, 1.0 - sieving)


def lost_share(start_volume: float, end_volume: float, sieving: float) -> float:
    """Share of a species that left with the permeate; exact also for S near 0."""
    return -math.expm1(-sieving * math.log(start_volume / end_volume))


def diafiltered_share(diavolumes: float, sieving: float) -> float:
    """Share kept after constant-volume diafiltration: exp(-N S)."""
    return math.exp(-diavolumes * sieving)


def discontinuous_share(steps: int, dilution_ratio: float, sieving: float) -> float:
    """Share kept after `steps` of dilution and concentration back: X^(-S n)."""
    return math.pow(dilution_ratio, -sieving * steps)


def optimal_diafiltration_concentration(gel: float) -> float:
    """Bulk concentration at which diafiltration is fastest: Cg/e."""
    return gel / math.e


@dataclass(frozen=True)
class GelLimit:
    """Gel polarisation of one module: k (m/s), Cg (kg/m^3) and area (m^2)."""

    mass_transfer: float
    gel: float
    area: float

    def flow(self, bulk: float) -> float:
        """Permeate flow at bulk concentration `bulk`, m^3/s."""
        return self.area * gel_flux(self.mass_transfer, self.gel, bulk)


def concentration_time(limit: GelLimit, start_volume: float, end_volume: float, bulk: float, sieving: float) -> float:
    """Time of batch concentration under the gel model, s; integrated over ln V, where the integrand is smooth."""

    def integrand(log_volume: float) -> float:
        volume = math.exp(log_volume)
        return volume / limit.flow(concentrated(bulk, start_volume, volume, sieving))

    span = math.log(end_volume), math.log(start_volume)
    return float(quad(integrand, *span, epsabs=0.0, epsrel=1e-9, limit=500)[0])


def diafiltration_time(limit: GelLimit, volume: float, diavolumes: float, bulk: float, sieving: float) -> float:
    """Time of constant-volume diafiltration while the gel-forming species washes out, s.

    With ln(Cg/C) = l + N S the integral of V dN/(A k (l + N S)) is V/(A k S) ln(1 + N S/l); a washed-out species does
    not underflow in it.
    """
    log_ratio = math.log(limit.gel / bulk)
    x = diavolumes * sieving / log_ratio
    shortened = math.log1p(x) / x if x > 1e-12 else 1.0
    return volume / (limit.area * limit.mass_transfer) * diavolumes / log_ratio * shortened


@dataclass(frozen=True)
class RunResult:
    """A whole run: times in s, volumes in m^3, concentrations in the unit given."""

    concentration_time: float
    diafiltration_time: float
    after_concentration: dict[str, float]
    final: dict[str, float]
    recovery: dict[str, float]
    diafiltrate: float
    permeate: float


def run(
    limit: GelLimit,
    start_volume: float,
    end_volume: float,
    diavolumes: float,
    gel_species: str,
    gel_bulk: float,
    concentrations: Mapping[str, float],
    sieving: Mapping[str, float],
) -> RunResult:
    """Concentrate from `start_volume` to `end_volume`, then diafilter; `gel_bulk` is that species' kg/m^3."""
    after = {n: concentrated(c, start_volume, end_volume, sieving[n]) for n, c in concentrations.items()}
    washed = {name: diafiltered_share(diavolumes, sieving[name]) for name in after}
    gel_sieving = sieving[gel_species]
    gel_after = concentrated(gel_bulk, start_volume, end_volume, gel_sieving)
    diafiltrate = diavolumes * end_volume
    return RunResult(
        concentration_time=concentration_time(limit, start_volume, end_volume, gel_bulk, gel_sieving),
        diafiltration_time=diafiltration_time(limit, end_volume, diavolumes, gel_after, gel_sieving),
        after_concentration=after,
        final={name: value * washed[name] for name, value in after.items()},
        recovery={n: concentrate_yield(start_volume, end_volume, sieving[n]) * washed[n] for n in after},
        diafiltrate=diafiltrate,
        permeate=start_volume - end_volume + diafiltrate,
    )
