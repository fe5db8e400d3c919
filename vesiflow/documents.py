"""YAML documents from people: read strictly, with the line of every value kept for messages.

Duplicate keys, anchors, aliases and tags are refused, so are files above 1 MiB or nested deeper than 32 levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from vesiflow.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

Place = tuple[str | int, ...]


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

    def problem(self, place: Place, reason: str) -> Problem:
        """`reason` at `place`, or at the nearest place above it that the file has."""
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        return Problem(self.file, self.lines.get(known, 1), dotted(place), reason)


def dotted(place: Place) -> str:
    """("species", 1, "sieving") -> "species[1].sieving"."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(path: Path) -> Document:
    """The document in `path`; DocumentError with the line when it is no acceptable YAML."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DocumentError([Problem(str(path), 1, "", error.strerror or "cannot be read")]) from error
    if len(raw) > MAX_BYTES:
        raise DocumentError([Problem(str(path), 1, "", f"larger than {MAX_BYTES} bytes")])
    try:
        return parse(raw.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise DocumentError([Problem(str(path), 1, "", "is not UTF-8 text")]) from error


def parse(text: str, file: str) -> Document:
    """The document in `text`; `file` is what messages call it."""
    builder = _Builder(file)
    try:
        _refuse_anchors(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = builder.build(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DocumentError([Problem(file, line, "", error.problem or "is not YAML")]) from error
    except yaml.YAMLError as error:
        raise DocumentError([Problem(file, 1, "", "is not YAML")]) from error
    if builder.problems:
        raise DocumentError(builder.problems)
    return Document(file, text, data, builder.lines)


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


def _refuse_anchors(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise DocumentError([Problem(file, line, "", "anchors and aliases are not allowed")])
        if (tag := getattr(event, "tag", None)) is not None:
            raise DocumentError([Problem(file, line, "", f"tags are not allowed (got {tag})")])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise DocumentError([Problem(file, line, "", f"nested deeper than {MAX_DEPTH} levels")])


class _Builder:
    """Builds plain data from YAML nodes, noting lines and duplicate keys."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._scalars = yaml.SafeLoader("")

    def build(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalars.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in out:
                self.problems.append(Problem(self.file, line, dotted((*place, key)), "key twice"))
            self.lines[(*place, key)] = line
            out[key] = self.build(value_node, (*place, key))
        return out
