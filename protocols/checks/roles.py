"""The line has what the recipe needs: units, roles, and limits on everything that moves or heats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from protocols.checks.plan import Finding, Plan

ROLES: Mapping[str, tuple[str, ...]] = {
    "tff": (
        "feed_pump", "permeate_pump", "buffer_pump", "recovery_pump", "pressures", "retentate_pressure",
        "retentate_balance", "permeate_balance", "conductivity",
    ),
    "sec": ("pump", "injection_valve", "selector_valve", "conductivity", "uv", "collector"),
    "electroporation": ("electroporator", "conductivity", "liquid_handler"),
    "lyophilization": ("shelf", "vacuum", "condenser", "product_centre", "product_edge", "liquid_handler"),
}  # fmt: skip
"""Unit -> roles its phases ask for; every unit also asks `line.operator`."""

LIMITS: Mapping[str, tuple[str, ...]] = {
    "tff.feed_pump": ("flow",),
    "tff.permeate_pump": ("flow",),
    "tff.buffer_pump": ("flow",),
    "tff.recovery_pump": ("flow",),
    "tff.retentate_pressure": ("pressure",),
    "sec.pump": ("flow", "pressure"),
    "electroporation.electroporator": ("voltage",),
    "lyophilization.shelf": ("temperature",),
    "lyophilization.vacuum": ("pressure",),
}
"""Roles a recipe sends values to, and the limits the line must state for them."""


def roles(plan: Plan) -> Iterator[Finding]:
    """Missing units, roles and limits, each named where it is first needed."""
    seen: set[str] = set()
    for index, entry in enumerate(plan.recipe.procedure):
        place = ("procedure", index, entry.name)
        if entry.name not in seen:
            if getattr(plan.profile, entry.name) is None:
                yield plan.error(place, f"line '{plan.profile.name}' has no {entry.name} unit")
            needed = [*(f"{entry.name}.{role}" for role in ROLES[entry.name]), "line.operator"]
            for role in needed:
                if role not in seen:
                    yield from _role(plan, place, role)
            seen.update(needed)
        seen.add(entry.name)


def _role(plan: Plan, place: tuple[str | int, ...], role: str) -> Iterator[Finding]:
    if role not in plan.profile.roles:
        yield plan.error(place, f"line '{plan.profile.name}' has no role {role}")
        return
    for argument in LIMITS.get(role, ()):
        if argument not in plan.profile.roles[role]:
            yield plan.error(place, f"line '{plan.profile.name}' states no limits on the {argument} of {role}")
