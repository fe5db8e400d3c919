"""The control recipe: master recipe bound to a batch size and a line, frozen (ISA-88).

Every phase carries an idempotent key: recipe path plus ordinal, with the digest of all its parameters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from protocols.phases import KINDS, PhaseParams
from vesiflow.ids import digest


@dataclass(frozen=True, slots=True)
class Phase:
    """The smallest step: `key` like "2-sec/3-elute/1", `unit` like "sec", expected duration in s."""

    key: str
    kind: str
    unit: str
    params: PhaseParams
    duration: float

    @property
    def digest(self) -> str:
        """SHA-256 of all its parameters: with path and ordinal, what makes starting it idempotent."""
        return digest(dataclasses.asdict(self))


@dataclass(frozen=True, slots=True)
class Operation:
    """A named run of phases."""

    name: str
    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class UnitProcedure:
    """What happens on one unit; `number` is its place in the procedure, from 1."""

    number: int
    name: str
    unit: str
    operations: tuple[Operation, ...]

    def phases(self) -> Iterator[Phase]:
        """All phases in order."""
        for operation in self.operations:
            yield from operation.phases

    @property
    def duration(self) -> float:
        """Expected time, s."""
        return sum(phase.duration for phase in self.phases())


@dataclass(frozen=True, slots=True)
class HoldTime:
    """No more than `limit` s may pass between the ends of unit procedures `after` and start of `before`."""

    after: int
    before: int
    limit: float


@dataclass(frozen=True, slots=True)
class Criterion:
    """A release criterion: `value` of `name` at sample `point` compared by `relation` ("<=" or ">=")."""

    name: str
    relation: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class ControlRecipe:
    """Everything a batch needs, immutable after start; `source` is the recipe text it came from."""

    recipe: str
    version: str
    line: str
    unit_procedures: tuple[UnitProcedure, ...]
    release: tuple[Criterion, ...] = ()
    hold_times: tuple[HoldTime, ...] = ()
    header: Mapping[str, str] = field(default_factory=dict)
    material: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def phases(self) -> Iterator[Phase]:
        """All phases of the batch in order."""
        for procedure in self.unit_procedures:
            yield from procedure.phases()

    def phase(self, key: str) -> Phase:
        """The phase with `key`; KeyError when there is none."""
        for phase in self.phases():
            if phase.key == key:
                return phase
        raise KeyError(key)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that decides what will happen."""
        return digest(to_json(self))


def to_json(recipe: ControlRecipe) -> dict[str, Any]:
    """The control recipe as plain JSON data; `from_json` gives the same recipe back."""
    return dataclasses.asdict(recipe)


def from_json(data: Mapping[str, Any]) -> ControlRecipe:
    """A control recipe from `to_json`; KeyError or TypeError when the data is no control recipe."""
    rest = {k: v for k, v in data.items() if k not in ("unit_procedures", "release", "hold_times")}
    return ControlRecipe(
        unit_procedures=tuple(_procedure(item) for item in data["unit_procedures"]),
        release=tuple(Criterion(**item) for item in data["release"]),
        hold_times=tuple(HoldTime(**item) for item in data["hold_times"]),
        **rest,
    )


def _procedure(data: Mapping[str, Any]) -> UnitProcedure:
    operations = tuple(
        Operation(item["name"], tuple(_phase(phase) for phase in item["phases"])) for item in data["operations"]
    )
    return UnitProcedure(data["number"], data["name"], data["unit"], operations)


def _phase(data: Mapping[str, Any]) -> Phase:
    params = _dataclass(KINDS[data["kind"]], data["params"])
    return Phase(data["key"], data["kind"], data["unit"], params, data["duration"])


def _dataclass(kind: type, data: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    values = {name: _value(hints[name], value) for name, value in data.items()}
    return kind(**values)


def _value(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, value)
    return tuple(value) if isinstance(value, list) else value
