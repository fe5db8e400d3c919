"""Bottles: filled before they are emptied, holding enough, with liquids somebody described."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.checks.plan import Finding, Plan, ml
from protocols.fields import inside
from protocols.materials import LIQUIDS, names
from protocols.resolve import Step
from protocols.stock import PLACES
from protocols.units import electroporation, sec, tff
from protocols.units.common import Sample

ENOUGH = 1 - 1e-6


def bottles(plan: Plan) -> Iterator[Finding]:
    """Sources that are empty or too small, products that are places, liquids nobody knows."""
    for step in plan.steps:
        yield from _source(plan, step)
        yield from _product(plan, step)
        yield from _liquid(plan, step)
    for name, material in plan.recipe.material.items():
        if material.liquid not in LIQUIDS:
            yield plan.warning(("material", name, "liquid"), _unknown(material.liquid))


def demand(step: Step) -> float:
    """Volume the step takes from its source, m^3; 0 when it takes what is there."""
    op = step.operation
    if isinstance(op, tff.Load | sec.Inject):
        return inside(op.volume, "m^3") if op.volume is not None else 0.0
    if isinstance(op, electroporation.Prepare):
        return op.wells * inside(op.sample_volume, "m^3")
    return inside(op.volume, "m^3") if isinstance(op, Sample) else 0.0


def _source(plan: Plan, step: Step) -> Iterator[Finding]:
    source = getattr(step.operation, "source", None)
    if source is None:
        return
    place = (*step.path, "source")
    if source not in step.site.stock:
        filled = ", ".join(sorted(name for name in step.site.stock if name not in PLACES)) or "none"
        later = next((other for other in plan.steps if getattr(other.operation, "product", None) == source), None)
        when = f"it is filled later, in unit procedure {later.number}" if later else "nothing ever fills it"
        yield plan.error(place, f"bottle '{source}' is not there yet: {when}; filled by now: {filled}")
        return
    held, wanted = step.site.holds(source).volume, demand(step)
    if held < wanted * ENOUGH:
        yield plan.error(step.path, f"takes {ml(wanted)} from '{source}', which then holds about {ml(held)}")
    elif held <= 1e-12:
        yield plan.error(place, f"bottle '{source}' was emptied before")


def _product(plan: Plan, step: Step) -> Iterator[Finding]:
    product = getattr(step.operation, "product", None)
    if product is None:
        return
    place = (*step.path, "product")
    if product in PLACES:
        yield plan.error(place, f"'{product}' is a place on the line and no bottle; choose another name")
    elif product in step.site.stock and step.site.holds(product).volume > 1e-9:
        held = ml(step.site.holds(product).volume)
        yield plan.error(place, f"bottle '{product}' still holds {held}; products are never poured together")


def _liquid(plan: Plan, step: Step) -> Iterator[Finding]:
    for field, kind in (("buffer", "buffer"), ("agent", None)):
        name = getattr(step.operation, field, None)
        if name is None:
            continue
        liquid = LIQUIDS.get(name)
        if liquid is None:
            yield plan.warning((*step.path, field), _unknown(name))
        elif kind and liquid.kind != kind:
            allowed = ", ".join(names(kind))
            yield plan.error((*step.path, field), f"'{name}' must not touch product; buffers are {allowed}")


def _unknown(name: str) -> str:
    return f"'{name}' is not a described liquid and counts as PBS here; described are {', '.join(LIQUIDS)}"
