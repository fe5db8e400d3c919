"""The `equipment:` section of a line file: sizes and limits of the bench that recipes are checked against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from vesiflow import quantities as q
from vesiflow.line_profile import Deck, Electroporation, FreezeDryer, Limits, LineProfile, SecSkid, TffSkid

T = TypeVar("T")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class TffModel(_Section):
    """TFF skid: largest reservoir volume, smallest working volume, bottles."""

    reservoir: q.Volume
    hold_up: q.Volume
    permeate_vessel: q.Volume
    buffer_vessel: q.Volume


class SecModel(_Section):
    """SEC skid: column, loop and fraction collector."""

    column_length: q.Length
    column_diameter: q.Length
    max_pressure: q.Pressure
    sample_loop: q.Volume
    tubes: int
    tube_volume: q.Volume
    dead_volume: q.Volume
    load_fraction: q.Fraction


class ElectroporationModel(_Section):
    """Electroporation station: plate and generator limits."""

    wells: int
    wells_per_pulse: int
    well_min: q.Volume
    well_max: q.Volume
    gap: q.Length
    max_voltage: q.Voltage


class FreezeDryerModel(_Section):
    """Freeze dryer: shelf places, temperatures, ramps, condenser and vial."""

    places: int
    shelf_min: q.Temperature
    shelf_max: q.Temperature
    max_ramp: q.Ramp
    min_pressure: q.Vacuum
    condenser_capacity: q.Mass
    vial_area: q.Area
    vial_volume: q.Volume


class DeckModel(_Section):
    """Liquid handler deck: tips and reservoirs."""

    tips: int
    reservoirs: dict[str, q.Volume] = {}


class EquipmentModel(_Section):
    """All units of a line; what is missing is not there."""

    tff: TffModel | None = None
    sec: SecModel | None = None
    electroporation: ElectroporationModel | None = None
    lyophilization: FreezeDryerModel | None = None
    deck: DeckModel | None = None

    def profile(self, name: str, roles: Mapping[str, Limits]) -> LineProfile:
        """Everything as plain numbers in inside units."""
        return LineProfile(
            name,
            roles,
            _plain(self.tff, TffSkid),
            _plain(self.sec, SecSkid),
            _plain(self.electroporation, Electroporation),
            _plain(self.lyophilization, FreezeDryer),
            _deck(self.deck),
        )


def _plain(section: _Section | None, kind: type[T]) -> T | None:
    """`section` as the plain dataclass `kind`, every quantity in its inside unit."""
    if section is None:
        return None
    values = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        dimension = next((item for item in field.metadata if isinstance(item, q.Dimension)), None)
        values[name] = q.inside(value, dimension.unit) if dimension else value
    return kind(**values)


def _deck(deck: DeckModel | None) -> Deck | None:
    if deck is None:
        return None
    return Deck(deck.tips, {name: q.inside(volume, "m^3") for name, volume in deck.reservoirs.items()})
