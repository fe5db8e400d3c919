"""Consumables, hold times, and whether the batch can meet its own release criteria."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from protocols.checks.plan import Finding, Plan
from protocols.control import Criterion
from protocols.fields import inside
from protocols.stock import VIALS, Content
from protocols.units.common import Sample
from protocols.units.electroporation import Collect, Prepare
from protocols.units.lyophilization import Fill, Formulate

ASSAY_OF: Mapping[str, str] = {
    "particles": "particles",
    "particles_per_dose": "particles",
    "overall_yield": "particles",
    "particles_per_ug": "protein",
    "size": "size",
    "residual_moisture": "moisture",
    "recovery": "recovery",
    "tetraspanins": "tetraspanins",
    "negative_markers": "negative_markers",
    "potency": "potency",
    "cargo_protected": "cargo_protected",
}
"""Criterion -> the assay without which it cannot be judged."""


def tips(plan: Plan) -> Iterator[Finding]:
    """Tips of every unit procedure against one filling of the deck."""
    if plan.profile.deck is None:
        return
    needed: dict[int, int] = {}
    for step in plan.steps:
        if isinstance(step.operation, Prepare):
            needed[step.number] = needed.get(step.number, 0) + 2 * step.operation.wells
        elif isinstance(step.operation, Collect):
            wells = sum(op.wells for other, op in plan.of(Prepare) if other.number == step.number)
            needed[step.number] = needed.get(step.number, 0) + wells
        elif isinstance(step.operation, Formulate | Fill):
            needed[step.number] = needed.get(step.number, 0) + 2
    for number, count in needed.items():
        if count > plan.profile.deck.tips:
            place = ("procedure", number - 1, plan.recipe.procedure[number - 1].name)
            yield plan.error(place, f"needs {count} tips; the deck holds {plan.profile.deck.tips}")


def hold_times(plan: Plan) -> Iterator[Finding]:
    """What lies between must fit into the hold time."""
    durations: dict[int, float] = {}
    for step in plan.steps:
        if any(hold.after < step.number < hold.before for hold in plan.recipe.hold_times):
            spent = sum(duration for _, duration in step.operation.expand(step.site))
            durations[step.number] = durations.get(step.number, 0.0) + spent
    for index, hold in enumerate(plan.recipe.hold_times):
        between = sum(spent for number, spent in durations.items() if hold.after < number < hold.before)
        if between > inside(hold.limit, "s"):
            hours = between / 3600
            yield plan.error(("hold_times", index, "limit"), f"what lies between takes about {hours:.1f} h")


def assays(plan: Plan) -> Iterator[Finding]:
    """Criteria that no sample of the recipe can answer."""
    measured = {assay for _, sample in plan.of(Sample) for assay in sample.assays}
    for criterion in plan.recipe.release.criteria():
        assay = ASSAY_OF.get(criterion.name)
        if assay and assay not in measured:
            yield plan.error(("release", criterion.name), f"no sample measures {assay}; the criterion cannot be judged")


def expectations(plan: Plan) -> Iterator[Finding]:
    """Expected doses, particles and purity against the release criteria."""
    final = plan.steps[-1].after if plan.steps else {}
    fills = [fill for _, fill in plan.of(Fill)]
    content = _final(final, bool(fills))
    doses = sum(fill.expected(step.site) for step, fill in plan.of(Fill))
    for criterion in plan.recipe.release.criteria():
        expected = _expected(criterion.name, content, doses)
        if expected is not None and not _met(criterion, expected):
            wanted = f"{criterion.relation} {criterion.value:.3g}"
            place = ("release", criterion.name)
            if criterion.name == "doses" and sum(fill.vials for fill in fills) < criterion.value:
                yield plan.error(place, f"{doses} vials are filled, {wanted} are wanted")
            else:
                yield plan.warning(place, f"about {expected:.2g} is to be expected, {wanted} is wanted")


def _final(stock: Mapping[str, Content], vials: bool) -> Content | None:
    """The vials; without any, the richest bottle at the end."""
    if vials:
        return stock.get(VIALS)
    return max(stock.values(), key=lambda content: content.particles, default=None)


def _expected(name: str, content: Content | None, doses: int) -> float | None:
    if name == "doses":
        return float(doses)
    if content is None or content.particles <= 0:
        return None
    if name == "particles":
        return content.particles
    if name == "particles_per_dose" and doses:
        return content.particles / doses
    if name == "particles_per_ug":
        return content.particles_per_kg * 1e-9
    return None


def _met(criterion: Criterion, value: float) -> bool:
    return value >= criterion.value if criterion.relation == ">=" else value <= criterion.value


CHECKS = (tips, hold_times, assays, expectations)
