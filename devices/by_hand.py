"""A method of a role as a person writes and reads it: arguments with units in, results with units out.

What an argument or a result measures is taken from the types of the capability (`devices/roles.py`), else from those
of the driver's own method.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias, get_args, get_type_hints

from devices.commands import Kind, declared
from devices.readings import Quality, Reading
from devices.roles import CAPABILITIES
from vesiflow.errors import ConfigError
from vesiflow.quantities import Dimension, parse, show

Hint: TypeAlias = Any
Row = tuple[str, str]

_YES_NO = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
_PRIMITIVES: Mapping[Any, str] = {str: "text", int: "number", float: "number", bool: "yes/no"}


@dataclasses.dataclass(frozen=True, slots=True)
class Method:
    """One method that can be called by hand: its command class, its parameters with their types, what it gives."""

    name: str
    kind: Kind
    parameters: tuple[tuple[str, Hint], ...]
    returns: Hint

    @property
    def usage(self) -> str:
        """How it is written: `set_flow FLOW`."""
        return " ".join([self.name, *(_written(name, hint) for name, hint in self.parameters)])


def methods(target: object, capability: str) -> dict[str, Method]:
    """What `target`, the object behind a role, can be asked by hand, by name."""
    found = {}
    for name in sorted(dir(type(target))):
        own = getattr(type(target), name)  # of the class: a property is not evaluated
        how = None if name.startswith("_") else declared(own)
        if how is not None:
            hints = _hints(getattr(CAPABILITIES[capability], name, own))
            returns = hints.pop("return", None)
            found[name] = Method(name, how.kind, tuple(hints.items()), returns)
    return found


def _hints(method: Any) -> dict[str, Hint]:
    try:
        return get_type_hints(method, include_extras=True)
    except NameError:  # a driver from outside with types that exist only for a type checker
        return {}


def arguments(method: Method, texts: Sequence[str]) -> tuple[Any, ...]:
    """The arguments of `method` in the inside units; ConfigError that shows how it is written."""
    if len(method.parameters) == 1 and dataclasses.is_dataclass(method.parameters[0][1]):
        return (_record(method, method.parameters[0][1], texts),)
    if len(texts) != len(method.parameters):
        raise ConfigError("other arguments are needed", action=method.name, value=" ".join(texts) or "none",
                          bounds=method.usage)  # fmt: skip
    return tuple(_value(method, name, hint, text) for (name, hint), text in zip(method.parameters, texts, strict=True))


def _record(method: Method, kind: Any, texts: Sequence[str]) -> Any:
    """A dataclass from `field=value` texts."""
    hints = get_type_hints(kind, include_extras=True)
    given = dict(text.partition("=")[::2] for text in texts)
    needed = {field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}
    if not needed <= set(given) <= set(hints):
        raise ConfigError("other fields are needed", action=method.name, value=", ".join(given) or "none",
                          bounds=method.usage)  # fmt: skip
    return kind(**{name: _value(method, name, hints[name], text) for name, text in given.items()})


def _value(method: Method, name: str, hint: Hint, text: str) -> Any:
    dimension = _dimension(hint)
    try:
        if dimension is not None:
            return parse(text, dimension.unit)
        if hint is bool:
            return _YES_NO[text.lower()]
        if hint in _PRIMITIVES:
            return _finite(hint(text))
    except (ValueError, KeyError):
        kind, example = (dimension.name, dimension.example) if dimension else (_PRIMITIVES[hint],) * 2
        raise ConfigError(
            f"not a {kind} for {name}", action=method.name, value=repr(text), remedy=f"write it like {example!r}"
        ) from None
    raise ConfigError(f"{name} cannot be given by hand", action=method.name, remedy="run it in a recipe")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    return value


def rows(hint: Hint, value: Any, digits: int = 6, name: str = "") -> Iterator[Row]:
    """`value` as (name, text with unit) rows; a reading that is no number says why instead."""
    dimension = _dimension(hint)
    if isinstance(value, Reading):
        yield name, _reading(value, dimension, digits)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = get_type_hints(type(value), include_extras=True)
        for field in dataclasses.fields(value):
            yield from rows(hints[field.name], getattr(value, field.name), digits, _joined(name, field.name))
    elif isinstance(value, Mapping):
        item = (*get_args(hint), Any, Any)[1]
        for key, entry in value.items():
            yield from rows(item, entry, digits, _joined(name, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        item = (*get_args(hint), Any)[0]
        yield name, ", ".join(text for entry in value for _, text in rows(item, entry, digits)) or "none"
    else:
        yield name, _plain(value, dimension, digits)


def _reading(reading: Reading, dimension: Dimension | None, digits: int) -> str:
    if not reading.usable:
        return str(reading.quality)
    unsettled = "" if reading.quality is Quality.GOOD else f" ({reading.quality})"
    return _plain(reading.value, dimension, digits) + unsettled


def _plain(value: Any, dimension: Dimension | None, digits: int) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return show(value, dimension.unit if dimension else "", dimension.display if dimension else "", digits)
    return "-" if value is None else str(value.value if isinstance(value, Enum) else value)


def _joined(*names: str) -> str:
    return " ".join(part.replace("_", " ") for part in names if part)


def _dimension(hint: Hint) -> Dimension | None:
    return next((extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Dimension)), None)


def _written(name: str, hint: Hint) -> str:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return " ".join(f"{field.name}=..." for field in dataclasses.fields(hint))
    return name.upper()
