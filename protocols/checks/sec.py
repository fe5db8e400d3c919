"""SEC: load against the column, window and fractions against the tubes, flow and pressure against pump and bed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from protocols.checks.plan import Finding, Plan, ml, show_value
from protocols.fields import inside
from protocols.resolve import Step
from protocols.units.sec import Elute, Flowing, Inject, Pool
from vesiflow.line_profile import SecSkid

VOID = 0.33
"""Column volumes at which what is excluded leaves."""
PROTEINS = 0.6
"""Column volumes at which soluble protein begins to leave."""


def columns(plan: Plan) -> Iterator[Finding]:
    """The bed the recipe was written for against the line's, pressure against both."""
    skid = plan.profile.sec
    if skid is None:
        return
    for place, procedure in plan.units("sec"):
        if procedure.column is not None:
            for name, own in (("diameter", skid.column_diameter), ("length", skid.column_length)):
                wanted = inside(getattr(procedure.column, name), "m")
                if abs(wanted - own) > 0.02 * own:
                    shown, has = show_value(wanted, "m", "mm"), show_value(own, "m", "mm")
                    yield plan.error((*place, "column", name), f"{shown} is wanted, the line's column has {has}")
        pressure = inside(procedure.max_pressure, "Pa")
        if pressure > skid.max_pressure * (1 + 1e-9):
            most = show_value(skid.max_pressure, "Pa", "bar")
            shown = show_value(pressure, "Pa", "bar")
            yield plan.error((*place, "max_pressure"), f"{shown} is more than the column stands ({most})")
        yield from plan.within((*place, "max_pressure"), "pressure limit", pressure, "sec.pump", "pressure", "Pa|bar")


def flows(plan: Plan) -> Iterator[Finding]:
    """Every flow against the pump."""
    if plan.profile.sec is None:
        return
    for step, operation in plan.of(Flowing):
        site: Any = step.site
        own = operation.velocity is not None
        place = (*step.path, "velocity") if own else (*step.path[:3], "velocity")
        yield from plan.within(place, "flow", operation.flow(site), "sec.pump", "flow", "m^3/s|mL/min")


def loads(plan: Plan) -> Iterator[Finding]:
    """Injected volume against load limit and sample loop."""
    skid = plan.profile.sec
    if skid is None:
        return
    for step, operation in plan.of(Inject):
        volume = operation.amount(step.site)
        place = (*step.path, "volume")
        share = volume / skid.column_volume
        if share > skid.load_fraction * (1 + 1e-6):
            most = ml(skid.load_fraction * skid.column_volume)
            yield plan.error(
                place, f"{ml(volume)} is {share:.1%} of the bed; at most {skid.load_fraction:.1%} ({most}) separate"
            )
        if volume > skid.sample_loop:
            yield plan.error(place, f"{ml(volume)} into a sample loop of {ml(skid.sample_loop)}")
        left = step.site.holds(operation.source).volume - volume
        if operation.source in step.site.stock and left > 0.1 * volume:
            yield plan.warning(place, f"{ml(left)} stay behind in '{operation.source}'")


def windows(plan: Plan) -> Iterator[Finding]:
    """Collection window and fractions."""
    skid = plan.profile.sec
    if skid is None:
        return
    for step, operation in plan.of(Elute):
        yield from _window(plan, step, operation)
        yield from _fractions(plan, step, operation, skid)
    for step, pool in plan.of(Pool):
        eluted = [op for before, op in plan.of(Elute) if before.number == step.number]
        if eluted and inside(pool.max_volume, "m^3") < inside(eluted[0].fraction, "m^3"):
            most, one = ml(inside(pool.max_volume, "m^3")), ml(inside(eluted[0].fraction, "m^3"))
            yield plan.error((*step.path, "max_volume"), f"{most} is less than one fraction of {one}")


def _window(plan: Plan, step: Step, operation: Elute) -> Iterator[Finding]:
    start, end = operation.collect_from, operation.collect_to
    opens, closes = (*step.path, "collect_from"), (*step.path, "collect_to")
    if start >= end:
        yield plan.error(opens, f"the window opens at {start:g} CV and closes at {end:g} CV")
    if end > operation.volumes:
        yield plan.error(closes, f"{end:g} CV is after the end of elution ({operation.volumes:g} CV)")
    if end <= VOID:
        yield plan.error(closes, f"closes before the void volume of about {VOID} CV: nothing leaves")
    elif start > VOID:
        yield plan.error(opens, f"opens after the void volume of about {VOID} CV: vesicles are lost")
    if end > PROTEINS:
        yield plan.warning(closes, f"soluble protein begins to leave at about {PROTEINS} CV")


def _fractions(plan: Plan, step: Step, operation: Elute, skid: SecSkid) -> Iterator[Finding]:
    count, volume = operation.fractions(skid), inside(operation.fraction, "m^3")
    if count > skid.tubes:
        yield plan.error((*step.path, "fraction"), f"the window takes {count} fractions; there are {skid.tubes} tubes")
    if volume > skid.tube_volume:
        yield plan.error((*step.path, "fraction"), f"{ml(volume)} into tubes of {ml(skid.tube_volume)}")


CHECKS = (columns, flows, loads, windows)
