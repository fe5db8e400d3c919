"""Freeze-drying: vials against shelf and bulk, shelf programme against glass transition and collapse, condenser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from protocols.checks.plan import Finding, Plan, ml, show_value
from protocols.drying import TORR, Vial, primary_drying, vapour_pressure
from protocols.fields import inside
from protocols.resolve import Step
from protocols.stock import VIALS
from protocols.units.lyophilization import (
    Anneal,
    Evacuate,
    Fill,
    Formulate,
    Freeze,
    PrimaryDrying,
    Ramped,
    SecondaryDrying,
    glass_temperature,
    solids,
)
from vesiflow.line_profile import FreezeDryer

FROZEN_MARGIN = 5.0
EDGE = 1.5
"""Vials at the edge of the shelf get up to this share of a centre vial's heat."""
FULL = 0.6
MELTING = -2.0
FAST = 0.3 / 60
FEWER = 0.9


def vials(plan: Plan) -> Iterator[Finding]:
    """Number and filling of the vials."""
    for step, fill in plan.of(Fill):
        place, volume = (*step.path, "vials"), inside(fill.fill_volume, "m^3")
        yield from _filled(plan, step, fill)
        dryer = plan.profile.lyophilization
        if dryer is None:
            continue
        if fill.vials > dryer.places:
            yield plan.error(place, f"{fill.vials} vials on {dryer.places} places")
        if volume > FULL * dryer.vial_volume:
            yield plan.error((*step.path, "fill_volume"), f"{ml(volume)} in vials of {ml(dryer.vial_volume)}")


def _filled(plan: Plan, step: Step, fill: Fill) -> Iterator[Finding]:
    """As many vials are filled as the bulk gives: never more than it can be, hardly fewer than planned."""
    if fill.source not in step.site.stock:
        return
    place, needed = (*step.path, "vials"), fill.vials * inside(fill.fill_volume, "m^3")
    makes = [formulate for _, formulate in plan.of(Formulate) if formulate.product == fill.source]
    largest = inside(makes[0].max_volume, "m^3") if makes else step.site.holds(fill.source).volume
    expected = fill.expected(step.site)
    if largest < needed * (1 - 1e-9):
        yield plan.error(place, f"{ml(needed)} for {fill.vials} vials; '{fill.source}' holds {ml(largest)} at most")
    elif expected < FEWER * fill.vials:
        yield plan.warning(place, f"the particles expected make about {expected} of {fill.vials} vials")


def programmes(plan: Plan) -> Iterator[Finding]:
    """Temperatures, ramps and pressures against the freeze-dryer."""
    dryer = plan.profile.lyophilization
    if dryer is None:
        return
    for step, operation in plan.of(Ramped):
        temperature, ramp = operation.target()
        place = (*step.path, "temperature")
        if not dryer.shelf_min <= temperature <= dryer.shelf_max:
            reach = f"{dryer.shelf_min:g} to {dryer.shelf_max:g} degC"
            yield plan.error(place, f"{temperature:g} degC; the shelf reaches {reach}")
        else:
            yield from plan.within(place, "shelf", temperature, "lyophilization.shelf", "temperature", "degC|degC")
        if ramp > dryer.max_ramp * (1 + 1e-9):
            fast, most = show_value(ramp, "K/s", "K/min"), show_value(dryer.max_ramp, "K/s", "K/min")
            yield plan.error((*step.path, "ramp"), f"{fast}; the shelf follows {most} at most")
    for step in plan.steps:
        if isinstance(step.operation, Evacuate | PrimaryDrying | SecondaryDrying):
            yield from _pressure(plan, step, inside(step.operation.pressure, "Pa"), dryer)


def _pressure(plan: Plan, step: Step, pressure: float, dryer: FreezeDryer) -> Iterator[Finding]:
    place = (*step.path, "pressure")
    if pressure < dryer.min_pressure * (1 - 1e-9):
        shown, least = (show_value(p, "Pa", "mtorr") for p in (pressure, dryer.min_pressure))
        yield plan.error(place, f"{shown}; the pump reaches {least}")
    yield from plan.within(place, "pressure", pressure, "lyophilization.vacuum", "pressure", "Pa|mtorr")


def freezing(plan: Plan) -> Iterator[Finding]:
    """Solid before the vacuum; annealed between glass and melting."""
    for step, freeze in plan.of(Freeze):
        content = step.site.holds(VIALS)
        if content.volume <= 0:
            continue
        glass, temperature = glass_temperature(content), freeze.target()[0]
        place = (*step.path, "temperature")
        if temperature > glass:
            above = f"above the glass transition of the freeze concentrate (Tg' about {glass:.1f} degC)"
            yield plan.error(place, f"{temperature:g} degC is {above}: it stays liquid")
        elif temperature > glass - FROZEN_MARGIN:
            near = f"less than {FROZEN_MARGIN:g} K below Tg' ({glass:.1f} degC)"
            yield plan.warning(place, f"{temperature:g} degC is {near}")
    for step, anneal in plan.of(Anneal):
        content = step.site.holds(VIALS)
        if content.volume > 0 and not glass_temperature(content) < anneal.target()[0] < MELTING:
            between = f"Tg' ({glass_temperature(content):.1f} degC) and melting ({MELTING:g} degC)"
            yield plan.error((*step.path, "temperature"), f"annealing works between {between}")


def collapse(plan: Plan) -> Iterator[Finding]:
    """The warmest ice of primary drying against the collapse temperature of the cake."""
    for step, drying in plan.of(PrimaryDrying):
        if plan.profile.lyophilization is not None and step.site.holds(VIALS).volume > 0:
            yield from _collapse(plan, step, drying, plan.profile.lyophilization)


def _collapse(plan: Plan, step: Step, drying: PrimaryDrying, dryer: FreezeDryer) -> Iterator[Finding]:
    procedure: Any = step.site.procedure
    vial = Vial.of(dryer.vial_area, procedure.fill_volume, solids(step.site.holds(VIALS)))
    shelf, pressure = drying.target()[0], inside(drying.pressure, "Pa")
    limit, margin = drying.collapse(step.site), inside(drying.margin, "K")
    centre, edge = (primary_drying(vial, shelf, pressure, share) for share in (1.0, EDGE))
    if centre is None or edge is None:
        ice = f"ice at {show_value(pressure, 'Pa', 'mtorr')} is warmer than the shelf at {shelf:g} degC"
        yield plan.error((*step.path, "pressure"), f"nothing sublimes: {ice}")
        return
    warmest = f"{centre.warmest:.1f} degC (edge vials {edge.warmest:.1f} degC)"
    told = f"the ice reaches {warmest}, collapse is at {limit:.1f} degC"
    if edge.warmest > limit:
        yield plan.error((*step.path, "temperature"), told)
    elif edge.warmest > limit - margin:
        yield plan.warning((*step.path, "temperature"), f"{told}: less than the margin of {margin:g} K")
    longest = inside(drying.max_duration, "s")
    if centre.duration > longest:
        hours = f"drying takes about {centre.duration / 3600:.0f} h, at most {longest / 3600:.0f} h are allowed"
        yield plan.error((*step.path, "max_duration"), hours)
    if inside(drying.min_duration, "s") > longest:
        yield plan.error((*step.path, "min_duration"), "is longer than max_duration")


def condensers(plan: Plan) -> Iterator[Finding]:
    """Ice against the condenser's capacity, its temperature against the chamber pressure."""
    for step, evacuate in plan.of(Evacuate):
        pressure, cold = inside(evacuate.pressure, "Pa") / TORR, inside(evacuate.condenser, "degC")
        ratio = vapour_pressure(cold) / pressure
        if ratio >= 1:
            ice = f"at {cold:g} degC ice stands at {vapour_pressure(cold) * 1e3:.0f} mTorr"
            told = f"{ice}: the chamber cannot come to {pressure * 1e3:.0f} mTorr"
            yield plan.error((*step.path, "condenser"), told)
        elif ratio >= 0.7:
            yield plan.warning((*step.path, "condenser"), f"{cold:g} degC is hardly colder than the ice in the vials")
    dryer = plan.profile.lyophilization
    for step, fill in plan.of(Fill):
        water = fill.vials * inside(fill.fill_volume, "m^3") * 1000
        if dryer is not None and water > dryer.condenser_capacity:
            told = f"{water:.2g} kg of water; the condenser takes {dryer.condenser_capacity:g} kg"
            yield plan.error((*step.path, "vials"), told)


def secondary(plan: Plan) -> Iterator[Finding]:
    """Warm enough to desorb, slowly enough not to pass the rising glass transition."""
    for step, drying in plan.of(SecondaryDrying):
        procedure: Any = step.site.procedure
        temperature, ramp = drying.target()
        if temperature <= procedure.dried_at:
            told = f"is not warmer than primary drying ({procedure.dried_at:g} degC)"
            yield plan.error((*step.path, "temperature"), told)
        if ramp > FAST:
            shown = show_value(ramp, "K/s", "K/min")
            yield plan.warning((*step.path, "ramp"), f"{shown} may overtake the glass transition of the drying cake")


def bulks(plan: Plan) -> Iterator[Finding]:
    """Formulation against the deck and the vials."""
    deck = plan.profile.deck
    for step, formulate in plan.of(Formulate):
        most, held = inside(formulate.max_volume, "m^3"), step.site.holds(formulate.source).volume
        place = (*step.path, "max_volume")
        if formulate.source in step.site.stock and held > most:
            yield plan.error(place, f"'{formulate.source}' already holds {ml(held)}, more than {ml(most)}")
        if deck is None:
            continue
        for position, needed in (("pool", held), ("bulk", most), ("buffer", max(most - held, 0.0))):
            room = deck.reservoirs.get(position)
            if room is not None and needed > room:
                yield plan.error(place, f"{ml(needed)} in deck position '{position}', which takes {ml(room)}")


CHECKS = (vials, programmes, freezing, collapse, condensers, secondary, bulks)
