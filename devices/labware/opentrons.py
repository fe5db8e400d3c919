"""Our labware as Opentrons definitions (schema 2), the JSON that a robot, its App and `opentrons` load.

Lengths there are mm from the left front bottom corner, `z` is the inside bottom of a well, volumes uL.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from devices.labware.definition import Definition, well_names

NAMESPACE = "vesiflow"
VERSION = 1
_CATEGORY = {"plate": "wellPlate", "vials": "tubeRack", "cuvettes": "tubeRack", "tubes": "tubeRack"}
_QUIRKS = {"plate": [], "vials": [], "cuvettes": [], "tubes": []}  # type: dict[str, list[str]]


@lru_cache(maxsize=1)
def standard() -> frozenset[str] | None:
    """Names of the labware that Opentrons defines; None where its package, an extra, is not installed.

    They are read from the names of its folders: importing it costs seconds.
    """
    spec = find_spec("opentrons_shared_data")
    places = spec.submodule_search_locations if spec else None
    found = [Path(place) / "data" / "labware" / "definitions" for place in places or ()]
    return frozenset(path.name for folder in found for path in folder.glob("[23]/*")) or None


def schema2(definition: Definition) -> dict[str, Any]:
    """The definition as JSON data."""
    names = well_names(definition.columns, definition.rows)
    ordering = [list(names[start : start + definition.rows]) for start in range(0, len(names), definition.rows)]
    return {
        "schemaVersion": 2,
        "namespace": NAMESPACE,
        "version": VERSION,
        "ordering": ordering,
        "brand": {"brand": "vesiflow", "brandId": []},
        "metadata": {
            "displayName": definition.title + (" (provisional)" if definition.provisional else ""),
            "displayCategory": _CATEGORY[definition.category],
            "displayVolumeUnits": "µL" if definition.capacity < 1e-6 else "mL",
            "tags": [],
        },
        "dimensions": dict(zip(("xDimension", "yDimension", "zDimension"), map(_mm, definition.size), strict=True)),
        "wells": {name: _well(definition, name) for name in names},
        "groups": [
            {
                "metadata": {"wellBottomShape": definition.bottom},
                "wells": list(names),
            }
        ],
        "parameters": {
            "format": "96Standard" if (definition.columns, definition.rows) == (12, 8) else "irregular",
            "isTiprack": False,
            "isMagneticModuleCompatible": False,
            "quirks": _QUIRKS[definition.category],
            "loadName": definition.name,
        },
        "cornerOffsetFromSlot": {"x": 0, "y": 0, "z": 0},
    }


def _well(definition: Definition, name: str) -> dict[str, Any]:
    x, y = definition.wells[name]
    size = definition.well_size
    shape = (
        {"shape": "circular", "diameter": _mm(size[0])}
        if definition.shape == "circle"
        else {"shape": "rectangular", "xDimension": _mm(size[0]), "yDimension": _mm(size[1])}
    )
    volume = round(definition.capacity * 1e9, 6)
    place = {"x": _mm(x), "y": _mm(y), "z": _mm(definition.floor), "depth": _mm(definition.depth)}
    return {**shape, **place, "totalLiquidVolume": volume}


def _mm(length: float) -> float:
    return round(length * 1e3, 4)
