"""Electroporation: wells and volumes against the plate, the pulse against generator, arcing and heating."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from protocols.checks.plan import Finding, Plan, ml, show_value
from protocols.fields import inside
from protocols.pulses import (
    arcing_number,
    at_temperature,
    exponential_heating,
    sample_resistance,
    square_heating,
)
from protocols.resolve import Step
from protocols.stock import PLATE
from protocols.units.electroporation import CheckConductivity, Prepare, Pulse, Rest
from vesiflow.line_profile import Electroporation as Station
from vesiflow.quantities import show

ARCS = 1.0
CLOSE = 0.7
WARM = 37.0


def plates(plan: Plan) -> Iterator[Finding]:
    """Wells and volumes against the plate of the line."""
    station = plan.profile.electroporation
    if station is None:
        return
    for place, procedure in plan.units("electroporation"):
        if abs(inside(procedure.gap, "m") - station.gap) > 1e-6:
            wanted, has = show_value(inside(procedure.gap, "m"), "m", "mm"), show_value(station.gap, "m", "mm")
            yield plan.error((*place, "gap"), f"a gap of {wanted} is wanted, the line's plates have {has}")
    for step, operation in plan.of(Prepare):
        if operation.wells > station.wells:
            yield plan.error((*step.path, "wells"), f"{operation.wells} wells on a plate of {station.wells}")
        if operation.wells % station.wells_per_pulse:
            together = station.wells_per_pulse
            yield plan.warning(
                (*step.path, "wells"), f"{together} wells are pulsed together; the last ones would get another pulse"
            )
        volume = inside(operation.sample_volume, "m^3") + inside(operation.cargo_volume, "m^3")
        if not station.well_min * (1 - 1e-9) <= volume <= station.well_max * (1 + 1e-9):
            low, high, shown = (show(v, "m^3", "uL") for v in (station.well_min, station.well_max, volume))
            yield plan.error((*step.path, "sample_volume"), f"{shown} in a well; the plate takes {low} to {high}")


def shapes(plan: Plan) -> Iterator[Finding]:
    """Parameters that belong to the pulse shape."""
    for step, pulse in plan.of(Pulse):
        if pulse.shape == "exponential":
            if pulse.capacitance is None:
                yield plan.error(step.path, "an exponential pulse needs a capacitance")
            if pulse.width is not None:
                yield plan.error((*step.path, "width"), "an exponential pulse has no width, it decays by R C")
            if pulse.count != 1:
                yield plan.error((*step.path, "count"), "the generator gives one exponential pulse a run")
        else:
            if pulse.width is None:
                yield plan.error(step.path, "a square pulse needs a width")
            if pulse.capacitance is not None:
                yield plan.error((*step.path, "capacitance"), "a square pulse has no capacitance")
    for step, rest in plan.of(Rest):
        if rest.max_duration is not None and inside(rest.max_duration, "s") < inside(rest.duration, "s"):
            yield plan.error((*step.path, "max_duration"), "is shorter than the rest itself")


def voltages(plan: Plan) -> Iterator[Finding]:
    """Voltage against plate and generator."""
    station = plan.profile.electroporation
    if station is None:
        return
    for step, pulse in plan.of(Pulse):
        site: Any = step.site
        volts = pulse.voltage(inside(site.procedure.gap, "m"))
        place = (*step.path, "field")
        if volts > station.max_voltage:
            yield plan.error(place, f"{volts:.0f} V over the gap; the station stands {station.max_voltage:.0f} V")
        yield from plan.within(place, "voltage", volts, "electroporation.electroporator", "voltage", "V|V")


def conductivities(plan: Plan) -> Iterator[Finding]:
    """What is expected in the bottle against the recipe's own limit."""
    for step, operation in plan.of(CheckConductivity):
        content = step.site.holds(operation.source)
        if operation.source not in step.site.stock:
            continue
        expected, limit = content.conductivity, inside(operation.limit, "S/m")
        if expected > limit:
            shown, most = show_value(expected, "S/m", "mS/cm"), show_value(limit, "S/m", "mS/cm")
            yield plan.error(
                (*step.path, "limit"),
                f"'{operation.source}' is expected at {shown}, above {most}: more diavolumes of a low-salt buffer",
            )


def arcing(plan: Plan) -> Iterator[Finding]:
    """Heating and arcing of the expected sample."""
    station = plan.profile.electroporation
    if station is None:
        return
    for step, pulse in plan.of(Pulse):
        if step.site.holds(PLATE).volume > 0:
            yield from _arcing(plan, step, pulse, station)


def _arcing(plan: Plan, step: Step, pulse: Pulse, station: Station) -> Iterator[Finding]:
    procedure: Any = step.site.procedure
    plate, program = step.site.holds(PLATE), pulse.program(inside(procedure.gap, "m"))
    start, field = procedure.temperature, program.voltage / program.gap
    sigma = max(at_temperature(plate.conductivity, start), 1e-6)
    if pulse.shape == "square":
        heating = square_heating(sigma, field, program.width, program.count)
    else:
        volume = plate.volume / max(procedure.wells, 1)
        sample = sample_resistance(sigma, program.gap, volume, station.wells_per_pulse)
        heating = exponential_heating(
            program.voltage, program.capacitance, sample, program.resistance, volume * station.wells_per_pulse
        )
    number = arcing_number(heating, start, sigma, field, program.gap)
    shown = show_value(plate.conductivity, "S/m", "mS/cm")
    told = f"at {shown} the pulse heats by {heating:.1f} K; arcing number {number:.2f}"
    place = (*step.path, "field")
    if number >= ARCS:
        yield plan.error(place, f"{told}: the wells arc from 1 up")
    elif number >= CLOSE:
        yield plan.warning(place, f"{told}: arcs are likely from {CLOSE} up")
    elif start + heating > WARM:
        yield plan.warning(place, f"{told}: the wells reach {start + heating:.0f} degC")


def volumes(plan: Plan) -> Iterator[Finding]:
    """Sample, cargo and pool against the reservoirs of the deck."""
    deck = plan.profile.deck
    if deck is None:
        return
    for step, operation in plan.of(Prepare):
        needs = {
            "sample": step.site.holds(operation.source).volume,
            "cargo": 1.2 * operation.wells * inside(operation.cargo_volume, "m^3"),
            "pool": operation.wells * (inside(operation.sample_volume, "m^3") + inside(operation.cargo_volume, "m^3")),
        }
        for position, needed in needs.items():
            room = deck.reservoirs.get(position)
            if room is not None and needed > room:
                yield plan.error(step.path, f"{ml(needed)} in deck position '{position}', which takes {ml(room)}")


CHECKS = (plates, shapes, voltages, conductivities, arcing, volumes)
