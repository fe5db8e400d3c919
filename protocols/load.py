"""Recipe text to master recipe: all errors at once, each with file, line, path and reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from protocols.model import Recipe
from protocols.parameters import nested_model
from vesiflow.documents import Document, DocumentError, Place, Problem, scan, text_of
from vesiflow.errors import ConfigError

_SHOWN = 60


class LoadError(DocumentError):
    """A recipe that cannot be used: one line a problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.path)))


def packaged() -> list[str]:
    """Names of the recipes that come with vesiflow."""
    folder = resources.files("protocols") / "recipes"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load(name_or_path: str) -> Recipe:
    """A packaged recipe by name or a file by path; LoadError or ConfigError when it cannot be used."""
    if name_or_path in packaged():
        source = resources.files("protocols") / "recipes" / f"{name_or_path}.yaml"
        return loads(source.read_text(encoding="utf-8"), f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if not path.exists():
        close = difflib.get_close_matches(name_or_path, packaged(), n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ConfigError(
            f"recipe '{name_or_path}' is neither a file nor a packaged recipe",
            remedy=f"{hint}packaged are {', '.join(packaged())}",
        )
    try:
        return loads(text_of(path), str(path))
    except DocumentError as error:
        raise LoadError(error.problems) from None


def loads(text: str, file: str = "<recipe>") -> Recipe:
    """A recipe from its text; `file` is what messages call it. LoadError lists everything that is wrong."""
    try:
        document = scan(text, file, words=True)
    except DocumentError as error:
        raise LoadError(error.problems) from None
    if not isinstance(document.data, dict):
        reason = "a recipe is a mapping that begins with `recipe: name`"
        raise LoadError([*document.duplicates, document.problem((), reason)])
    try:
        recipe = Recipe.model_validate(document.data)
    except ValidationError as error:
        raise LoadError([*document.duplicates, *_problems(error, document)]) from None
    if document.duplicates:
        raise LoadError(document.duplicates)
    return recipe.read_from(document)


def _problems(error: ValidationError, document: Document) -> Iterable[Problem]:
    for detail in error.errors(include_url=False):
        place: Place = tuple(part for part in detail["loc"] if part != "[key]")
        yield document.problem(place, _reason(detail, place))


def _reason(detail: Any, path: Place) -> str:
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
    if kind.startswith("int_"):
        return f"must be a whole number{got}"
    if kind.startswith("float_") or kind == "finite_number":
        return f"must be a finite number{got}"
    if kind == "string_type":
        return f"must be text{got}" if given is not None else "is empty"
    message: str = detail["msg"].removeprefix("Value error, ")
    return message if kind in ("quantity", "value_error") else f"{message[:1].lower()}{message[1:]}{got}"


def _suggestion(path: Place) -> str:
    allowed = _keys(path[:-1])
    close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known here: {', '.join(allowed)}" if allowed else ""


def _keys(path: Place) -> list[str]:
    """The keys a recipe may have at `path`."""
    model: type[BaseModel] | None = Recipe
    for part in path:
        if isinstance(part, str) and model is not None and part in model.model_fields:
            model = nested_model(model.model_fields[part].annotation)
    return list(model.model_fields) if model is not None else []
