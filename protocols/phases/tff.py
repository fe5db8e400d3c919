"""Parameters of the phases of tangential flow filtration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membrane:
    """A hollow-fibre module: cut-off (kg per molecule), area m^2, lumen and length m, limits 1/s and Pa."""

    cutoff: float
    area: float
    fibres: int
    lumen: float
    length: float
    max_shear: float
    max_tmp: float
    barcode: str


@dataclass(frozen=True, slots=True)
class InstallModule:
    """The operator mounts a membrane module and scans its barcode."""

    membrane: Membrane


@dataclass(frozen=True, slots=True)
class Flush:
    """Flush with buffer, measure the water permeability (m/s/Pa) and refuse a module below `min_permeability`."""

    membrane: Membrane
    buffer: str
    volume: float
    feed_flow: float
    tmp: float
    max_flux: float
    min_permeability: float


@dataclass(frozen=True, slots=True)
class LoadFeed:
    """The operator hangs the bottle `source`; its mass on the balance is the evidence."""

    source: str
    volume: float


@dataclass(frozen=True, slots=True)
class Concentrate:
    """Down to `target_volume` m^3 at constant feed flow (shear) and TMP."""

    membrane: Membrane
    target_volume: float
    feed_flow: float
    tmp: float
    max_flux: float


@dataclass(frozen=True, slots=True)
class Diafilter:
    """`volumes` diavolumes of `buffer` at constant retentate mass; ends by permeate mass, never by time."""

    membrane: Membrane
    volumes: float
    buffer: str
    feed_flow: float
    tmp: float
    max_flux: float


@dataclass(frozen=True, slots=True)
class Dilute:
    """Add `volume` m^3 of `buffer` to the retentate, by the balance."""

    buffer: str
    volume: float


@dataclass(frozen=True, slots=True)
class Recover:
    """Pump the retentate into bottle `product`, rinse the loop with `rinse` m^3 of buffer and add it."""

    product: str
    rinse: float
    feed_flow: float


@dataclass(frozen=True, slots=True)
class CleanMembrane:
    """Circulate `agent`, flush, measure permeability again; report what share of the first one came back."""

    membrane: Membrane
    agent: str
    volume: float
    duration: float
    feed_flow: float
    tmp: float
    max_flux: float
    min_recovery: float
