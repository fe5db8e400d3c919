"""Other values in a recipe: "concentrate.to=15..30 mL" finds the parameter, `varied` gives the recipe with others.

A path is written like in messages (`procedure[0].tff.operations[3].concentrate.to`); any end of it that fits one place
only is enough. A parameter that the recipe leaves to its default can be varied too.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from protocols.load import loads
from protocols.model import Recipe
from protocols.parameters import dimension_of, nested_model
from vesiflow.documents import Place, dotted
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse_range

_SPEC = re.compile(r"\s*([^=\s]+)\s*=\s*(.+?)\s*")
_ENDS = re.compile(r"([-+\d.eE]+?)\s*\.\.\s*([-+\d.eE]+)\s*(.*)")
_SHOWN = 5


@dataclass(frozen=True)
class Variation:
    """A parameter at `place` between `low` and `high` in `unit` (as the person wrote it); `whole` for counts."""

    place: Place
    low: float
    high: float
    unit: str
    whole: bool = False

    @property
    def path(self) -> str:
        """As messages write it."""
        return dotted(self.place)

    def value(self, share: float) -> float:
        """At `share` (0-1) of the way from low to high; a count has equal room for each of its values."""
        if self.whole:
            return float(min(int(self.low + share * (self.high - self.low + 1.0)), int(self.high)))
        return float(f"{self.low + share * (self.high - self.low):.6g}")

    def written(self, value: float) -> str:
        """As a recipe says it."""
        return f"{value:.6g} {self.unit}".rstrip() if not self.whole else str(int(value))


def variation(recipe: Recipe, text: str) -> Variation:
    """The variation that `text` ("PATH=LOW..HIGH") asks for; ConfigError says what is wrong with it."""
    match = _SPEC.fullmatch(text)
    if not match:
        raise ConfigError("is not PATH=LOW..HIGH", device=repr(text), remedy="write it like concentrate.to='15..30 mL'")
    place = find(recipe, match[1])
    field = _field(place)
    if field is None:
        raise ConfigError("is no parameter", device=dotted(place), remedy="see `vesiflow recipe parameters`")
    return _ranged(place, field, match[2])


def _ranged(place: Place, field: FieldInfo, text: str) -> Variation:
    dimension, whole = dimension_of(field), field.annotation in (int, int | None)
    if dimension is None and not whole and field.annotation not in (float, float | None):
        raise ConfigError("is a word and has no range", device=dotted(place))
    unit = dimension.unit if dimension else ""
    ends = _ENDS.fullmatch(text)
    try:
        parse_range(text, unit)  # says what is wrong with number, unit or order
    except ValueError as error:
        raise ConfigError(str(error), device=dotted(place)) from None
    if ends is None:
        raise ConfigError("is not LOW..HIGH", device=dotted(place), value=repr(text))
    low, high = float(ends[1]), float(ends[2])
    if low == high:
        raise ConfigError("has the same value at both ends", device=dotted(place), value=repr(text))
    if whole and not (low.is_integer() and high.is_integer()):
        raise ConfigError("is a count: both ends must be whole numbers", device=dotted(place), value=repr(text))
    return Variation(place, low, high, ends[3], whole)


def find(recipe: Recipe, path: str) -> Place:
    """The one place whose path ends in `path`; ConfigError when there is none or more than one."""
    places = {dotted(place): place for place in _places(recipe.document.data)}
    places |= {f"{dotted(parent)}.{name}": (*parent, name) for parent, name in _unwritten(recipe.document.data)}
    found = [full for full in places if full == path or full.endswith(f".{path}") or full.endswith(f"]{path}")]
    if len(found) == 1 or path in places:
        return places[path] if path in places else places[found[0]]
    if found:
        shown = ", ".join(found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
        raise ConfigError("fits more than one place", device=path, value=shown, remedy="write more of the path")
    ends = {full.rsplit(".", path.count(".") + 1)[-1] if "." in full else full for full in places}
    close = difflib.get_close_matches(path, [*places, *ends, *(".".join(f.split(".")[-2:]) for f in places)], n=1)
    hint = f"did you mean {close[0]}?" if close else "see `vesiflow recipe parameters`"
    raise ConfigError("is no path of this recipe", device=path, remedy=hint)


def varied(recipe: Recipe, values: Mapping[Place, str]) -> Recipe:
    """The recipe with other values, read as if somebody had written them; LoadError when it refuses them."""
    data = copy.deepcopy(recipe.document.data)
    for place, text in values.items():
        at = data
        for part in place[:-1]:
            at = at[part]
        at[place[-1]] = text
    return loads(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), recipe.document.file)


def _places(data: Any, place: Place = ()) -> Iterator[Place]:
    """Every single value that is written."""
    if isinstance(data, dict):
        for name, item in data.items():
            yield from _places(item, (*place, name))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _places(item, (*place, index))
    else:
        yield place


def _unwritten(data: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Parameters that mappings of the recipe leave to their defaults: (mapping, name)."""
    if isinstance(data, dict):
        model = _model(place)
        for name, field in model.model_fields.items() if model is not None and place else ():
            if name not in data and nested_model(field.annotation) is None:
                yield place, name
        for name, item in data.items():
            yield from _unwritten(item, (*place, name))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _unwritten(item, (*place, index))


def _field(place: Place) -> FieldInfo | None:
    """The field of the models at `place`; None for what is no single parameter."""
    model, name = _model(place[:-1]), place[-1]
    if model is None or not isinstance(name, str):
        return None
    field = model.model_fields.get(name)
    return field if field is not None and nested_model(field.annotation) is None else None


def _model(place: Place) -> type[BaseModel] | None:
    """The model of the mapping at `place`."""
    model: type[BaseModel] | None = Recipe
    named = False  # the next part is a name in a dictionary of models, not a field
    for part in place:
        if isinstance(part, int):
            continue
        if named:
            named = False
            continue
        field = model.model_fields.get(part) if model is not None else None
        if field is None:
            return None
        model, named = nested_model(field.annotation), get_origin(field.annotation) is dict
    return None if named else model
