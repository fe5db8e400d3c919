"""Recipe text to master recipe: all errors at once, each with file, line, path and reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from protocols import yaml_tree
from protocols.model import Origin, Path, Recipe
from protocols.parameters import nested_model
from vesiflow.errors import ConfigError

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a recipe."""

    file: str
    line: int
    path: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}: {where}{self.reason}"


class LoadError(ConfigError):
    """A recipe that cannot be used: one line a problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.path)))
        super().__init__("\n".join(map(str, self.problems)))


def packaged() -> list[str]:
    """Names of the recipes that come with vesiflow."""
    folder = resources.files("protocols") / "recipes"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load(name_or_path: str) -> Recipe:
    """A packaged recipe by name or a file by path; LoadError or ConfigError when it cannot be used."""
    if name_or_path in packaged():
        source = resources.files("protocols") / "recipes" / f"{name_or_path}.yaml"
        return loads(source.read_text(encoding="utf-8"), f"{name_or_path}.yaml")
    path = FilePath(name_or_path)
    if not path.exists():
        close = difflib.get_close_matches(name_or_path, packaged(), n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ConfigError(
            f"recipe '{name_or_path}' is neither a file nor a packaged recipe",
            remedy=f"{hint}packaged are {', '.join(packaged())}",
        )
    return loads(_text(path), str(path))


def loads(text: str, file: str = "<recipe>") -> Recipe:
    """A recipe from its text; `file` is what messages call it. LoadError lists everything that is wrong."""
    try:
        tree = yaml_tree.read(text)
    except yaml_tree.Unreadable as stop:
        raise LoadError([Problem(file, stop.line, written(stop.path), stop.reason)]) from None
    problems = [Problem(file, line, written(path), reason) for line, path, reason in tree.problems]
    if not isinstance(tree.data, dict):
        raise LoadError([*problems, Problem(file, 1, "", "a recipe is a mapping that begins with `recipe: name`")])
    origin = Origin(file, text, tree.lines)
    try:
        recipe = Recipe.model_validate(tree.data)
    except ValidationError as error:
        raise LoadError([*problems, *_problems(error, origin)]) from None
    if problems:
        raise LoadError(problems)
    return recipe.read_from(origin)


def written(path: Path) -> str:
    """A path as people write it: procedure[0].tff.shear."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _text(path: FilePath) -> str:
    try:
        if path.is_file() and path.stat().st_size > yaml_tree.MAX_BYTES:
            raise LoadError([Problem(str(path), 1, "", "larger than 1 MiB; no recipe is that long")])
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise LoadError([Problem(str(path), line, "", "not UTF-8 text")]) from None
    except OSError as error:
        raise LoadError([Problem(str(path), 1, "", f"cannot be read: {error.strerror or error}")]) from None


def _problems(error: ValidationError, origin: Origin) -> Iterable[Problem]:
    for detail in error.errors(include_url=False):
        path: Path = tuple(part for part in detail["loc"] if part != "[key]")
        yield Problem(origin.file, origin.line(path), written(path), _reason(detail, path))


def _reason(detail: Any, path: Path) -> str:
    """One line a technician understands for a pydantic error."""
    kind, given = detail["type"], detail["input"]
    shown = repr(given) if isinstance(given, str | int | float) else ""
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "...'"
    got = f" (got {shown})" if shown else ""
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return f"unknown key{_suggestion(path)}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"must be a mapping{got}"
    if kind in ("tuple_type", "list_type"):
        return f"must be a list{got}"
    if kind == "too_short":
        return "must not be empty"
    if kind.startswith("int_"):
        return f"must be a whole number{got}"
    if kind.startswith("float_") or kind == "finite_number":
        return f"must be a finite number{got}"
    if kind == "string_type":
        return f"must be text{got}" if given is not None else "is empty"
    message: str = detail["msg"].removeprefix("Value error, ")
    return message if kind in ("quantity", "value_error") else f"{message[:1].lower()}{message[1:]}{got}"


def _suggestion(path: Path) -> str:
    allowed = _keys(path[:-1])
    close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known here: {', '.join(allowed)}" if allowed else ""


def _keys(path: Path) -> list[str]:
    """The keys a recipe may have at `path`."""
    model: type[BaseModel] | None = Recipe
    for part in path:
        if isinstance(part, str) and model is not None and part in model.model_fields:
            model = nested_model(model.model_fields[part].annotation)
    return list(model.model_fields) if model is not None else []
