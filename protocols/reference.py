"""The reference part of the recipe documentation, written from the models so that it cannot go stale."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from pydantic import BaseModel

from protocols.assays import ASSAYS
from protocols.check import CHECKS
from protocols.materials import LIQUIDS
from protocols.model import HoldTime, Material, Source, UnitProcedure
from protocols.parameters import Parameter, nested_model, parameters
from protocols.release import CRITERIA
from protocols.units.tff import TffOperation
from vesiflow.quantities import convert

SHARED = ("sample", "approve")


def reference() -> str:
    """Everything below the marker of docs/recipes.md, as markdown."""
    parts = [*_head(), *_units(), *_words(), *_checks()]
    return "\n".join(parts).rstrip() + "\n"


def _head() -> Iterator[str]:
    for title, model, prefix in (
        ("Source", Source, "source."),
        ("Material", Material, "material."),
        ("Hold times", HoldTime, "hold_times."),
    ):
        yield from (f"### {title}", "", _text(model), "")
        yield from _table(prefix)


def _units() -> Iterator[str]:
    for unit, field in UnitProcedure.model_fields.items():
        model = nested_model(field.annotation)
        assert model is not None
        yield from (f"### Unit procedure `{unit}`", "", _text(model), "")
        yield from _table(f"{unit}.", depth=2)
        for name, inner in model.model_fields.items():
            block = nested_model(inner.annotation)
            if block is None:
                continue
            if name == "operations":
                yield from _operations(unit, block)
            else:
                yield from (f"#### `{name}`", "", _text(block), "")
                yield from _table(f"{unit}.{name}.")
    yield from ("### Operations of every unit", "")
    for name in SHARED:
        yield from _shared(name)


def _operations(unit: str, model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name not in SHARED:
            operation = nested_model(field.annotation)
            assert operation is not None
            yield from (f"#### `{unit}`: `{name}`", "", _text(operation), "")
            yield from _table(f"{unit}.{name}.")


def _shared(name: str) -> Iterator[str]:
    operation = nested_model(TffOperation.model_fields[name].annotation)
    assert operation is not None
    yield from (f"#### `{name}`", "", _text(operation), "")
    yield from _table(f"tff.{name}.")


def _table(prefix: str, depth: int = 0) -> Iterator[str]:
    rows = [item for name, item in parameters().items() if name.startswith(prefix)]
    rows = [item for item in rows if not depth or item.name.count(".") < depth]
    if not rows:
        yield from ("No parameters.", "")
        return
    yield "| parameter | allowed | default | criticality | why |"
    yield "|---|---|---|---|---|"
    for item in rows:
        yield _row(item)
    yield ""


def _row(item: Parameter) -> str:
    name = item.name.rsplit(".", 1)[1]
    default = "required" if item.required else item.default or ""
    return f"| `{name}` | {item.allowed} | {default} | {item.criticality} | {item.why} |"


def _words() -> Iterator[str]:
    yield from ("### Liquids", "", "| name | conductivity | collapse | contents |", "|---|---|---|---|")
    for liquid in LIQUIDS.values():
        conductivity = f"{convert(liquid.conductivity, 'S/m', 'mS/cm'):.3g} mS/cm"
        yield f"| `{liquid.name}` | {conductivity} | {liquid.collapse:g} degC | {liquid.contents} |"
    yield from ("", "### Assays", "", "| name | result | unit |", "|---|---|---|")
    yield from (f"| `{name}` | {what} | {unit} |" for name, (what, unit) in ASSAYS.items())
    yield from ("", "### Release criteria", "", "| name | what | unit |", "|---|---|---|")
    yield from (f"| `{name}` | {what} | {unit or '1'} |" for name, (unit, what) in CRITERIA.items())
    yield ""


def _checks() -> Iterator[str]:
    yield from ("## Checks", "", "What `vesiflow check` looks at:", "")
    for subject, checks in CHECKS.items():
        yield from (f"**{subject}**", "")
        yield from (f"- {inspect.getdoc(check)}" for check in checks)
        yield ""


def _text(model: type[BaseModel]) -> str:
    return (inspect.getdoc(model) or "").split("\n\n")[0]
