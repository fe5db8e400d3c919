"""Reading faults: the catalogue, and files that people write; errors name file and line."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.faults import product, wet, wires
from sim.faults.model import Entry, Fault
from sim.faults.settings import read_setting, wrong
from vesiflow.documents import Document, DocumentError, Place, problems, read
from vesiflow.errors import ConfigError

LOADED = (product, wet, wires)
"""Modules whose injectors are in the table once they are imported."""


@cache
def catalogue() -> Mapping[str, Entry]:
    """All entries by id; DocumentError when the data file is wrong."""
    with as_file(files("sim.faults") / "catalogue.yaml") as path:
        document = read(path)
    return {name: _entry(document, name, data) for name, data in (document.data or {}).items()}


def _entry(document: Document, name: str, data: Mapping[str, Any]) -> Entry:
    faults = tuple(
        _fault(document, {"id": name, **one}, (name, "faults", number))
        for number, one in enumerate(data.get("faults", ()))
    )
    try:
        return Entry.model_validate({**data, "id": name, "faults": faults})
    except ValidationError as error:
        raise DocumentError(problems(error, document, (name,))) from None


def load(file: Path) -> tuple[Fault, ...]:
    """The faults of a fault file: a list of {id, level, what, when, settings}; DocumentError naming lines."""
    document = read(file)
    if not isinstance(document.data, list) or not document.data:
        raise DocumentError([document.problem((), "is not a list of faults")])
    found = [_fault(document, item, (number,)) for number, item in enumerate(document.data)]
    names = [one.id for one in found]
    twice = [number for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise DocumentError([document.problem((number, "id"), f"{names[number]} is there twice") for number in twice])
    return tuple(found)


def find(name: str) -> tuple[Fault, ...]:
    """The faults of a catalogue entry, or of a fault file when `name` ends in .yaml."""
    if name.endswith((".yaml", ".yml")):
        return load(Path(name))
    entry = catalogue().get(name)
    if entry is None:
        raise ConfigError(f"no such fault: {name!r}", remedy="see `vesiflow faults list`, or give a .yaml file")
    if not entry.faults:
        raise ConfigError(f"{name} is no fault of a running batch", remedy=f"see `vesiflow faults run {name}`")
    return entry.faults


def _fault(document: Document, data: Any, place: Place) -> Fault:
    """One fault with its settings in inside units."""
    try:
        fault = Fault.model_validate(data)
    except ValidationError as error:
        raise DocumentError(problems(error, document, place)) from None
    found = list(wrong(fault))
    if found:
        raise DocumentError(document.problem((*place, *inside), reason) for inside, reason in found)
    settings = {name: read_setting(fault, name, value) for name, value in fault.settings.items()}
    return fault.model_copy(update={"settings": settings}).written(document, place)
