"""YAML documents from people: read strictly, with the line of every value kept for messages.

Duplicate keys, anchors, aliases and tags are refused, so are files above 1 MiB or nested deeper than 32 levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from vesiflow.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_VALUES = 20_000

Place = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"
_NOTHING = ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document: where and why."""

    file: str
    line: int
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path or '-'}: {self.reason}"


class DocumentError(ConfigError):
    """A document with all its problems, one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Document:
    """Plain data with the line number of every value."""

    file: str
    text: str
    data: Any
    lines: Mapping[Place, int]
    duplicates: tuple[Problem, ...] = ()

    def line(self, place: Place) -> int:
        """Line of `place`, or of the nearest place above it that the file has."""
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        return self.lines.get(known, 1)

    def problem(self, place: Place, reason: str) -> Problem:
        """`reason` at `place`, or at the nearest place above it that the file has."""
        return Problem(self.file, self.line(place), dotted(place), reason)


def dotted(place: Place) -> str:
    """("species", 1, "sieving") -> "species[1].sieving"."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(path: Path) -> Document:
    """The document in `path`; DocumentError with the line when it is no acceptable YAML."""
    return parse(text_of(path), str(path))


def text_of(path: Path) -> str:
    """The text in `path`; DocumentError when it cannot be read, is too large or no UTF-8."""
    try:
        if path.exists() and not path.is_file():
            raise DocumentError([Problem(str(path), 1, "", "is not a file; give the path of a YAML file")])
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError([Problem(str(path), 1, "", error.strerror or "cannot be read")]) from error
    if len(raw) > MAX_BYTES:
        raise DocumentError([Problem(str(path), 1, "", f"larger than {MAX_BYTES} bytes")])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DocumentError([Problem(str(path), line, "", "is not UTF-8 text; save it as UTF-8")]) from error


def parse(text: str, file: str) -> Document:
    """The document in `text`; `file` is what messages call it."""
    document = scan(text, file)
    if document.duplicates:
        raise DocumentError(document.duplicates)
    return document


def scan(text: str, file: str, *, words: bool = False) -> Document:
    """The document in `text` with its duplicate keys noted instead of raised.

    With `words` every scalar stays the text that was written (`1.10` is a version, `no` a word); an empty one is None.
    Read from the event stream, so that a hostile file is refused where it becomes one, not after it was understood.
    """
    return _Reader(text, file, words).document()


def problems(error: ValidationError, document: Document, at: Place = ()) -> list[Problem]:
    """A pydantic error as problems of `document`, its locations below `at`."""
    return [document.problem((*at, *_place(item["loc"])), _reason(item)) for item in error.errors()]


def _place(location: tuple[str | int, ...]) -> Place:
    return tuple(part for part in location if not (isinstance(part, str) and part.startswith(("function-", "tagged-"))))


def _reason(item: Mapping[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return "unknown key"
    if item["type"] == "missing":
        return "is missing"
    message = str(item["msg"]).removeprefix("Value error, ")
    return message[0].lower() + message[1:]


class _Reader:
    """Recursive descent over YAML events, at most MAX_DEPTH deep, noting lines and duplicate keys."""

    def __init__(self, text: str, file: str, words: bool) -> None:
        self.text, self.file, self.words = text, file, words
        self.lines: dict[Place, int] = {}
        self.duplicates: list[Problem] = []
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self.scalars: Any = yaml.SafeLoader("")
        self.values = 0
        self.line = 1

    def document(self) -> Document:
        """The one document of the text."""
        data = None
        event = self._next(())
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next(())
        if not isinstance(event, yaml.StreamEndEvent):
            data = self._value(event, ())
            while not isinstance(event := self._next(()), yaml.StreamEndEvent):
                if isinstance(event, yaml.DocumentStartEvent):
                    raise self._stop((), "a second document begins; write one a file")
        return Document(self.file, self.text, data, self.lines, tuple(self.duplicates))

    def _stop(self, place: Place, reason: str) -> DocumentError:
        return DocumentError([Problem(self.file, self.line, dotted(place[:8]), reason)])

    def _next(self, place: Place) -> Any:
        try:
            event = next(self.events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.line = mark.line + 1 if mark else self.line
            raise self._stop(place, error.problem or "is not YAML") from error
        except yaml.YAMLError as error:
            raise self._stop(place, "is not YAML") from error
        self.line = event.start_mark.line + 1
        return event

    def _value(self, event: Any, place: Place) -> Any:
        self._refuse(event, place)
        self.lines.setdefault(place, self.line)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        return self._mapping(place)

    def _refuse(self, event: Any, place: Place) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise self._stop(place, f"more than {MAX_VALUES} values")
        if len(place) > MAX_DEPTH:
            raise self._stop(place, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._stop(place, "anchors and aliases are not allowed")
        if event.tag is not None:
            raise self._stop(place, f"tags are not allowed (got {event.tag})")

    def _scalar(self, event: Any, place: Place) -> Any:
        plain = not event.style
        if self.words:
            return None if plain and event.value in _NOTHING else event.value
        tag = self.scalars.resolve(yaml.ScalarNode, event.value, (True, False)) if plain else _TEXT
        try:
            return self.scalars.construct_object(yaml.ScalarNode(tag, event.value))
        except (yaml.YAMLError, ValueError) as error:
            raise self._stop(place, f"{event.value!r} is no value") from error

    def _sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(place), yaml.SequenceEndEvent):
            items.append(self._value(event, (*place, len(items))))
        return items

    def _mapping(self, place: Place) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := self._next(place), yaml.MappingEndEvent):
            self._refuse(event, place)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._stop(place, "a key must be a word")
            key, line = str(event.value), self.line
            inner = (*place, key)
            first = self.lines.setdefault(inner, line)
            value = self._value(self._next(inner), inner)
            if key in items:
                self.duplicates.append(Problem(self.file, line, dotted(inner), f"key twice, first in line {first}"))
            else:
                items[key] = value
        return items
