"""Parameters of the phases of size-exclusion chromatography."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Equilibrate:
    """Run `volume` of `buffer` through the column until conductivity and UV are flat."""

    buffer: str
    volume: float
    flow: float
    max_pressure: float


@dataclass(frozen=True, slots=True)
class Inject:
    """Load `volume` m^3 of bottle `source`, all of it at most, into the sample loop and switch it onto the column."""

    source: str
    volume: float
    flow: float


@dataclass(frozen=True, slots=True)
class Elute:
    """Elute `volume`; collect fractions between `collect_from` and `collect_to` (m^3 after injection)."""

    volume: float
    flow: float
    max_pressure: float
    collect_from: float
    collect_to: float
    fraction_volume: float
    uv_threshold: float


@dataclass(frozen=True, slots=True)
class PoolFractions:
    """Pool the fractions whose mean UV is at least `peak_share` of the first peak, at most `max_volume`."""

    product: str
    peak_share: float
    max_volume: float


@dataclass(frozen=True, slots=True)
class WashColumn:
    """Run `agent` (cleaning or storage solution) through the column."""

    agent: str
    volume: float
    flow: float
    max_pressure: float
