"""What a fault is: an id, a level, when it strikes, what it does, and what must follow."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vesiflow.quantities import parse


def _seconds(value: Any) -> float:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a time")
    return parse(value, "s")


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
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


class Fault(Section):
    """One thing that goes wrong: `what` names the injector, `settings` are its numbers, in inside units once read."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$")
    level: Level
    what: str
    when: When = When()
    settings: dict[str, Setting] = {}


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
