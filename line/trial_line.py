"""Short batches of one unit procedure, and the packaged line with what they need: where faults are tried."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import yaml

from devices.line_file import LineFile, line_from_text, load_line
from protocols.check import check, refuse
from protocols.control import ControlRecipe
from protocols.load import load
from protocols.resolve import resolve


def trial(name: str, changes: Mapping[str, Any] | None = None) -> tuple[LineFile, ControlRecipe, str]:
    """Line, control recipe and unit of trial `name`; ConfigError when the line, changed, does not fit the recipe."""
    path = recipe_path(name)
    unit = next(iter(yaml.safe_load(path.read_text(encoding="utf-8"))["procedure"][0]))
    line, master = trial_line(unit, changes), load(str(path))
    refuse(master, check(master, line.profile))
    return line, resolve(master, line.profile), unit


def recipe_path(name: str) -> Path:
    """The file of trial `name`."""
    with as_file(files("line") / "trials" / f"{name}.yaml") as path:
        return path


def trial_line(unit: str, changes: Mapping[str, Any] | None = None) -> LineFile:
    """The packaged simulated line with what `unit` needs, `changes` merged into the document."""
    data = yaml.safe_load(load_line("sim").text)
    roles = {name: role for name, role in data["roles"].items() if name.startswith((unit + ".", "line."))}
    used = {role["instrument"] for role in roles.values()}
    data["roles"] = roles
    data["instruments"] = {name: item for name, item in data["instruments"].items() if name in used}
    data["safe_state"] = {unit: data["safe_state"][unit]}
    return line_from_text(yaml.safe_dump(_merged(data, changes or {}), sort_keys=False))


def _merged(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(data)
    for name, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(out.get(name), Mapping)
        out[name] = _merged(out[name], value) if both else value
    return out
