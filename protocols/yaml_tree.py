"""Recipe text to plain data with line numbers, from YAML's event stream.

Only what a recipe needs is understood: mappings, lists and text, where every scalar stays the text that was
written (so `1.10` is a version, `5e9` a number, `no` a word) and only an empty one is None. Anchors, aliases, tags,
several documents, duplicate keys, deep nesting and large files are refused: reading stops early and says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_BYTES = 2**20
MAX_DEPTH = 20
MAX_VALUES = 20_000

Path = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """Reading stopped at `line` for `reason`."""

    def __init__(self, line: int, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.line, self.path, self.reason = line, path, reason


@dataclass(slots=True)
class Tree:
    """Data, the line of every path, and what was wrong but did not stop the reading: (line, path, reason)."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[tuple[int, Path, str]] = field(default_factory=list)


def read(text: str) -> Tree:
    """The data in `text`; Unreadable when it is no YAML of the plain kind."""
    reader = _Reader(text)
    return reader.document()


class _Reader:
    """Recursive descent over events, at most MAX_DEPTH deep."""

    def __init__(self, text: str) -> None:
        self.tree = Tree()
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self.values = 0
        self.line = 1

    def document(self) -> Tree:
        """The one document of the text."""
        start = self._next(())
        while isinstance(start, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            start = self._next(())
        if not isinstance(start, yaml.StreamEndEvent):
            self.tree.data = self._value(start, ())
            self._end()
        return self.tree

    def _end(self) -> None:
        while not isinstance(event := self._next(()), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                raise Unreadable(self.line, (), "a second document begins; one recipe a file")

    def _next(self, path: Path) -> Any:
        try:
            event = next(self.events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else self.line
            raise Unreadable(line, path, f"not YAML: {error.problem or error.context}") from None
        except yaml.YAMLError as error:
            raise Unreadable(self.line, path, f"not YAML: {' '.join(str(error).split())}") from None
        self.line = event.start_mark.line + 1
        return event

    def _value(self, event: Any, path: Path) -> Any:
        self._refuse(event, path)
        self.tree.lines.setdefault(path, self.line)
        if isinstance(event, yaml.ScalarEvent):
            return None if event.style in (None, "") and event.value in ("", "~", "null") else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _refuse(self, event: Any, path: Path) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise Unreadable(self.line, path, f"more than {MAX_VALUES} values; no recipe is that long")
        if len(path) > MAX_DEPTH:
            raise Unreadable(self.line, path[:3], f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(self.line, path, f"alias '*{event.anchor}'; write the value out")
        if event.anchor is not None:
            raise Unreadable(self.line, path, f"anchor '&{event.anchor}'; write the value where it is used")
        if event.tag is not None:
            raise Unreadable(self.line, path, f"tag '{event.tag}'; recipes hold plain values")

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(path), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := self._next(path), yaml.MappingEndEvent):
            key, line = self._key(event, path), self.line
            inner = (*path, key)
            first = self.tree.lines.setdefault(inner, line)
            value = self._value(self._next(inner), inner)
            if key in items:
                self.tree.problems.append((line, inner, f"written twice, first in line {first}"))
            else:
                items[key] = value
        return items

    def _key(self, event: Any, path: Path) -> str:
        self._refuse(event, path)
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(self.line, path, "a key must be a word")
        return str(event.value)
