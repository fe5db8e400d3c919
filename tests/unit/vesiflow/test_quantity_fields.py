"""Quantity types must work as pydantic fields in modules that do not import pint themselves."""

from __future__ import annotations

from pydantic import BaseModel

from vesiflow.quantities import Volume, inside


class Flask(BaseModel, extra="forbid", frozen=True):
    size: Volume


def test_a_model_resolves_its_quantity_fields_by_itself() -> None:
    assert abs(inside(Flask.model_validate({"size": "2 L"}).size, "m^3") - 2e-3) < 1e-12
