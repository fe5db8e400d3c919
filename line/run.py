"""What a phase function is given: its unit, telemetry, facts of the batch, people to ask, and the scan loop.

A phase is a plain async function `(run, params) -> None`. It waits only in `scans` and `wait`, where requests to
hold, stop or abort are met; it never retries an act.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from devices.readings import Answer, Prompt, Reading
from devices.roles import BoundedPump, Operator
from line.alarms import AlarmBook
from line.gateway import Gateway
from line.interlocks import GENERAL, Interlocks
from line.memory import ANSWERED, ASKED, Memory
from line.units import assemble, bounded
from line.watch import look, repeated
from line.watchdog import Pulse
from protocols.control import Phase
from records.journal import Journal, StoreError
from records.telemetry import TelemetryWriter
from vesiflow.clock import Clock, Event
from vesiflow.errors import BadReply, InDoubt, LimitExceeded, NoReply, NotSent, Refused, VesiflowError
from vesiflow.line_profile import LineProfile
from vesiflow.quantities import convert, parse

T = TypeVar("T")

STALE_SCANS = 3
CLOCK_STEP = 2.0  # s between wall clock and process time
_SAME_TROUBLE = 1.0  # s
STEADY = 300.0  # s that a cause from outside must be gone before a suspended unit goes on by itself
LOOK_AGAIN = 10.0  # s
PROMPT_PATIENCE = 3600.0  # s
OVERDUE_FACTOR = 3.0
OVERDUE_SLACK = 3600.0
_TROUBLES: Mapping[type[VesiflowError], str] = {
    NoReply: "line.no_reply", NotSent: "line.no_reply", BadReply: "line.bad_reply", InDoubt: "line.doubt",
    Refused: "line.refused", LimitExceeded: "line.limit", StoreError: "line.journal",
}  # fmt: skip
_OF_WHAT_IS_LEFT = 0.4
"""A stretched scan never covers more of the way to the end of a phase: the end is met as closely as ever."""


class Stopped(VesiflowError):
    """A person asked to stop; the phase ends and the unit goes to its safe state."""


@dataclass
class Requests:
    """What people or interlocks want from the running phase; met at the next scan."""

    clock: Clock
    stop: str | None = None
    hold: str | None = None
    resumed: Event | None = None
    on_held: Callable[[str], Awaitable[None]] | None = None
    on_resumed: Callable[[], Awaitable[None]] | None = None
    on_suspended: Callable[[str], Awaitable[None]] | None = None
    on_gone: Callable[[str], None] | None = None
    asking: asyncio.Task[Answer] | None = None
    abort: bool = False
    held_while_asked: Event | None = None

    def keep(self, reason: str) -> None:
        """The unit is to be held: at the next scan, or now when it waits for a person."""
        self.hold = reason
        if self.held_while_asked:
            self.held_while_asked.set()

    def end(self, reason: str, *, abort: bool = False) -> None:
        """The phase is to end: at its next scan, or now when it is held or waits for a person."""
        self.stop, self.abort = reason, self.abort or abort
        if self.resumed:
            self.resumed.set()
        if self.asking:
            self.asking.cancel()


Resume = Callable[[], Awaitable[None]]


class PhaseFunction(Protocol):
    """An equipment phase."""

    def __call__(self, run: PhaseRun, params: Any, /) -> Awaitable[None]: ...


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
    results: dict[str, tuple[float, str]] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)
    progress: float = 0.0
    stretch: float = 1.0
    _bad: dict[str, int] = field(default_factory=dict)
    _prompt: str = ""
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
        self.journal.event(
            "deviation",
            self.batch,
            key=self.phase.key,
            what=what,
            value=value,
            limit=limit,
            unit=unit,
            severity=severity,
            tag=tag,
        )

    async def ask(
        self,
        action: str,
        text: str,
        details: Mapping[str, object] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Ask the operator and record question and answer; a prompt answered before is not put again."""
        name = self._prompt = self.memory.prompt(action, details or {})
        known = self.memory.answer(name)
        if known is not None:
            return known
        prompt = Prompt(action, text, _pairs(details), _pairs(fields), f"{self.batch} {name}")
        self.journal.event(
            ASKED,
            self.batch,
            prompt=name,
            key=self.phase.key,
            action=action,
            text=text,
            details=dict(prompt.details),
            fields=dict(prompt.fields),
        )
        with self.pulse.resting():
            async with self._safe_meanwhile():
                answer = await self._answered(prompt)
                values = dict(answer.values)
                self.journal.event(
                    ANSWERED,
                    self.batch,
                    prompt=name,
                    key=self.phase.key,
                    action=action,
                    values=values,
                    by=answer.by,
                )
        missing = [name for name in (fields or {}) if name not in values]
        if missing:
            self.not_so()
            raise BadReply(
                f"no answer for {', '.join(missing)}", device="operator", action=action, remedy="answer again"
            )
        return values

    async def _answered(self, prompt: Prompt) -> Answer:
        """The person's answer; Stopped when the phase is to end before anybody gives one."""
        requests = self.requests
        reminder = self.clock.spawn(self._remind(prompt), "reminder")
        requests.asking = asking = self.clock.spawn(self.operator.ask(prompt), "ask")
        try:
            return await self.clock.join(asking)
        except asyncio.CancelledError:
            if requests.stop is not None and asking.cancelled():
                raise Stopped(requests.stop) from None
            asking.cancel()
            await asyncio.wait({asking})
            raise
        finally:
            requests.asking = None
            reminder.cancel()
            await asyncio.wait({reminder})
            self.alarms.clear("line.prompt", self.batch)

    @asynccontextmanager
    async def _safe_meanwhile(self) -> AsyncIterator[None]:
        """The unit is brought to safety at once when a hold comes while a person is asked; the prompt stays open, and
        its answer counts when the unit may go on."""
        requests = self.requests
        task = self.clock.spawn(self._held_meanwhile(), "hold while somebody is asked")
        try:
            yield
            while requests.resumed is not None:
                if requests.stop is not None:
                    raise Stopped(requests.stop)
                await self.clock.sleep(1.0)
        finally:
            requests.held_while_asked = None
            task.cancel()
            await asyncio.wait({task})

    async def _held_meanwhile(self) -> None:
        requests = self.requests
        while True:
            requests.held_while_asked = self.clock.event()
            if requests.hold is None:
                await requests.held_while_asked.wait()
            if requests.hold is not None:
                reason, requests.hold = requests.hold, None
                with suppress(VesiflowError):  # who asks learns of a stop by itself
                    await self.held(reason)

    async def _remind(self, prompt: Prompt) -> None:
        """An alarm when a prompt stays open for an hour. Nothing is ever assumed for the person who is missing."""
        await self.clock.sleep(PROMPT_PATIENCE)
        self.alarm("line.prompt", f"nobody answers: {prompt.text}", PROMPT_PATIENCE, PROMPT_PATIENCE, "s")

    async def ask_volume(self, action: str, text: str, details: Mapping[str, object]) -> float:
        """Ask for a volume, entered in mL; m^3."""
        values = await self.ask(action, text, details, {"volume": "mL"})
        return convert(entered(values["volume"], "mL"), "mL", "m^3")

    async def ask_barcode(
        self, action: str, text: str, details: Mapping[str, object], expected: str, alarm: str = "lh.labware"
    ) -> None:
        """Ask for a barcode and refuse a wrong one."""
        values = await self.ask(action, text, details, {"barcode": "text"})
        if expected and values["barcode"] != expected:
            self.not_so()
            self.alarm(alarm, f"{action}: found {values['barcode']}, expected {expected}")
            raise Refused(
                "wrong barcode",
                device="operator",
                action=action,
                value=values["barcode"],
                bounds=expected,
                remedy="find the right item",
            )

    def not_so(self) -> None:
        """The last answer is not accepted: when the phase goes on it asks again."""
        self.memory.refuse(self._prompt)

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
        requests = self.requests
        self.pulse.beat()
        self._same_clock()
        self._not_overdue()
        if requests.hold is not None and requests.stop is None:
            reason, requests.hold = requests.hold, None
            await self.held(reason)
            if resume is not None:
                await resume()
        if requests.stop is not None:
            raise Stopped(requests.stop)
        for pump in self._bounded:
            await pump.renew()

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

    async def held(self, reason: str) -> None:
        """Keep the product safe and wait until a person lets the phase go on; Stopped when they end it."""
        await self._rest(reason, self.requests.on_held, None)

    async def suspended(self, cause: str, gone: Callable[[], Awaitable[bool]]) -> None:
        """Keep the product safe while a cause from outside lasts; go on by itself once it has been `gone` for as long
        as `STEADY`, or when a person says so; Stopped when they end it."""
        async with self._until_gone(cause, gone) as watch:
            await self._rest(cause, self.requests.on_suspended, watch)

    @asynccontextmanager
    async def _until_gone(
        self, cause: str, gone: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[Callable[[], Coroutine[Any, Any, None]]]:
        tasks: set[asyncio.Task[None]] = set()

        async def watch() -> None:
            since = self.clock.now()
            while self.clock.now() - since < STEADY:
                await self.clock.sleep(LOOK_AGAIN)
                with suppress(VesiflowError):
                    since = since if await gone() else self.clock.now()
            if self.requests.on_gone:
                self.requests.on_gone(cause)

        async def begin() -> None:
            tasks.add(self.clock.spawn(watch(), "cause of the suspension"))

        try:
            yield begin
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _rest(
        self,
        reason: str,
        enter: Callable[[str], Awaitable[None]] | None,
        begin: Callable[[], Coroutine[Any, Any, None]] | None,
    ) -> None:
        requests = self.requests
        if requests.stop is not None:
            raise Stopped(requests.stop)
        requests.resumed = self.clock.event()
        with self.pulse.resting():
            if enter:
                await enter(reason)
            if begin:
                await begin()
            self.latest.clear()  # what was computed while the unit ran holds no longer
            async with repeated(self.clock, self._look):
                await requests.resumed.wait()
        if requests.stop is not None:
            raise Stopped(requests.stop)
        self._since = self.clock.now()
        self._bad.clear()
        self.interlocks.reset()
        self.alarms.clear_all(self.batch)
        if requests.on_resumed:
            await requests.on_resumed()

    async def _look(self) -> None:
        await look(self.phase.unit, self.gateway.role, self._show)

    def _show(self, tag: str, reading: Reading | None) -> None:
        """What a held unit reads; a limit of the line that is passed raises its alarm, and the unit is held already."""
        if reading is None or not reading.usable:
            self.latest.pop(tag, None)
            return
        with suppress(LimitExceeded, StoreError):  # a full disk does not end a hold
            self.log(tag, reading.value)


class Scans:
    """The scan loop of a phase as an async iterator."""

    def __init__(self, run: PhaseRun, period: float, resume: Resume | None) -> None:
        self._run = run
        self._period = period
        self._resume = resume
        self._start = self._due = run.clock.now()
        self._first = True
        self._before = (self._start, run.progress)

    def __aiter__(self) -> Scans:
        return self

    async def __anext__(self) -> float:
        clock = self._run.clock
        if not self._first:
            self._due = max(self._due + self._next(), clock.now())
            await clock.sleep(self._due - clock.now())
        self._first = False
        await self._run.attend(self._resume)
        return clock.now() - self._start

    def _next(self) -> float:
        """Seconds to the next scan: the period, or up to `stretch` times as long while the end is far away."""
        run, period = self._run, self._period
        if run.stretch <= 1.0:
            return period
        now, (then, before) = run.clock.now(), self._before
        self._before = (now, run.progress)
        if run.progress <= before:
            return period
        left = (1.0 - run.progress) * (now - then) / (run.progress - before)
        return max(period, min(period * run.stretch, _OF_WHAT_IS_LEFT * left))


def entered(text: str, unit: str) -> float:
    """A number a person entered, in `unit`; a bare number is taken to be in `unit` already."""
    try:
        return float(text)
    except ValueError:
        return parse(text, unit)


def _pairs(data: Mapping[str, object] | None) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, f"{value:.12g}" if isinstance(value, float) else str(value)) for name, value in (data or {}).items()
    )


async def together(clock: Clock, *work: Awaitable[Any]) -> list[Any]:
    """Run several awaitables as actors of `clock` and give their results in order."""

    async def one(item: Awaitable[Any]) -> Any:
        return await item

    tasks: list[asyncio.Task[Any]] = [clock.spawn(one(item), "together") for item in work]
    return [await clock.join(task) for task in tasks]
