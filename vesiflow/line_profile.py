"""What a line can do, as plain numbers: the part of a line file that recipes are checked against.

Written by `devices.line_file`, read by `protocols.check` and `protocols.resolve`, which must not know devices.
All values in inside units (SI, degC).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Limits = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class TffSkid:
    """Reservoir and hold-up of the tangential flow filtration skid; volumes m^3."""

    reservoir: float
    hold_up: float
    permeate_vessel: float
    buffer_vessel: float


@dataclass(frozen=True, slots=True)
class SecSkid:
    """Column bed (m), its pressure limit (Pa), sample loop, tubes; volumes m^3."""

    column_length: float
    column_diameter: float
    max_pressure: float
    sample_loop: float
    tubes: int
    tube_volume: float
    dead_volume: float
    load_fraction: float

    @property
    def column_volume(self) -> float:
        """Bed volume, m^3."""
        return 3.141592653589793 / 4 * self.column_diameter**2 * self.column_length


@dataclass(frozen=True, slots=True)
class Electroporation:
    """Plate of the electroporator: wells, volumes per well (m^3), electrode gap (m), voltage and current limits."""

    wells: int
    wells_per_pulse: int
    well_min: float
    well_max: float
    gap: float
    max_voltage: float


@dataclass(frozen=True, slots=True)
class FreezeDryer:
    """Shelf places and limits, condenser capacity (kg), lowest pressure (Pa), ramps (K/s), vial inner area (m^2)."""

    places: int
    shelf_min: float
    shelf_max: float
    max_ramp: float
    min_pressure: float
    condenser_capacity: float
    vial_area: float
    vial_volume: float


@dataclass(frozen=True, slots=True)
class Deck:
    """Consumables on the liquid handler's deck: tips, and reservoir volumes (m^3) by name."""

    tips: int
    reservoirs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LineProfile:
    """A line by its roles (with limits by argument name) and its equipment; absent units are None.

    `interlocks` are limits of measured values by telemetry tag, in the tag's inside unit.
    """

    name: str
    roles: Mapping[str, Limits]
    tff: TffSkid | None = None
    sec: SecSkid | None = None
    electroporation: Electroporation | None = None
    lyophilization: FreezeDryer | None = None
    deck: Deck | None = None
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    interlocks: Limits = field(default_factory=dict)
