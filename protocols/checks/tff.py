"""TFF: volumes against vessels and hold-up, shear and pressure against the membrane, flows against the pumps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from protocols.checks.plan import Finding, Plan, ml, show_value
from protocols.fields import inside
from protocols.resolve import Step
from protocols.stock import RESERVOIR
from protocols.units.tff import (
    GEL_CONCENTRATION,
    Clean,
    Concentrate,
    Diafilter,
    Dilute,
    Filtration,
    Flush,
    Load,
    Membrane,
    Recover,
)
from vesiflow.documents import Place
from vesiflow.line_profile import TffSkid

VISCOSITY = 1e-3
SPARE_BUFFER = 1.2
CONVERSION = 0.4
HOLD_UP_MARGIN = 1.5


def membranes(plan: Plan) -> Iterator[Finding]:
    """Geometry that fits together; settings of the procedure against the limits of its membrane."""
    for place, procedure in plan.units("tff"):
        at, membrane = (*place, "membrane"), procedure.membrane
        given = membrane.fibre_length
        computed = inside(membrane.area, "m^2") / (membrane.fibres * math.pi * inside(membrane.lumen, "m"))
        if not 0.95 <= given / computed <= 1.05:
            shown = show_value(computed, "m", "cm")
            yield plan.error(at, f"area, fibres and lumen give a length of {shown}, not {show_value(given, 'm', 'cm')}")
        if membrane.length is None and not 0.05 <= computed <= 2.0:
            shown = show_value(computed, "m", "cm")
            yield plan.error(at, f"area, fibres and lumen give fibres of {shown}; no module is built like that")


def filtrations(plan: Plan) -> Iterator[Finding]:
    """Shear, pressure and flows of every filtering operation."""
    for step, operation in plan.of(Filtration):
        procedure: Any = step.site.procedure
        site: Any = step.site
        flow, tmp, flux = operation.drive(site)
        shear = inside(operation.setting(site, "shear"), "1/s")
        membrane = procedure.membrane
        yield from _shear(plan, _where(step, "shear"), shear, membrane)
        yield from _pressure(plan, _where(step, "tmp"), tmp, shear, membrane)
        yield from _flows(plan, step, flow, flux * inside(membrane.area, "m^2"))


def recoveries(plan: Plan) -> Iterator[Finding]:
    """Recovery shear against the membrane and feed pump."""
    for step, operation in plan.of(Recover):
        site: Any = step.site
        shear = inside(operation.shear, "1/s")
        yield from _shear(plan, (*step.path, "shear"), shear, site.procedure.membrane)
        flow = site.procedure.membrane.flow(shear)
        yield from plan.within((*step.path, "shear"), "feed flow", flow, "tff.feed_pump", "flow", "m^3/s|mL/min")


def vessels(plan: Plan) -> Iterator[Finding]:
    """Volumes against reservoir, permeate vessel, buffer bottle and hold-up."""
    skid = plan.profile.tff
    if skid is None:
        return
    permeate = 0.0
    for step in plan.steps:
        if isinstance(step.operation, Load):
            permeate = 0.0
        permeate += _permeate(step)
        yield from _permeate_fits(plan, step, permeate, skid)
        yield from _vessel(plan, step, skid)


def _where(step: Step, name: str) -> Place:
    """The operation's own value when it has one, else the procedure's."""
    own = getattr(step.operation, name) is not None
    return (*step.path, name) if own else (*step.path[:3], name)


def _shear(plan: Plan, place: Place, shear: float, membrane: Membrane) -> Iterator[Finding]:
    limit = inside(membrane.max_shear, "1/s")
    if shear > limit * (1 + 1e-9):
        yield plan.error(place, f"shear of {shear:.0f} 1/s is above the membrane's limit of {limit:.0f} 1/s")


def _pressure(plan: Plan, place: Place, tmp: float, shear: float, membrane: Membrane) -> Iterator[Finding]:
    limit = inside(membrane.max_tmp, "Pa")
    shown = show_value(tmp, "Pa", "psi")
    if tmp > limit * (1 + 1e-9):
        yield plan.error(place, f"TMP of {shown} is above the membrane's limit of {show_value(limit, 'Pa', 'psi')}")
    drop = 2 * VISCOSITY * membrane.fibre_length * shear / (inside(membrane.lumen, "m") / 2)
    if tmp < drop / 2:
        least = show_value(drop / 2, "Pa", "psi")
        yield plan.warning(place, f"the pressure drop along the fibres alone gives a TMP of {least}, above {shown}")
    yield from plan.within(place, "TMP", tmp, "tff.retentate_pressure", "pressure", "Pa|psi")


def _flows(plan: Plan, step: Step, feed: float, permeate: float) -> Iterator[Finding]:
    shear, flux = _where(step, "shear"), _where(step, "max_flux")
    yield from plan.within(shear, "feed flow", feed, "tff.feed_pump", "flow", "m^3/s|mL/min")
    yield from plan.within(flux, "permeate flow", permeate, "tff.permeate_pump", "flow", "m^3/s|mL/min")
    if isinstance(step.operation, Diafilter):
        yield from plan.within(flux, "buffer flow", permeate, "tff.buffer_pump", "flow", "m^3/s|mL/min")
    if permeate > CONVERSION * feed:
        share = permeate / feed if feed else math.inf
        yield plan.warning(flux, f"{share:.0%} of the feed would leave as permeate; fibres run dry above 40 %")


def _permeate(step: Step) -> float:
    before = step.site.holds(RESERVOIR).volume
    if isinstance(step.operation, Concentrate):
        return max(before - inside(step.operation.to, "m^3"), 0.0)
    return step.operation.volumes * before if isinstance(step.operation, Diafilter) else 0.0


def _permeate_fits(plan: Plan, step: Step, permeate: float, skid: TffSkid) -> Iterator[Finding]:
    added = _permeate(step)
    if permeate > skid.permeate_vessel >= permeate - added:
        room = ml(skid.permeate_vessel)
        yield plan.error(step.path, f"{ml(permeate)} of permeate by the end of it; the permeate vessel takes {room}")


def _vessel(plan: Plan, step: Step, skid: TffSkid) -> Iterator[Finding]:
    operation, volume = step.operation, step.site.holds(RESERVOIR).volume
    if isinstance(operation, Load):
        amount = operation.amount(step.site)
        if amount > skid.reservoir:
            yield plan.error(step.path, f"loads {ml(amount)} into a reservoir of {ml(skid.reservoir)}")
    elif isinstance(operation, Concentrate):
        yield from _target(plan, step, operation, volume, skid)
    elif isinstance(operation, Diafilter):
        needed = SPARE_BUFFER * operation.volumes * volume
        yield from _buffer(plan, (*step.path, "volumes"), needed, operation.buffer, skid)
        yield from _above_hold_up(plan, step.path, volume, skid)
    elif isinstance(operation, Dilute):
        added = operation.added(step.site)
        yield from _buffer(plan, (*step.path, "by"), SPARE_BUFFER * added, operation.buffer, skid)
        if volume + added > skid.reservoir:
            yield plan.error((*step.path, "by"), f"{ml(volume + added)} in a reservoir of {ml(skid.reservoir)}")
    elif isinstance(operation, Flush | Clean):
        amount = inside(operation.volume, "m^3")
        what = operation.buffer if isinstance(operation, Flush) else operation.agent
        yield from _buffer(plan, (*step.path, "volume"), SPARE_BUFFER * amount, what, skid)
        if amount > skid.reservoir:
            yield plan.error((*step.path, "volume"), f"{ml(amount)} in a reservoir of {ml(skid.reservoir)}")


def _target(plan: Plan, step: Step, operation: Concentrate, volume: float, skid: TffSkid) -> Iterator[Finding]:
    place, target = (*step.path, "to"), inside(operation.to, "m^3")
    if volume and target >= volume:
        yield plan.error(place, f"concentrates to {ml(target)}, but only {ml(volume)} are in the reservoir")
    yield from _above_hold_up(plan, place, target, skid)
    after = step.after[RESERVOIR]
    protein = after.protein / target
    if protein >= GEL_CONCENTRATION:
        yield plan.error(place, f"{protein:.0f} g/L of protein would form a gel (at {GEL_CONCENTRATION:.0f} g/L)")


def _above_hold_up(plan: Plan, place: Place, volume: float, skid: TffSkid) -> Iterator[Finding]:
    if 0 < volume <= skid.hold_up:
        yield plan.error(place, f"{ml(volume)} is not above the hold-up of {ml(skid.hold_up)}: the loop draws air")
    elif 0 < volume < HOLD_UP_MARGIN * skid.hold_up:
        yield plan.warning(place, f"{ml(volume)} is close to the hold-up of {ml(skid.hold_up)}")


def _buffer(plan: Plan, place: Place, needed: float, name: str, skid: TffSkid) -> Iterator[Finding]:
    if needed > skid.buffer_vessel:
        room = ml(skid.buffer_vessel)
        yield plan.error(place, f"needs {ml(needed)} of {name} with a fifth to spare; the buffer bottle takes {room}")


CHECKS = (membranes, filtrations, recoveries, vessels)
