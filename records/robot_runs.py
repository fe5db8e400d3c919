"""What a robot was sent and what it kept of it: journaled around every order, shown in record and report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from records.journal_reader import Entry

DOCUMENT, RUN = "transfer.document", "transfer.run"
KINDS = (DOCUMENT, RUN)


@dataclass(frozen=True, slots=True)
class RobotRun:
    """A document that `role` was sent in `phase`, and the robot's record of its run ({} where there is none)."""

    phase: str
    role: str
    name: str
    text: str
    sha256: str
    definitions: Mapping[str, str]
    robot: Mapping[str, Any]


def runs(entries: Sequence[Entry]) -> tuple[RobotRun, ...]:
    """Every document in order; a record belongs to the last document of its phase."""
    found: list[RobotRun] = []
    for entry in entries:
        data = entry.data
        if entry.kind == DOCUMENT:
            found.append(RobotRun(data["key"], data["role"], data["name"], data["text"], data["sha256"],
                                  dict(data["definitions"]), {}))  # fmt: skip
        elif entry.kind == RUN:
            last = max(n for n, one in enumerate(found) if one.phase == data["key"])
            found[last] = replace(found[last], robot=data["record"])
    return tuple(found)
