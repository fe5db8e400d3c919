"""Parameters of the phases of electroporation loading."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pulse:
    """A pulse train: V, s, F, ohm (0 none); `shape` exponential or square."""

    shape: str
    voltage: float
    count: int
    interval: float
    gap: float
    width: float
    capacitance: float
    resistance: float


@dataclass(frozen=True, slots=True)
class CheckConductivity:
    """Refuse a sample in bottle `source` above `limit` S/m: it would arc."""

    source: str
    limit: float


@dataclass(frozen=True, slots=True)
class PreparePlate:
    """The liquid handler puts sample and cargo into `wells` wells (m^3 each); cargo stock in mol/m^3."""

    source: str
    cargo: str
    wells: int
    sample_volume: float
    cargo_volume: float
    cargo_stock: float


@dataclass(frozen=True, slots=True)
class Chill:
    """Plate on the cold block until `temperature` (degC), for at least `duration` s."""

    temperature: float
    duration: float


@dataclass(frozen=True, slots=True)
class PulsePlate:
    """Pulse every column of the plate once; voltage and time constant verified from the instrument's log."""

    pulse: Pulse
    wells: int
    wells_per_pulse: int
    voltage_tolerance: float
    time_constant_min: float
    time_constant_max: float


@dataclass(frozen=True, slots=True)
class Rest:
    """Leave the plate at `temperature` for `duration` s, at most `max_duration`."""

    temperature: float
    duration: float
    max_duration: float


@dataclass(frozen=True, slots=True)
class CollectPlate:
    """The liquid handler pools `volume` m^3 in all, the same from each of the wells, into bottle `product`."""

    product: str
    wells: int
    volume: float
