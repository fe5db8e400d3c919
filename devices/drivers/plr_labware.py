"""Our labware as PyLabRobot resources, from the same numbers as the Opentrons definitions.

PyLabRobot places a well by the left front corner of its box and by the outside of its bottom, in mm; volumes are uL.
"""

from __future__ import annotations

from pylabrobot.resources import Coordinate, ItemizedResource, Plate, Well
from pylabrobot.resources.well import CrossSectionType, WellBottomType

from devices.labware.definition import Definition, definitions, well_names
from vesiflow.errors import ConfigError

_BOTTOMS = {"flat": WellBottomType.FLAT, "u": WellBottomType.U, "v": WellBottomType.V}


def own_labware(kind: str, name: str) -> ItemizedResource:
    """The labware `kind` of our own under the deck name `name`; ConfigError when there is none of that kind."""
    known = definitions()
    if kind not in known:
        raise ConfigError("unknown labware", value=repr(kind), bounds=", ".join(known), remedy="mend the deck file")
    return resource(known[kind], name)


def resource(definition: Definition, name: str) -> ItemizedResource:
    """A plate or rack with its wells."""
    items = {well: _well(definition, well) for well in well_names(definition.columns, definition.rows)}
    kind = Plate if definition.category == "plate" else ItemizedResource
    x, y, z = (_mm(length) for length in definition.size)
    return kind(name=name, size_x=x, size_y=y, size_z=z, model=definition.name, ordered_items=items)


def _well(definition: Definition, name: str) -> Well:
    wall = _mm(definition.wall)
    width, length = (_mm(side) for side in definition.well_size)
    well = Well(
        name=name,
        size_x=width,
        size_y=length,
        size_z=_mm(definition.depth) + wall,
        bottom_type=_BOTTOMS[definition.bottom],
        cross_section_type=CrossSectionType.CIRCLE if definition.shape == "circle" else CrossSectionType.RECTANGLE,
        material_z_thickness=wall,
        max_volume=round(definition.capacity * 1e9, 6),
    )
    x, y = definition.wells[name]
    well.location = Coordinate(_mm(x) - width / 2, _mm(y) - length / 2, _mm(definition.floor) - wall)
    return well


def _mm(length: float) -> float:
    return round(length * 1e3, 4)
