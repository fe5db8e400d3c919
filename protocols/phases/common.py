"""Parameters of the phases that every unit may have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """Take a sample of `volume` m^3 of bottle `source`; enter the results of `assays` (names of ASSAYS)."""

    point: str
    source: str
    assays: tuple[str, ...]
    volume: float = 0.0


@dataclass(frozen=True, slots=True)
class Approve:
    """A named person approves going on."""

    question: str
