"""What a fault is: an id, a level, when it strikes, what it does, and what must follow."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from vesiflow.documents import Document, Place
from vesiflow.quantities import parse


def _seconds(value: Any) -> float:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a time")
    return parse(value, "s")


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
Setting = float | int | str | bool


class Level(StrEnum):
    PLANT = "plant"
    INSTRUMENT = "instrument"
    WIRE = "wire"
    HOST = "host"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class When(Section):
    """The moment: `after` s from the start, or from the `count`-th ledger event `event`, or from when `value` of the
    plant passes `above` or `below`; `chance` is the probability that it strikes at all, `within` spreads the moment
    evenly over so many s more. A fault that `lasts` ends by itself."""

    after: Seconds = 0.0
    event: str = ""
    count: int = Field(1, ge=1)
    value: str = ""
    above: float | None = None
    below: float | None = None
    phase: str = ""
    chance: float = Field(1.0, ge=0, le=1)
    within: Seconds = 0.0
    lasts: Seconds | None = None

    @model_validator(mode="after")
    def _can_come(self) -> Self:
        if self.value and self.above is None and self.below is None:
            raise ValueError(f"says value {self.value} and no limit; add above or below")
        if not self.value and (self.above is not None or self.below is not None):
            raise ValueError("says above or below and no value that they limit")
        if self.event and (self.phase or self.value):
            raise ValueError("says event and phase or value; a fault waits for an event or for the others")
        return self

    def means(self, kind: str) -> bool:
        """Whether a phase of `kind` ("tff.concentrate") is the one waited for: by its whole name or the last word."""
        return self.phase in (kind, kind.rpartition(".")[2])


class Fault(Section):
    """One thing that goes wrong: `what` names the injector, `settings` are its numbers, in inside units once read."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$")
    level: Level
    what: str
    when: When = When()
    settings: dict[str, Setting] = {}
    _source: tuple[Document, Place] | None = PrivateAttr(None)

    def written(self, document: Document, place: Place) -> Self:
        """The same, knowing where it was written."""
        self._source = (document, place)
        return self

    def problem(self, place: Place, reason: str) -> str:
        """One line on what is wrong at `place` of this fault: with file and line when it was read from a file."""
        if self._source is None:
            return f"fault {self.id}: {reason}"
        document, at = self._source
        return str(document.problem((*at, *place), reason))


class Expectation(Section):
    """What must follow. `alarms`: one of these is raised; `state` the batch comes to; `within` s until it is noticed;
    `safe_within` s more until the unit's outputs are safe; `ledger`: how often something may have happened; `below`:
    values of the plant (those a fault can wait for) that must end lower."""

    alarms: tuple[str, ...] = ()
    state: str = "Held"
    within: Seconds = 60.0
    safe_within: Seconds = 5.0
    ledger: Mapping[str, int] = {}
    below: Mapping[str, float] = {}


class Entry(Section):
    """A fault of the catalogue with its reason, its trial and what is expected. `check` names a
    check of line.fault_checks where no single batch can show it, `shown_by` a command where only killing processes
    can."""

    id: str
    operation: str
    fault: str
    injection: str
    detection: str
    reaction: str
    trial: str = ""
    faults: tuple[Fault, ...] = ()
    line: Mapping[str, Any] = {}
    expect: Expectation = Expectation()
    check: str = ""
    shown_by: str = ""
    quick: bool = False
