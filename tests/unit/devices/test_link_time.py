"""In which seconds a link waits: the clock's on a simulated port, real ones on a real port, and never in vain."""

from __future__ import annotations

import asyncio

import pytest

from devices.link import Link, until
from devices.transports import InlineTransport
from vesiflow.clock import ScaledClock, VirtualClock
from vesiflow.errors import BadReply, NoReply


class HandClock(VirtualClock):
    """Time moves when the test says so."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__()
        self.speed = speed

    def go(self, seconds: float) -> None:
        self._now += seconds


class Port:
    """A real port by its word: `answers` are what successive reads find; during the first one `slow` s pass."""

    url = "test"
    lost = False

    def __init__(self, clock: HandClock, answers: list[bytes], *, blocks: bool = True, slow: float = 0.0) -> None:
        self.blocks = blocks
        self.waited: list[float] = []
        self._clock, self._answers, self._slow = clock, answers, slow

    async def write(self, data: bytes) -> None: ...

    async def read(self, patience: float) -> bytes:
        self.waited.append(patience)
        self._slow, seconds = 0.0, self._slow
        self._clock.go(seconds)
        if self._answers:
            return self._answers.pop(0)
        self._clock.go(patience * (self._clock.speed if self.blocks else 1.0))
        return b""

    async def discard_input(self) -> bytes:
        return b""

    async def reopen(self) -> None: ...

    async def close(self) -> None: ...


def ask(port: Port, clock: HandClock) -> bytes:
    return asyncio.run(Link(port, clock, "pump").query(b"?\r", until(b"\r"), timeout=1.0))


@pytest.mark.parametrize(("blocks", "passed"), [(True, 100.0), (False, 1.0)])
def test_time_outs_are_real_seconds_on_a_real_port(blocks: bool, passed: float) -> None:
    clock = HandClock(speed=100.0)
    port = Port(clock, [], blocks=blocks)
    with pytest.raises(NoReply):
        ask(port, clock)
    assert port.waited[0] == pytest.approx(1.0)
    assert clock.now() == pytest.approx(passed)


def test_an_answer_that_came_while_this_process_slept_counts() -> None:
    clock = HandClock()
    port = Port(clock, [b"o", b"k\r"], slow=60.0)
    assert ask(port, clock) == b"ok\r"
    assert port.waited == [1.0, 0.0]


def test_after_a_sleep_nothing_more_is_waited_for() -> None:
    clock = HandClock()
    port = Port(clock, [b"h", b"al", b"f\r"], slow=60.0)
    with pytest.raises(BadReply, match="incomplete reply"):
        ask(port, clock)
    assert port.waited == [1.0, 0.0]


class Late:
    """A simulated port: during the first look, which finds nothing, a minute passes and the answer comes."""

    def __init__(self, clock: HandClock) -> None:
        self._clock, self._looks = clock, 0

    def write(self, data: bytes) -> None: ...

    @property
    def in_waiting(self) -> int:
        self._looks += 1
        return 3 * (self._looks > 2)

    def read(self, size: int) -> bytes:
        return b"ok\r"[:size]

    def due_in(self) -> float:
        self._clock.go(30.0)
        return 0.01


def test_an_answer_that_came_during_the_look_at_a_simulated_port_counts() -> None:
    clock = HandClock()

    async def ask() -> bytes:
        link = Link(InlineTransport("sim://x", Late(clock), clock), clock, "pump")
        return await clock.spawn(link.query(b"?\r", until(b"\r"), timeout=1.0), "asker")

    assert asyncio.run(ask()) == b"ok\r"


def test_a_scaled_clock_tells_its_speed() -> None:
    assert (ScaledClock(50.0).speed, VirtualClock().speed) == (50.0, 1.0)
