"""The rationalisation of all alarms (ISA-18.2): the data file alarms.yaml, checked when it is read.

An alarm is something that a person must answer; what needs no answer is an event and not in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import as_file, files
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vesiflow.documents import problems, read
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse


class Priority(StrEnum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


def _seconds(value: Any) -> float:
    if not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a time")
    return parse(value, "s")


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
Text = Annotated[str, Field(min_length=3)]


class Rationale(BaseModel):
    """One alarm as it was thought through. `within` s is the time a person has, `on_delay` and `off_delay` s how long
    the condition must last or be gone, `dead_band` the share of the limit by which a value must come back; `signed`:
    no batch is complete before a person has acknowledged and reset it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    tag: str = ""
    priority: Priority
    set_point: Text
    cause: Text
    consequence: Text
    response: Text
    within: Seconds
    on_delay: Seconds = 0.0
    off_delay: Seconds = 0.0
    dead_band: float = Field(0.0, ge=0, lt=1)
    latching: bool = False
    safety: bool = False
    signed: bool = False
    shelvable: bool = True

    @property
    def may_shelve(self) -> bool:
        """A safety-critical alarm is never put aside."""
        return self.shelvable and not self.safety

    @property
    def group(self) -> str:
        """The unit it belongs to: consequences of one cause share it."""
        return self.name.partition(".")[0]


@cache
def table() -> Mapping[str, Rationale]:
    """All alarms by name; ConfigError when the file is wrong."""
    with as_file(files("line") / "alarms.yaml") as path:
        document = read(path)
    rows: dict[str, Rationale] = {}
    for name, entry in (document.data or {}).items():
        try:
            rows[name] = Rationale(name=name, **entry)
        except ValidationError as error:
            raise ConfigError("; ".join(str(one) for one in problems(error, document, (name,)))) from None
    return rows


def rationale(name: str) -> Rationale:
    """The row of alarm `name`; ConfigError when nobody has thought it through."""
    found = table().get(name)
    if found is None:
        raise ConfigError(f"alarm {name!r} is not in the table", remedy="add it to line/alarms.yaml")
    return found
