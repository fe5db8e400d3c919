"""Operations in an order that makes sense: what each one needs before it, and what must not be left open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from protocols.checks.plan import Finding, Plan
from protocols.model import UnitProcedure
from vesiflow.documents import Place

NEEDS: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = {
    "tff": {
        "flush": (("install_module", "there is no membrane to flush"),),
        "load": (("install_module", "there is no membrane module"),),
        "concentrate": (("load", "the reservoir is empty"),),
        "diafilter": (("load", "the reservoir is empty"),),
        "dilute": (("load", "the reservoir is empty"),),
        "recover": (("load", "the reservoir is empty"),),
        "clean": (("recover", "the product would be cleaned away"),),
    },
    "sec": {
        "inject": (("equilibrate", "the column stands in storage solution"),),
        "elute": (("inject", "nothing is on the column"),),
        "pool": (("elute", "there are no fractions"),),
    },
    "electroporation": {
        "pulse": (
            ("prepare", "the plate is empty"),
            ("chill", "warm wells conduct and heat more"),
            ("check_conductivity", "a salty sample arcs"),
        ),
        "chill": (("prepare", "the plate is empty"),),
        "rest": (("pulse", "there is nothing to recover from"),),
        "collect": (("pulse", "nothing was loaded"),),
    },
    "lyophilization": {
        "load": (("fill", "there are no vials"),),
        "freeze": (("load", "the shelf is empty"),),
        "anneal": (("freeze", "the product is liquid"),),
        "evacuate": (("freeze", "the product would boil"),),
        "primary_drying": (("freeze", "the product would boil"), ("evacuate", "the chamber is at atmosphere")),
        "secondary_drying": (("primary_drying", "ice is left and the cake would collapse"),),
        "backfill": (("primary_drying", "nothing is dry"),),
        "stopper": (("backfill", "the vials would take in air"),),
        "unload": (("stopper", "the vials are open"),),
    },
}
"""Unit -> operation -> (what must come before it, why)."""

CLOSES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "tff": {"load": ("recover", "what was loaded is never recovered")},
    "sec": {"inject": ("elute", "what was injected is never eluted"), "elute": ("pool", "the fractions stay in tubes")},
    "electroporation": {"pulse": ("collect", "the wells are never collected")},
    "lyophilization": {"load": ("unload", "the vials are never unloaded")},
}
"""Unit -> operation -> (what must come after it, why)."""

ENDS: Mapping[str, Mapping[str, str]] = {
    "tff": {"recover": "load"},
    "sec": {"elute": "inject", "wash": "equilibrate"},
}
"""Unit -> operation -> what it undoes: after a recovery the reservoir is empty again."""

ONCE: Mapping[str, Mapping[str, str]] = {
    "electroporation": {"prepare": "one plate a unit procedure", "pulse": "a sample is pulsed once"},
    "lyophilization": {"fill": "one load a unit procedure", "primary_drying": "the ice leaves once"},
}

WISE: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "tff": {"load": ("flush", "storage solution gets into the product and the permeability is not known")},
    "lyophilization": {"backfill": ("secondary_drying", "bound water stays in the cake")},
}
"""Unit -> operation -> (what should come before it, why)."""


def order(plan: Plan) -> Iterator[Finding]:
    """Wrong order within each unit procedure."""
    for index, entry in enumerate(plan.recipe.procedure):
        yield from _one(plan, ("procedure", index, entry.name), entry)


def _one(plan: Plan, place: Place, entry: UnitProcedure) -> Iterator[Finding]:
    needs, wise, once = NEEDS.get(entry.name, {}), WISE.get(entry.name, {}), ONCE.get(entry.name, {})
    done: list[str] = []
    names = [name for name, _ in entry.operations()]
    if not names:
        yield plan.error((*place, "operations"), "a unit procedure without operations")
    for position, name in enumerate(names):
        at = (*place, "operations", position, name)
        for before, why in needs.get(name, ()):
            if before not in done:
                late = "comes after it" if before in names[position:] else "is missing"
                yield plan.error(at, f"{name} needs {before} before it, which {late}: {why}")
        if name in wise and wise[name][0] not in done:
            yield plan.warning(at, f"no {wise[name][0]} before {name}: {wise[name][1]}")
        if name in once and name in done:
            yield plan.error(at, f"a second {name}: {once[name]}")
        yield from _left_open(plan, at, entry.name, name, names[position + 1 :])
        done.append(name)
        undone = ENDS.get(entry.name, {}).get(name)
        done = [other for other in done if other != undone]


def _left_open(plan: Plan, at: Place, unit: str, name: str, rest: list[str]) -> Iterator[Finding]:
    closing = CLOSES.get(unit, {}).get(name)
    if closing and closing[0] not in rest:
        yield plan.error(at, f"no {closing[0]} after {name}: {closing[1]}")
