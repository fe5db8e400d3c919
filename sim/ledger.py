"""What physically happened, and where all material came from and went: the truth that records are checked against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.material import EMPTY, GROUPS, Material, mix

EVENTS = (
    "aspirate", "buffer pump", "dispense", "fault", "feed pump", "injection", "permeate overflow", "permeate pump",
    "pulse", "recovery pump", "reservoir overflow", "sample", "sec pump", "spare pump", "spill", "tube",
    "tube overflow", "valve",
)  # fmt: skip
"""Kinds of what the ledger holds, apart from the actions of people, which stand in it under their own names."""


@dataclass(frozen=True, slots=True)
class Event:
    """One physical act: when (process time, s), what, and its particulars in inside units."""

    at: float
    kind: str
    details: Mapping[str, Any]


@dataclass
class Ledger:
    """`made` is all that was ever brought in, `waste` all that was thrown away; `water_removed` m^3 left as vapour."""

    events: list[Event] = field(default_factory=list)
    made: Material = EMPTY
    waste: Material = EMPTY
    water_removed: float = 0.0

    def record(self, at: float, kind: str, **details: Any) -> None:
        """Write down that something happened."""
        self.events.append(Event(at, kind, details))

    def of(self, kind: str) -> list[Event]:
        """All events of one kind, in order."""
        return [event for event in self.events if event.kind == kind]

    def bring_in(self, material: Material) -> Material:
        """Count new material and hand it on."""
        self.made = self.made + material
        return material

    def discard(self, material: Material) -> None:
        """Into the waste."""
        if material.volume > 0.0 or material.amounts:
            self.waste = self.waste + material


@dataclass(frozen=True, slots=True)
class Account:
    """One conserved quantity: brought in, found again, and the relative difference."""

    made: float
    found: float

    @property
    def error(self) -> float:
        return abs(self.found - self.made) / self.made if self.made > 0.0 else abs(self.found)


def balance(ledger: Ledger, contents: Iterable[Material]) -> dict[str, Account]:
    """Volume and every conserved group over `contents` (all that stands anywhere) and the waste."""
    found = mix((*contents, ledger.waste))
    accounts = {"volume": Account(ledger.made.volume, found.volume + ledger.water_removed)}
    for group, names in GROUPS.items():
        accounts[group] = Account(ledger.made.total(names), found.total(names))
    return accounts
