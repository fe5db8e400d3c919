"""Thousands of spoilt answers through one real driver over its counterpart: what came of them.

Every answer of the instrument may be cut, doubled, glued to the next one, changed, delayed, split, or lost; their
order is kept, as on every cable. Checked after every call: it ends in time; it gives the truth of this moment, says
that there is no value, or raises a VesiflowError that names its device. Where a byte of the answer was changed and no
checksum guards the wire, nobody can tell a wrong digit: those values are counted (`unseen`), not judged.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from devices.testing.capabilities import CAPABILITY_CASES, acts_of
from devices.testing.counterpart import Make, Probe
from devices.testing.fuzz import spoil
from devices.testing.session import Session, converse
from devices.testing.wire import StillWaiting
from vesiflow.clock import Clock
from vesiflow.errors import VesiflowError

LATEST = 2.5  # s, the longest delay of an answer
RATES = (0.1, 0.6, 0.95)  # how many of the answers are spoilt: calm, bad and hopeless times
Pieces = list[tuple[float, bytes]]


@dataclass
class Outcome:
    """What happened to one driver. `longest` is the longest call in s of virtual time."""

    driver: str
    frames: int = 0
    spoilt: int = 0
    calls: int = 0
    right: int = 0
    no_value: int = 0
    unseen: int = 0
    done: int = 0
    waiting: int = 0
    longest: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)


class Spoiler:
    """What the wire does to answers. `changed` says whether any byte was changed since it was last set."""

    def __init__(self, clock: Clock, dice: random.Random, outcome: Outcome, may_lose: bool) -> None:
        self._clock = clock
        self._dice = dice
        self._outcome = outcome
        self._held, self._held_at = b"", 0.0
        self._ways: list[Callable[[bytes], Pieces]] = [self._cut, self._change, self._double, self._late]
        self._ways += [self._split, self._noise] + ([self._lose, self._glue] if may_lose else [])
        self.changed, self.rate = False, RATES[0]

    def __call__(self, said: bytes) -> Pieces:
        self._outcome.frames += 1
        held, self._held = self._held if self._clock.now() - self._held_at <= LATEST else b"", b""
        if self._dice.random() >= self.rate:
            return [(0.0, held + said)]
        self._outcome.spoilt += 1
        return [(0.0, held), *self._dice.choice(self._ways)(said)]

    def _cut(self, said: bytes) -> Pieces:
        self.changed = True
        return [(0.0, said[: self._dice.randrange(len(said))])]

    def _change(self, said: bytes) -> Pieces:
        self.changed = True
        return [(self._dice.choice((0.0, 0.3)), spoil(self._dice, said))]

    def _noise(self, said: bytes) -> Pieces:
        self.changed = True
        noise = self._dice.randbytes(self._dice.randrange(1, 9))
        return [(0.0, noise + said if self._dice.random() < 0.5 else said + noise)]

    def _double(self, said: bytes) -> Pieces:
        return [(0.0, said + said)]

    def _glue(self, said: bytes) -> Pieces:
        self._held, self._held_at = said, self._clock.now()  # arrives together with the next one
        return []

    def _late(self, said: bytes) -> Pieces:
        return [(self._dice.uniform(0.05, LATEST), said)]

    def _split(self, said: bytes) -> Pieces:
        at = self._dice.randrange(len(said) + 1)
        return [(0.0, said[:at]), (self._dice.uniform(0.0, 0.5), said[at:])]

    def _lose(self, said: bytes) -> Pieces:
        return []


def barrage(key: str, make: Make, frames: int, seed: int) -> Outcome:
    """At least `frames` spoilt answers through the driver `key`; AssertionError when one does harm."""
    outcome = Outcome(key)

    async def talk(session: Session) -> Outcome:
        dice = random.Random(f"{seed} {key}")
        provides = session.device.provides
        waits = any(not CAPABILITY_CASES[capability].silence for capability in provides)
        spoiler = Spoiler(session.clock, dice, outcome, may_lose=not waits)
        steps = [step for capability in provides for step in _steps(session, capability)]
        while outcome.spoilt < frames:
            if outcome.calls > 50 * frames:
                raise AssertionError(f"{key} hardly talks: {outcome}")
            try:
                await _step(session, dice, spoiler, outcome, dice.choice(steps), waits)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{session.wire.story}") from error
        return outcome

    return converse(key, make, talk)


Step = tuple[str, Probe | None, Callable[[], Awaitable[Any]]]


def _steps(session: Session, capability: str) -> list[Step]:
    """Calls to choose from: every probe three times as often as a command."""
    role = session.role(capability)
    steps: list[Step] = []
    for probe in session.counterpart.probes:
        if probe.capability == capability:
            steps += 3 * [(f"read {capability}", probe, lambda probe=probe: probe.read(role))]
    for name in CAPABILITY_CASES[capability].reads:
        steps.append((name, None, getattr(role, name)))
    for act in acts_of(capability, session.counterpart):
        method = getattr(role, act.method)
        steps += [(act.method, None, lambda method=method, args=args: method(*args)) for args in act.arguments]  # type: ignore[misc]
    return steps


async def _step(
    session: Session, dice: random.Random, spoiler: Spoiler, outcome: Outcome, step: Step, waits: bool
) -> None:
    name, probe, call = step
    if session.counterpart.between is not None and outcome.calls % 20 == 0:
        session.wire.spoil = None
        await session.counterpart.between(session.device)
    if probe is not None and probe.stir is not None and dice.random() < 0.7:
        probe.stir(dice)
    spoiler.changed, spoiler.rate, session.wire.spoil = False, dice.choice(RATES), spoiler
    outcome.calls += 1
    began = session.clock.now()
    try:
        value = await session.within_limit(call())
    except VesiflowError as error:
        assert error.device is not None, f"{outcome.driver}: {name}: names no device: {error!r}"
        outcome.errors[type(error).__name__] += 1
    except StillWaiting:
        assert waits, f"{outcome.driver}: {name} hangs"
        outcome.waiting += 1
        session.wire.spoil = None
    else:
        _judge(outcome, name, probe, value, spoiler.changed)
    outcome.longest = max(outcome.longest, session.clock.now() - began)


def _judge(outcome: Outcome, name: str, probe: Probe | None, value: Any, changed: bool) -> None:
    if probe is None:
        outcome.done += 1
    elif value is None:
        outcome.no_value += 1
    elif changed and not probe.guarded:
        assert not isinstance(value, float) or math.isfinite(value), f"{outcome.driver}: {name}: {value}"
        outcome.unseen += 1
    else:
        true = f"{outcome.driver}: {name} reads {value!r}, true is {probe.truth()!r}"
        assert probe.fits(value), true
        outcome.right += 1
