"""What a phase function is given: its unit, telemetry, facts of the batch, people to ask, and the scan loop.

A phase is a plain async function `(run, params) -> None`. It waits only in `scans` and `wait`, where requests to
hold, stop or abort are met; it never retries an act.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from devices.readings import Reading
from devices.roles import BoundedPump, Operator
from line.alarms import AlarmBook
from line.asking import Asking
from line.gateway import Gateway
from line.interlocks import GENERAL, Interlocks
from line.kept import Kept, RestWatch, of_line
from line.memory import Memory
from line.requests import Requests, Stopped
from line.rest import Rest
from line.scans import Resume, Scans
from line.units import assemble, bounded
from line.watch import look, read_of
from line.watchdog import Pulse
from protocols.control import Phase
from records.journal import Journal, StoreError
from records.telemetry import TelemetryWriter
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, InDoubt, LimitExceeded, NoReply, NotSent, Refused, VesiflowError
from vesiflow.line_profile import LineProfile

T = TypeVar("T")

STALE_SCANS = 3
CLOCK_STEP = 2.0  # s between wall clock and process time
_SAME_TROUBLE = 1.0  # s
OVERDUE_FACTOR = 3.0
OVERDUE_SLACK = 3600.0
_TROUBLES: Mapping[type[VesiflowError], str] = {
    NoReply: "line.no_reply", NotSent: "line.no_reply", BadReply: "line.bad_reply", InDoubt: "line.doubt",
    Refused: "line.refused", LimitExceeded: "line.limit", StoreError: "line.journal",
}  # fmt: skip


class PhaseFunction(Protocol):
    """An equipment phase."""

    def __call__(self, run: PhaseRun, params: Any, /) -> Awaitable[None]: ...


class AtRest(Protocol):
    """What must hold while the unit of a phase is held."""

    def __call__(self, run: PhaseRun, params: Any, /) -> Iterable[Kept]: ...


def nothing(run: PhaseRun, params: object) -> Iterable[Kept]:
    """Nothing but the limits of the line."""
    return ()


@dataclass
class PhaseRun:
    """One run of one phase of one batch. `stretch` is how much longer than written a scan may take."""

    batch: str
    phase: Phase
    clock: Clock
    gateway: Gateway
    journal: Journal
    telemetry: TelemetryWriter
    operator: Operator
    profile: LineProfile
    facts: dict[str, float]
    requests: Requests
    alarms: AlarmBook
    at_rest: AtRest = nothing
    results: dict[str, tuple[float, str]] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)
    progress: float = 0.0
    stretch: float = 1.0
    _bad: dict[str, int] = field(default_factory=dict)
    _bounded: tuple[BoundedPump, ...] = ()

    def __post_init__(self) -> None:
        self._since = self.clock.now()
        self._alarmed = -math.inf
        self._marks: dict[str, tuple[float, float]] = {}
        self._wall = self._offset()
        self.pulse = Pulse(self.clock)
        self.memory = Memory(self.journal, self.batch, self.phase.key)
        self.memory.begin()
        self.interlocks = Interlocks(
            self.clock.now, self.alarm, lambda name: self.alarms.clear(name, self.batch), self._note,
            self.profile.interlocks,
        )  # fmt: skip
        rest = Rest(self.clock, self.requests, self.pulse, self._look, self._come_to_rest, self._go_on)
        self.held, self.suspended = rest.held, rest.suspended
        asking = Asking(
            self.clock, self.operator, self.requests, self.pulse, self.memory, self.held, self._note, self.alarm,
            lambda name: self.alarms.clear(name, self.batch),
        )  # fmt: skip
        self.ask, self.ask_volume, self.ask_barcode = asking.ask, asking.ask_volume, asking.ask_barcode
        self.not_so = asking.not_so

    def unit(self, kind: type[T]) -> T:
        """The unit of this phase with its roles."""
        unit = assemble(kind, self.phase.unit, self.gateway.role)
        self._bounded = bounded(unit)
        return unit

    def log(self, tag: str, value: float) -> None:
        """One telemetry sample now, in the inside unit of the tag."""
        self.latest[tag] = value
        self.telemetry.add(self.clock.now(), tag, value)
        self.interlocks.of_line(tag, value)

    def reading(self, tag: str, reading: Reading) -> float:
        """Log a reading and give its number; BadReply when it stayed unusable for three scans.

        Until then the last number stands in, is not logged again, and `stale` tells that nothing may be decided by it.
        """
        if reading.usable:
            self._bad.pop(tag, None)
            self.log(tag, reading.value)
            return reading.value
        self._bad[tag] = self._bad.get(tag, 0) + 1
        if self._bad[tag] > STALE_SCANS or tag not in self.latest:
            self.alarm("line.bad_value", f"{tag}: no usable value, {reading.quality}", tag=tag)
            raise BadReply(f"no usable value: {reading.quality}", device=tag, remedy="check the sensor")
        return self.latest[tag]

    @property
    def stale(self) -> bool:
        """Whether the last reading of some sensor was no usable value."""
        return bool(self._bad)

    def result(self, name: str, value: float, unit: str) -> None:
        """A result of this phase for the batch record."""
        self.results[name] = (value, unit)

    def fact(self, name: str, value: float) -> None:
        """Something the batch must remember (bottle volumes, permeability, counts): durable, survives restarts."""
        self.journal.event("fact", self.batch, key=self.phase.key, name=name, value=value)
        self.facts[name] = value

    def forget(self, name: str) -> None:
        """A fact that holds no longer."""
        if name in self.facts:
            self.journal.event("fact", self.batch, key=self.phase.key, name=name, value=None)
            del self.facts[name]

    def deviation(
        self, what: str, value: float, limit: float, unit: str, severity: str = "minor", tag: str = ""
    ) -> None:
        """Record that something left its range."""
        self._note("deviation", what=what, value=value, limit=limit, unit=unit, severity=severity, tag=tag)

    async def once(self, step: str, work: Callable[[], Awaitable[object]]) -> None:
        """Do `work` unless this phase has passed `step` before, in this life of the controller or in another."""
        if step not in self.memory.steps:
            await work()
            self.memory.step(step)

    def since(self, step: str) -> float:
        """Seconds since `step` was passed first, by the date: a restart does not set it back. Passes it if need be."""
        if step not in self.memory.steps:
            self.memory.step(step, self.clock.utc().timestamp())
        begun = self.memory.steps[step]
        if step not in self._marks or self._marks[step][0] != begun:  # the date is asked once, then it may jump
            self._marks[step] = (begun, self.clock.now() - (self.clock.utc().timestamp() - begun))
        return self.clock.now() - self._marks[step][1]

    def scans(self, period: float, resume: Resume | None = None) -> Scans:
        """`async for elapsed in run.scans(2.0, resume)`: every `period` s, requests met first; seconds in this loop.

        `resume` brings the unit back to its operating state after a hold.
        """
        return Scans(self, period, resume)

    async def wait(self, seconds: float, period: float = 10.0) -> None:
        """Wait, meeting requests."""
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 1e-6:
            await self.attend()
            await self.clock.sleep(min(period, left))

    def limit(
        self,
        tag: str,
        value: float,
        *,
        high: float = math.inf,
        low: float = -math.inf,
        debounce: float | None = None,
        unit: str = "",
        alarm: str = GENERAL,
    ) -> None:
        """LimitExceeded when `value` stays outside for `debounce` s (default: the on-delay of `alarm`)."""
        self.interlocks.limit(tag, value, high=high, low=low, debounce=debounce, unit=unit, alarm=alarm)

    def alarm(
        self, name: str, what: str, value: float = math.nan, limit: float = math.nan, unit: str = "", tag: str = ""
    ) -> None:
        """Raise alarm `name` of this batch: a person must answer, and the record shows the curve around it."""
        self._alarmed = self.clock.now()
        known = {"value": value, "limit": limit}
        details: dict[str, Any] = {key: number for key, number in known.items() if not math.isnan(number)}
        self.alarms.raise_(name, what, batch=self.batch, key=self.phase.key, tag=tag or None, unit=unit, **details)

    def trouble(self, error: VesiflowError) -> None:
        """Raise the alarm that belongs to an error which holds or ends this phase, unless it has just had its own."""
        if self.interlocks.first_out is None and self.clock.now() - self._alarmed > _SAME_TROUBLE:
            general = _TROUBLES.get(type(error), "line.fault")
            if (error.device or "").endswith("liquid_handler"):
                general = "lh.uncertain" if isinstance(error, InDoubt) else "lh.error"
            self.alarm(general, str(error))

    def _note(self, kind: str, **data: Any) -> None:
        self.journal.event(kind, self.batch, key=self.phase.key, **data)

    async def attend(self, resume: Resume | None = None) -> None:
        """Meet a request to hold or stop, now; otherwise what turns may turn on."""
        self.pulse.beat()
        self._same_clock()
        self._not_overdue()
        await self.meet(resume)
        for pump in self._bounded:
            await pump.renew()

    async def meet(self, resume: Resume | None = None) -> None:
        """Be held as long as that is asked for; Stopped when the end is."""
        requests = self.requests
        if requests.hold is not None and requests.stop is None:
            reason, requests.hold = requests.hold, None
            await self.held(reason)
            if resume is not None:
                await resume()
        if requests.stop is not None:
            raise Stopped(requests.stop)

    def _offset(self) -> float:
        return self.clock.utc().timestamp() - self.clock.now()

    def _same_clock(self) -> None:
        """The wall clock against process time: a step changes no timer, and the record says so."""
        step = self._offset() - self._wall
        if abs(step) > CLOCK_STEP:
            self._wall += step
            self.alarm("line.clock", f"the wall clock has jumped by {step:+.0f} s", step, CLOCK_STEP, "s")

    def _not_overdue(self) -> None:
        """A phase that takes far longer than planned has met something that nobody foresaw: a person looks."""
        elapsed = self.clock.now() - self._since
        allowed = OVERDUE_FACTOR * self.phase.duration + OVERDUE_SLACK
        if elapsed > allowed:
            self._since = self.clock.now()
            self.interlocks.trip(
                "line.overdue", "takes far longer than planned", value=elapsed, limit=allowed, unit="s"
            )

    def _come_to_rest(self) -> None:
        """What was computed while the unit ran holds no longer; other limits do."""
        self.latest.clear()
        seen = read_of(self.phase.unit)
        limits = [*of_line(self.profile.interlocks), *self.at_rest(self, self.phase.params)]
        self._rest_watch = RestWatch([kept for kept in limits if kept.tag in seen], self.interlocks.advise)

    def _go_on(self) -> None:
        """Every limit and delay begins anew."""
        self._since = self.clock.now()
        self._bad.clear()
        self.interlocks.reset()
        self.alarms.clear_all(self.batch)

    async def _look(self) -> None:
        await look(self.phase.unit, self.gateway.role, self._show)
        self._rest_watch.judge()

    def _show(self, tag: str, reading: Reading | None) -> None:
        """What a unit at rest reads now, nothing where a sensor is silent."""
        self._rest_watch.see(tag, reading)
        if reading is None or not reading.usable:
            self.latest.pop(tag, None)
            return
        self.latest[tag] = reading.value
        with suppress(StoreError):  # a full disk does not end a hold
            self.telemetry.add(self.clock.now(), tag, reading.value)
