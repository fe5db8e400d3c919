"""Units as phases see them: the roles of one skid, typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from devices.roles import (
    Balance,
    BoundedPump,
    ChromatographyPump,
    Circulator,
    ConductivityMeter,
    Electroporator,
    FractionCollector,
    LiquidHandler,
    PressureController,
    PressureSensors,
    Pump,
    Thermometer,
    UvDetector,
    VacuumController,
    Valve,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TffSkid:
    """Tangential flow filtration."""

    feed_pump: Pump
    permeate_pump: Pump
    buffer_pump: Pump
    recovery_pump: Pump
    pressures: PressureSensors
    retentate_pressure: PressureController
    retentate_balance: Balance
    permeate_balance: Balance
    conductivity: ConductivityMeter


@dataclass(frozen=True, slots=True)
class SecSkid:
    """Size-exclusion chromatography."""

    pump: ChromatographyPump
    injection_valve: Valve
    selector_valve: Valve
    conductivity: ConductivityMeter
    uv: UvDetector
    collector: FractionCollector


@dataclass(frozen=True, slots=True)
class ElectroporationStation:
    """Plate electroporation."""

    electroporator: Electroporator
    conductivity: ConductivityMeter
    liquid_handler: LiquidHandler


@dataclass(frozen=True, slots=True)
class FreezeDryer:
    """Lyophilization: a composite of shelf circulator, gauges with relays and thermometers."""

    shelf: Circulator
    vacuum: VacuumController
    condenser: Thermometer
    product_centre: Thermometer
    product_edge: Thermometer
    liquid_handler: LiquidHandler


UNITS: dict[str, type] = {
    "tff": TffSkid,
    "sec": SecSkid,
    "electroporation": ElectroporationStation,
    "lyophilization": FreezeDryer,
}


def assemble(kind: type[T], unit: str, role: Callable[[str], Any]) -> T:
    """A unit from its roles; `role` maps "tff.feed_pump" to an object."""
    return kind(**{field.name: role(f"{unit}.{field.name}") for field in fields(kind)})  # type: ignore[arg-type]


def bounded(unit: object) -> tuple[BoundedPump, ...]:
    """The pumps of a unit whose runs end by themselves unless they are renewed."""
    roles = (getattr(unit, field.name) for field in fields(unit))  # type: ignore[arg-type]
    return tuple(role for role in roles if hasattr(role, "renew"))
