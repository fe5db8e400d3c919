"""What is needed before a batch can start: names and texts to a checked control recipe for a line; nothing is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.line_file import LineFile, load_line, packaged
from line.deck_view import refuse_undoable
from protocols.check import check, refuse
from protocols.control import ControlRecipe
from protocols.load import load
from protocols.resolve import resolve
from protocols.vary import varied
from vesiflow.documents import Place
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse


@dataclass(frozen=True)
class Prepared:
    """A line and the control recipe for it."""

    line: LineFile
    recipe: ControlRecipe


def prepare(recipe: str, line: str, volume: float | None = None, values: Mapping[Place, str] | None = None) -> Prepared:
    """Read and check recipe, line and its decks; `volume` m^3 of the first material, `values` in place of the recipe's.

    ConfigError with all problems at once.
    """
    file, master = line_file(line), load(recipe)
    if values:
        master = varied(master, values)
    refuse(master, check(master, file.profile, volume=volume))
    control = resolve(master, file.profile, volume=volume)
    refuse_undoable(control, file)
    return Prepared(file, control)


def line_file(name: str) -> LineFile:
    """A packaged line by name, or a line file by path; ConfigError with all problems."""
    return load_line(name)


def is_packaged(line: str) -> bool:
    """Whether a line of this name comes with vesiflow."""
    return line in packaged()


def batch_volume(text: str | None) -> float | None:
    """A batch size as a person writes it, in m^3; ConfigError when it is no volume."""
    try:
        return None if text is None else parse(text, "m^3")
    except ValueError as error:
        raise ConfigError(str(error), action="batch volume", remedy="write it like '1.5 L'") from None
