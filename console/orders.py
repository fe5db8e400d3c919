"""What commands that run a recipe have in common: names and texts to a checked control recipe."""

from __future__ import annotations

from dataclasses import dataclass

from devices.line_file import LineFile, load_line
from protocols.check import check, refuse
from protocols.control import ControlRecipe
from protocols.load import load
from protocols.resolve import resolve
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse


@dataclass(frozen=True)
class Checked:
    """A line and the control recipe for it."""

    line: LineFile
    recipe: ControlRecipe


def checked(recipe: str, line: str, volume: str | None) -> Checked:
    """Read and check everything; ConfigError with all problems at once."""
    file, master, size = load_line(line), load(recipe), batch_volume(volume)
    refuse(master, check(master, file.profile, volume=size))
    return Checked(file, resolve(master, file.profile, volume=size))


def batch_volume(text: str | None) -> float | None:
    """A batch size from the command line, m^3; ConfigError when it is no volume."""
    try:
        return None if text is None else parse(text, "m^3")
    except ValueError as error:
        raise ConfigError(str(error), action="--volume", remedy="write it like '1.5 L'") from None
