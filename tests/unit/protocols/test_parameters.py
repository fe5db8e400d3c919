"""The parameter table covers every value of the models, and the documentation is what the models say."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from devices.roles import LINE_ROLES
from protocols import phases
from protocols.assays import ASSAYS
from protocols.checks.order import CLOSES, ENDS, NEEDS, ONCE, WISE
from protocols.checks.outcome import ASSAY_OF
from protocols.checks.roles import LIMITS, ROLES
from protocols.display import FIELDS, lines
from protocols.fields import CRITICAL, KEY, MONITORED
from protocols.model import Recipe, UnitProcedure
from protocols.parameters import nested_model, parameters
from protocols.reference import reference
from protocols.release import CRITERIA, Release
from vesiflow.quantities import parse

STRUCTURE = {"recipe", "release", "hold_times.after", "hold_times.before"}


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = nested_model(field.annotation)
        path = prefix if name in ("procedure", "operations") else f"{prefix}.{name}" if prefix else name
        if inner is None:
            yield path
        elif inner is not Release:
            yield from leaves(inner, path)


def test_every_value_has_a_range_a_criticality_and_a_reason() -> None:
    table = parameters()
    assert set(leaves(Recipe)) - set(table) <= STRUCTURE
    for item in table.values():
        assert item.criticality in (CRITICAL, KEY, MONITORED)
        assert len(item.why) > 5
        if item.low is not None and item.high is not None:
            assert item.low < item.high


def test_defaults_lie_within_their_ranges() -> None:
    checked = 0
    for item in parameters().values():
        if item.default is None or item.low is None or item.high is None:
            continue
        assert item.low <= parse(item.default, item.unit) <= item.high, item.name
        checked += 1
    assert checked > 25


def test_some_entries() -> None:
    shear = parameters()["tff.concentrate.shear"]
    assert (shear.allowed, shear.criticality, shear.required) == ("300 to 8000 1/s", "critical", False)
    assert parameters()["sec.inject.source"].allowed == "a name"
    assert parameters()["lyophilization.primary_drying.pressure"].unit == "Pa"


def operations(unit: str) -> set[str]:
    model = nested_model(UnitProcedure.model_fields[unit].annotation)
    assert model is not None
    entries = nested_model(model.model_fields["operations"].annotation)
    assert entries is not None
    return set(entries.model_fields)


@pytest.mark.parametrize("unit", list(UnitProcedure.model_fields))
def test_order_rules_name_operations_that_exist(unit: str) -> None:
    known = operations(unit)
    for table in (NEEDS, CLOSES, ENDS, ONCE, WISE):
        assert set(table.get(unit, {})) <= known
    assert {name for rules in NEEDS[unit].values() for name, _ in rules} <= known
    assert {name for name, _ in [*CLOSES[unit].values(), *WISE.get(unit, {}).values()]} <= known


def test_roles_are_roles_of_a_line() -> None:
    needed = {f"{unit}.{role}" for unit, names in ROLES.items() for role in names}
    assert needed | {"line.operator"} == set(LINE_ROLES)
    assert set(LIMITS) <= needed


def test_criteria_and_assays_agree() -> None:
    assert set(Release.model_fields) == set(CRITERIA)
    assert set(ASSAY_OF) <= set(CRITERIA)
    assert set(ASSAY_OF.values()) <= set(ASSAYS)


def test_every_number_of_a_phase_can_be_shown() -> None:
    numbers = {
        field.name
        for kind in [*phases.KINDS.values(), phases.Membrane, phases.Pulse]
        for field in dataclasses.fields(kind)
        if field.type == "float"
    }
    assert numbers == set(FIELDS)


def test_shown_values() -> None:
    assert dict(lines(phases.Freeze(-45.0, 0.5 / 60, 7200.0))) == {
        "temperature": "-45 degC", "ramp": "0.5 K/min", "duration": "2 h",
    }  # fmt: skip
    assert dict(lines(phases.Backfill(80e3))) == {"pressure": "80 kPa"}
    assert dict(lines(phases.LoadFeed("medium", 2e-3))) == {"source": "medium", "volume": "2000 mL"}
    assert dict(lines(phases.Sample("p", "b", ("size", "potency"))))["assays"] == "size, potency"


def test_the_documentation_is_what_the_models_say() -> None:
    script = Path(__file__).parents[3] / "docs" / "write_recipes.py"
    spec = importlib.util.spec_from_file_location("write_recipes", script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text(encoding="utf-8")
    assert module.written(page) == page, "run `python docs/write_recipes.py`"


def test_the_reference_names_every_operation() -> None:
    text = reference()
    for unit in UnitProcedure.model_fields:
        for name in operations(unit) - {"sample", "approve"}:
            assert f"`{unit}`: `{name}`" in text
