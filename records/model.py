"""What a batch record says, as frozen data. Built by `records.batch_record`, shown by `records.report`.

Every time is there twice: `utc`, and `at`, seconds since the batch was created, which does not depend on the day.
Numbers stay in the unit they were recorded in, named beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from records.deck_snapshot import DeckAfter
from records.heads import Head
from records.robot_runs import RobotRun


@dataclass(frozen=True, slots=True)
class Header:
    """Which batch of which recipe on which line, made by which software.

    `journal_seq` and `journal_hash` are its last entry, `head` the first signed head that covers it.
    """

    batch: str
    recipe: str
    version: str
    recipe_digest: str
    line: str
    line_digest: str
    software: str
    seed: int | None
    simulated: bool
    state: str
    created: datetime
    ended: datetime | None
    duration: float | None
    source: Mapping[str, str]
    material: Mapping[str, float]
    instruments: Mapping[str, Mapping[str, str]]
    boots: tuple[str, ...]
    journal_seq: int
    journal_hash: str
    head: Head | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value of a phase against what was set: `relation` "=", "<=", ">=" or "" when nothing was.

    `actual` is what counts (mean of a curve, a result); `low`, `high` and `end` come from the curve.
    """

    name: str
    unit: str
    relation: str
    target: float | None
    actual: float | None
    low: float | None = None
    high: float | None = None
    end: float | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be looked at: deviation, hold, failure, doubt, alarm, restart or simulation."""

    category: str
    severity: str
    seq: int
    utc: datetime
    at: float
    phase: str
    what: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """One phase: what was asked of it, what came out, when."""

    key: str
    kind: str
    operation: str
    params: Mapping[str, Any]
    expected: float
    outcome: str
    reason: str
    attempts: int
    started: datetime | None
    ended: datetime | None
    at: float | None
    duration: float | None
    comparisons: tuple[Comparison, ...]
    results: Mapping[str, tuple[float, str]]


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """One unit procedure with its phases."""

    number: int
    name: str
    unit: str
    outcome: str
    started: datetime | None
    ended: datetime | None
    duration: float | None
    phases: tuple[PhaseRecord, ...]


@dataclass(frozen=True, slots=True)
class HoldTime:
    """Time between the end of unit procedure `after` and the start of `before`, s; `ok` None when not passed."""

    after: int
    before: int
    limit: float
    actual: float | None
    ok: bool | None


@dataclass(frozen=True, slots=True)
class SampleResult:
    """One assay of one sample."""

    point: str
    source: str
    assay: str
    value: float
    unit: str
    by: str
    phase: str
    utc: datetime
    at: float


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """What was there at one point: volume m^3, particles, protein kg; yields as fractions of 1."""

    point: str
    source: str
    volume: float | None
    concentration: float | None
    particles: float | None
    protein: float | None
    particles_per_ug: float | None
    step_yield: float | None
    overall_yield: float | None


@dataclass(frozen=True, slots=True)
class ReleaseResult:
    """A release criterion with its verdict "pass", "fail" or "missing" and where the value comes from."""

    name: str
    label: str
    relation: str
    limit: float
    unit: str
    value: float | None
    verdict: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Action:
    """One physical action; `state` DONE, NOT_DONE, UNKNOWN or OPEN (no outcome yet)."""

    id: str
    utc: datetime
    at: float
    phase: str
    device: str
    serial: str
    device_kind: str
    kind: str
    verb: str
    args: Any
    state: str
    origin: str
    reason: str
    seconds: float | None
    resolution: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a person was asked and answered."""

    utc: datetime
    at: float
    phase: str
    action: str
    text: str
    values: Mapping[str, str]
    by: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """A journal entry that is no action, in short."""

    seq: int
    kind: str
    utc: datetime
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The batch in a few numbers; absent ones are None. Yield is a fraction of 1.

    `particles_at` and `purity_at` are the sample points that particles out and purity come from.
    """

    particles_in: float | None
    particles_out: float | None
    overall_yield: float | None
    doses: float | None
    particles_per_dose: float | None
    particles_per_ug: float | None
    particles_at: str
    purity_at: str
    passed: int
    failed: int
    missing: int
    findings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """Everything known about a batch."""

    header: Header
    summary: Summary
    release: tuple[ReleaseResult, ...]
    findings: tuple[Finding, ...]
    units: tuple[UnitRecord, ...]
    hold_times: tuple[HoldTime, ...]
    samples: tuple[SampleResult, ...]
    balance: tuple[BalanceRow, ...]
    actions: tuple[Action, ...]
    questions: tuple[Question, ...]
    events: tuple[Event, ...]
    decks: tuple[DeckAfter, ...] = ()
    robot_runs: tuple[RobotRun, ...] = ()
