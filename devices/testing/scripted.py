"""A transport that plays a written dialogue, strictly: other bytes than written fail, and so do leftovers.

    steps = [Step(b"CP\r", b"CPA\r"), Step(b"GOB\r"), Step(b"CP\r", b"CPB\r")]
    play(steps, lambda link, clock: ViciActuator(link, clock, options).connect())

Replies are handed out one byte at a time by default, so that every dialogue is also a split-reply test.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from devices.capture import from_text
from devices.link import Link
from vesiflow.clock import Clock, VirtualClock

T = TypeVar("T")


class ScriptError(AssertionError):
    """The dialogue went another way than written, or was not finished."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the host must send next and what it then hears. `send=None`: the instrument speaks by itself.

    `after` is the time (s) the instrument takes before the first byte of its reply, counted from what went before.
    `flushed` bytes are thrown away by the driver before its next command.
    """

    send: bytes | None
    reply: bytes = b""
    after: float = 0.0
    flushed: bool = False


class ScriptedTransport:
    """One scripted instrument. `chunk` is the number of bytes one read returns at most."""

    url = "scripted://"
    blocks = False
    lost = False

    def __init__(self, steps: Iterable[Step], clock: Clock, chunk: int = 1) -> None:
        self._steps = list(steps)
        self._clock = clock
        self._chunk = chunk
        self._said: deque[_Said] = deque()
        self._speak()

    async def write(self, data: bytes) -> None:
        """Take the next step; ScriptError when `data` is not what it says or its forerunner is half read."""
        if self._said:
            raise ScriptError(f"sent {data!r} before {self._unread!r} was read")
        if not self._steps:
            raise ScriptError(f"sent {data!r} after the end of the script")
        step = self._steps.pop(0)
        if step.send != data:
            raise ScriptError(f"sent {data!r}, the script says {step.send!r}")
        self._hear(step)
        self._speak()

    async def read(self, patience: float) -> bytes:
        """Up to `chunk` bytes of the reply; b"" after `patience` s on the clock."""
        wait = self._said[0].due - self._clock.now() if self._said else patience
        if not self._said or self._said[0].flushed or wait > patience:
            await self._clock.sleep(patience)
            return b""
        if wait > 0:
            await self._clock.sleep(wait)
        said = self._said[0]
        data, said.data = said.data[: self._chunk], said.data[self._chunk :]
        if not said.data:
            self._said.popleft()
        return data

    async def discard_input(self) -> bytes:
        """What the script says is thrown away here; other bytes that a driver would throw away are leftovers."""
        data = b""
        while self._said and self._said[0].flushed:
            data += self._said.popleft().data
        if self._said:
            raise ScriptError(f"threw away {self._unread!r}")
        return data

    async def reopen(self) -> None:
        """Never lost."""

    async def close(self) -> None:
        self.finish()

    def finish(self) -> None:
        """ScriptError unless every step was taken and every byte was read."""
        if self._said:
            raise ScriptError(f"never read {self._unread!r}")
        if self._steps:
            raise ScriptError(f"never sent {[step.send for step in self._steps]!r}")

    @property
    def _unread(self) -> bytes:
        return b"".join(said.data for said in self._said)

    def _hear(self, step: Step) -> None:
        if step.reply:
            since = max(self._clock.now(), self._said[-1].due if self._said else 0.0)
            self._said.append(_Said(since + step.after, step.reply, step.flushed))

    def _speak(self) -> None:
        while self._steps and self._steps[0].send is None:
            self._hear(self._steps.pop(0))


@dataclass
class _Said:
    """Bytes that arrive at `due` (s); `flushed` ones may only be thrown away."""

    due: float
    data: bytes
    flushed: bool


def play(steps: Sequence[Step], talk: Callable[[Link, Clock], Awaitable[T]], chunk: int = 1) -> T:
    """What `talk` returns when it holds exactly this dialogue; virtual time, no waiting."""

    async def run() -> T:
        clock = VirtualClock()
        transport = ScriptedTransport(steps, clock, chunk)

        async def act() -> T:
            return await talk(Link(transport, clock, "bench"), clock)

        result = await clock.spawn(act(), "scripted dialogue")
        transport.finish()
        return result

    return asyncio.run(run())


@dataclass(frozen=True, slots=True)
class Vector:
    """One byte-exact example of a wire: None means that nothing is sent or said. `dialogue` is byte by byte."""

    send: bytes | None
    reply: bytes | None
    meaning: str
    kind: str = ""
    dialogue: tuple[tuple[bytes, bytes], ...] = ()


def load_vectors(path: Path) -> list[Vector]:
    """The examples in a JSON file: printable ASCII stands as it is, every other byte is written \\xNN."""
    return [_vector(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["vectors"]]


def _vector(entry: dict[str, str | list[list[str]] | None]) -> Vector:
    def bytes_of(text: object) -> bytes | None:
        return from_text(text) if isinstance(text, str) else None

    steps = entry.get("steps")
    dialogue = [(bytes_of(a) or b"", bytes_of(b) or b"") for a, b in steps] if isinstance(steps, list) else []
    return Vector(
        bytes_of(entry.get("send")), bytes_of(entry.get("reply")), str(entry["meaning"]), str(entry.get("kind") or ""),
        tuple(dialogue),
    )  # fmt: skip
