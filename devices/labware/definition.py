"""Labware of our own as plain numbers: the one source of PyLabRobot resources and Opentrons definitions.

Lengths are m, volumes m^3. Wells are named as on a plate ("A1" at the back left) and counted column by column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vesiflow import quantities as q
from vesiflow.documents import DocumentError, parse, problems

ROWS = "ABCDEFGHIJKLMNOP"
FILE = "own.yaml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class WellModel(_Section):
    """`size` is diameter or sides; `floor` the inside bottom above the deck, `wall` what is below it."""

    shape: Literal["circle", "box"]
    size: tuple[q.Length, q.Length]
    floor: q.Length
    depth: q.Length
    wall: q.Length
    bottom: Literal["flat", "u", "v"]
    capacity: q.Volume
    fill: q.Volume | None = None


class LabwareModel(_Section):
    """One entry of the file."""

    title: str
    category: Literal["plate", "vials", "cuvettes", "tubes"]
    source: str
    provisional: bool
    size: tuple[q.Length, q.Length, q.Length]
    columns: int = Field(ge=1, le=24)
    rows: int = Field(ge=1, le=16)
    first: tuple[q.Length, q.Length]
    pitch: tuple[q.Length, q.Length]
    well: WellModel


@dataclass(frozen=True, slots=True)
class Definition:
    """A labware: `size` of its box, and `wells` whose centres are from its left front bottom corner (m).

    `capacity` is to the brim, `fill` what may be put in; `provisional` until somebody has measured it.
    """

    name: str
    title: str
    category: str
    source: str
    provisional: bool
    size: tuple[float, float, float]
    columns: int
    rows: int
    pitch: tuple[float, float]
    shape: str
    well_size: tuple[float, float]
    floor: float
    depth: float
    wall: float
    bottom: str
    capacity: float
    fill: float
    wells: Mapping[str, tuple[float, float]]


@lru_cache(maxsize=1)
def definitions() -> Mapping[str, Definition]:
    """All labware of our own by name; DocumentError when the packaged file is wrong."""
    document = parse((files(__package__) / FILE).read_text(encoding="utf-8"), FILE)
    try:
        return {name: _definition(name, LabwareModel.model_validate(item)) for name, item in document.data.items()}
    except ValidationError as error:
        raise DocumentError(problems(error, document)) from error


def well_names(columns: int, rows: int) -> tuple[str, ...]:
    """ "A1", "B1" ... column by column."""
    return tuple(f"{ROWS[row]}{column}" for column in range(1, columns + 1) for row in range(rows))


def _definition(name: str, model: LabwareModel) -> Definition:
    size = tuple(_m(length) for length in model.size)
    first, pitch = (_m(model.first[0]), _m(model.first[1])), (_m(model.pitch[0]), _m(model.pitch[1]))
    well = model.well
    capacity = q.inside(well.capacity, "m^3")
    return Definition(
        name=name,
        title=model.title,
        category=model.category,
        source=model.source,
        provisional=model.provisional,
        size=(size[0], size[1], size[2]),
        columns=model.columns,
        rows=model.rows,
        pitch=pitch,
        shape=well.shape,
        well_size=(_m(well.size[0]), _m(well.size[1])),
        floor=_m(well.floor),
        depth=_m(well.depth),
        wall=_m(well.wall),
        bottom=well.bottom,
        capacity=capacity,
        fill=capacity if well.fill is None else q.inside(well.fill, "m^3"),
        wells={
            f"{ROWS[row]}{column + 1}": (first[0] + column * pitch[0], size[1] - first[1] - row * pitch[1])
            for column in range(model.columns)
            for row in range(model.rows)
        },
    )


def _m(length: q.Quantity) -> float:
    return q.inside(length, "m")
