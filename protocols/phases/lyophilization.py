"""Parameters of the phases of filling and freeze drying."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Formulate:
    """Dilute `source` with `buffer` to `concentration` 1/m^3 by the last particle count, at most `max_volume`."""

    source: str
    product: str
    buffer: str
    concentration: float
    max_volume: float


@dataclass(frozen=True, slots=True)
class FillVials:
    """The liquid handler fills up to `vials` vials with `fill_volume` m^3 each."""

    source: str
    vials: int
    fill_volume: float


@dataclass(frozen=True, slots=True)
class LoadVials:
    """The operator half-stoppers the vials, loads the shelf and closes the door."""

    vials: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Shelf to `temperature` (degC) at `ramp` K/s, hold `duration` s."""

    temperature: float
    ramp: float
    duration: float


@dataclass(frozen=True, slots=True)
class Anneal:
    """Shelf up to `temperature` for `duration` s, then back to `back_to`."""

    temperature: float
    ramp: float
    duration: float
    back_to: float


@dataclass(frozen=True, slots=True)
class Evacuate:
    """Condenser below `condenser` degC, then the chamber to `pressure` Pa within `max_duration` s."""

    pressure: float
    condenser: float
    max_duration: float


@dataclass(frozen=True, slots=True)
class PrimaryDrying:
    """Shelf at `temperature`, chamber at `pressure`, until Pirani / capacitance <= `ratio` for `soak` s.

    Product temperature must stay below `critical_temperature` less `margin` K.
    """

    temperature: float
    ramp: float
    pressure: float
    ratio: float
    soak: float
    min_duration: float
    max_duration: float
    critical_temperature: float
    margin: float


@dataclass(frozen=True, slots=True)
class SecondaryDrying:
    """Shelf at `temperature` for `duration` s; ends with a pressure-rise test of at most `max_rise` Pa/s."""

    temperature: float
    ramp: float
    pressure: float
    duration: float
    max_rise: float


@dataclass(frozen=True, slots=True)
class Backfill:
    """Isolate, let dry nitrogen in to `pressure` Pa."""

    pressure: float


@dataclass(frozen=True, slots=True)
class Stopper:
    """The operator closes the stoppers under partial vacuum and confirms the count."""

    vials: int


@dataclass(frozen=True, slots=True)
class UnloadVials:
    """Vent, warm the shelf to `temperature`, unload and count."""

    vials: int
    temperature: float
