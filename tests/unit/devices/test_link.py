"""Links: everything a cable does, and no late reply is ever taken for the next answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest

from devices.link import Conversation, Link, exactly, until
from devices.readings import Identity
from vesiflow.clock import VirtualClock
from vesiflow.errors import BadReply, NoReply

Script = Callable[[bytes], list[tuple[float, bytes]]]
CR = until(b"\r")


class Wire:
    """A transport whose far end answers by a script of (delay, bytes)."""

    url = "test://"
    blocks = False
    lost = False

    def __init__(self, clock: VirtualClock, script: Script) -> None:
        self._clock = clock
        self._script = script
        self._queue: deque[tuple[float, bytes]] = deque()
        self.written: list[bytes] = []

    async def write(self, data: bytes) -> None:
        self.written.append(data)
        self._queue.extend((self._clock.now() + delay, reply) for delay, reply in self._script(data))

    async def read(self, patience: float) -> bytes:
        deadline = self._clock.now() + patience
        while True:
            data = self._due()
            if data or self._clock.now() >= deadline:
                return data
            wake = min(self._queue[0][0], deadline) if self._queue else deadline
            await self._clock.sleep(wake - self._clock.now())

    def _due(self) -> bytes:
        data = b""
        while self._queue and self._queue[0][0] <= self._clock.now() + 1e-9:
            data += self._queue.popleft()[1]
        return data

    async def discard_input(self) -> bytes:
        return self._due()

    async def reopen(self) -> None:
        """Never lost."""

    async def close(self) -> None:
        """Nothing to close."""


async def talk(script: Script, conversation: Callable[[Link, VirtualClock], object]) -> tuple[Link, Wire, VirtualClock]:
    clock = VirtualClock()
    wire = Wire(clock, script)
    link = Link(wire, clock, "pump", quiet=0.2)
    await clock.spawn(conversation(link, clock), "talk")  # type: ignore[arg-type]
    return link, wire, clock


async def test_split_reply_is_put_together() -> None:
    async def go(link: Link, clock: VirtualClock) -> None:
        assert await link.query(b"?\r", CR) == b"12.5\r"
        assert clock.now() == pytest.approx(0.3)

    await talk(lambda _: [(0.1, b"1"), (0.2, b"2."), (0.3, b"5\r")], go)


async def test_doubled_reply_is_flushed_before_the_next_query() -> None:
    answers = iter([[(0.1, b"A\r"), (0.15, b"A\r")], [(0.1, b"B\r")]])

    async def go(link: Link, clock: VirtualClock) -> None:
        assert await link.query(b"1\r", CR) == b"A\r"
        await clock.sleep(1.0)
        assert await link.query(b"2\r", CR) == b"B\r"
        assert link.counters.flushed == 2

    await talk(lambda _: next(answers), go)


async def test_foreign_lines_are_skipped_and_counted_but_not_for_ever() -> None:
    async def go(link: Link, clock: VirtualClock) -> None:
        assert await link.query(b"?\r", CR, accept=lambda line: line.startswith(b"P")) == b"P1\r"
        assert link.counters.foreign == 2

    await talk(lambda _: [(0.1, b"E1\rE2\rP1\r")], go)

    async def babble(link: Link, clock: VirtualClock) -> None:
        with pytest.raises(BadReply, match=r"pump: .*answers in another language"):
            await link.query(b"?\r", CR, accept=lambda line: line.startswith(b"P"))

    await talk(lambda _: [(0.1, b"X\r" * 9)], babble)


async def test_late_reply_is_never_the_next_answer() -> None:
    """The first answer comes after its time-out; the second question must get its own."""
    script = {b"1\r": [(1.5, b"ONE\r")], b"2\r": [(0.1, b"TWO\r")]}

    async def go(link: Link, clock: VirtualClock) -> None:
        with pytest.raises(NoReply, match=r"pump: 1.*no answer"):
            await link.query(b"1\r", CR, timeout=1.0)
        assert link.dirty
        assert await link.query(b"2\r", CR, timeout=1.0) == b"TWO\r"
        assert not link.dirty
        assert link.counters.recoveries == 1

    await talk(lambda request: script[request], go)


async def test_recovery_resets_and_asks_who_is_there() -> None:
    replies = {b"1\r": [], b"#": [], b"ID\r": [(0.05, b"SN7\r")], b"2\r": [(0.05, b"OK\r")]}

    async def go(link: Link, clock: VirtualClock) -> None:
        async def identify() -> Identity:
            name = await link.query(b"ID\r", CR)
            return Identity("v", "m", name.decode().strip())

        link.reset = b"#"
        link.identity = await identify()
        link.identify = identify
        with pytest.raises(NoReply):
            await link.query(b"1\r", CR)
        assert await link.query(b"2\r", CR) == b"OK\r"

    _, wire, _ = await talk(lambda request: replies[request], go)
    assert wire.written == [b"ID\r", b"1\r", b"#", b"ID\r", b"2\r"]


async def test_late_reply_while_the_sentinel_asks() -> None:
    """The lost answer arrives in place of the sentinel's: asked again, and nothing is misattributed."""
    script = {b"1\r": [(1.35, b"ONE\r")], b"ID\r": [(0.2, b"SN7\r")], b"2\r": [(0.1, b"TWO\r")]}

    async def go(link: Link, clock: VirtualClock) -> None:
        async def identify() -> Identity:
            return Identity("v", "m", (await link.query(b"ID\r", CR)).decode().strip())

        link.identity, link.identify = await identify(), identify
        with pytest.raises(NoReply):
            await link.query(b"1\r", CR, timeout=1.0)
        assert await link.query(b"2\r", CR, timeout=1.0) == b"TWO\r"

    await talk(lambda request: script[request], go)


async def test_another_instrument_after_a_timeout_is_refused() -> None:
    names = iter([b"SN1\r", b"SN2\r", b"SN2\r", b"SN2\r", b"SN1\r"])

    async def go(link: Link, clock: VirtualClock) -> None:
        async def identify() -> Identity:
            return Identity("v", "m", (await link.query(b"ID\r", CR)).decode().strip())

        link.identity, link.identify = await identify(), identify
        with pytest.raises(NoReply):
            await link.query(b"1\r", CR)
        with pytest.raises(BadReply, match="another instrument answers"):
            await link.query(b"2\r", CR)
        assert link.dirty
        assert await link.query(b"2\r", CR) == b"OK\r"

    await talk(
        lambda request: [(0.05, next(names))] if request == b"ID\r" else [(0.05, b"OK\r")] if request == b"2\r" else [],
        go,
    )


async def test_endless_stream_ends_in_a_typed_error() -> None:
    async def go(link: Link, clock: VirtualClock) -> None:
        with pytest.raises(BadReply, match="endless reply"):
            await link.query(b"?\r", CR, timeout=100.0)

    await talk(lambda _: [(0.01 * n, b"x" * 4096) for n in range(40)], go)


async def test_truncated_reply_is_no_answer() -> None:
    async def go(link: Link, clock: VirtualClock) -> None:
        with pytest.raises(BadReply, match="incomplete reply"):
            await link.query(b"?\r", exactly(4))

    await talk(lambda _: [(0.1, b"abc")], go)


async def test_gap_between_commands_and_one_speaker_at_a_time() -> None:
    async def go(link: Link, clock: VirtualClock) -> None:
        link.gap = 0.5
        times: list[float] = []

        async def ask() -> None:
            await link.query(b"?\r", CR)
            times.append(clock.now())

        tasks = [clock.spawn(ask(), str(n)) for n in range(3)]
        for task in tasks:
            await clock.join(task)
        assert times == pytest.approx([0.1, 0.7, 1.3])

    await talk(lambda _: [(0.1, b"ok\r")], go)


async def test_conversation_is_one_turn() -> None:
    async def go(link: Link, clock: VirtualClock) -> None:
        async def two_steps(c: Conversation) -> bytes:
            await c.write(b"UNI\r")
            assert await c.read(CR, 1.0, "ack") == b"A\r"
            await c.write(b"\x05")
            return await c.read(CR, 1.0, "data")

        assert await link.converse(two_steps) == b"0\r"

    await talk(lambda request: [(0.05, b"A\r")] if request == b"UNI\r" else [(0.05, b"0\r")], go)
