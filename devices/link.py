"""A link: one conversation at a time over one transport, robust against everything a cable does.

Rules (each has a test): flush before a query; skip and count foreign lines (at most `MAX_FOREIGN`); after a
time-out the link is *dirty*: before the next command it drains until quiet, sends the instrument's reset bytes and
asks who is there; a late reply is never taken for the next answer; gaps between commands are kept by the clock.
A lost port (unplugged, connection closed) is opened again before the next command, which then goes the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

from devices.readings import Identity
from devices.transports import Transport
from vesiflow import errors
from vesiflow.clock import Clock, Lock
from vesiflow.errors import BadReply, NoReply, NotSent, VesiflowError

LATEST = 3.0  # s: an answer comes within this time or never, project default
MAX_FOREIGN = 5
MAX_REPLY = 65536
_DRAINS = 50
_SENTINELS = 3

Framer = Callable[[bytes], int | None]
"""Given what arrived so far: the length of the first complete reply, or None while it is incomplete."""


def until(terminator: bytes) -> Framer:
    """A reply that ends with `terminator`."""

    def frame(data: bytes) -> int | None:
        at = data.find(terminator)
        return None if at < 0 else at + len(terminator)

    return frame


def exactly(length: int) -> Framer:
    """A reply of `length` bytes."""
    return lambda data: length if len(data) >= length else None


@dataclass
class Counters:
    """What went over the link, for `vesiflow line check` and the record."""

    queries: int = 0
    timeouts: int = 0
    foreign: int = 0
    flushed: int = 0
    recoveries: int = 0
    reconnects: int = 0
    sent: int = 0  # writes of commands, those of a recovery not counted


@dataclass
class Link:
    """One instrument's conversation. `name` is the instrument's name in the line file.

    `errors` are those of vesiflow.errors, for drivers that import nothing of ours. `guard` is held around every write
    and raises, before anything leaves, when this process has lost the line. `unasked` is told (name, text) of every
    line that came without being an answer: an error that an instrument reports once must not be lost.
    """

    errors: ClassVar[ModuleType] = errors

    transport: Transport
    clock: Clock
    name: str
    gap: float = 0.0
    reset: bytes = b""
    quiet: float = 0.2
    counters: Counters = field(default_factory=Counters)
    identify: Callable[[], Awaitable[Identity]] | None = None
    identity: Identity | None = None
    guard: AbstractContextManager[None] = field(default_factory=nullcontext)
    unasked: Callable[[str, str], None] | None = None

    def __post_init__(self) -> None:
        self._turn = Lock(self.clock)
        self._free_at = 0.0
        self._dirty = False
        self._recoverer: asyncio.Task[Any] | None = None
        self._rest = b""
        self._lost = 0.0
        self._in_vain = False  # the sentinel was asked without an answer: it may still come

    @property
    def dirty(self) -> bool:
        """Whether a reply may still be under way from an earlier command."""
        return self._dirty

    async def query(
        self,
        request: bytes,
        frame: Framer,
        *,
        accept: Callable[[bytes], bool] | None = None,
        timeout: float = 1.0,
        action: str = "",
    ) -> bytes:
        """Send `request`, return the first framed reply that `accept` takes. NoReply after `timeout` s."""
        async with self._turn_taken():
            self._rest = b""
            self.counters.flushed += len(await self.transport.discard_input())
            self.counters.queries += 1
            await self._write(request)
            return await self._reply(frame, accept, timeout, action or _shown(request))

    async def send(self, request: bytes) -> None:
        """Send a command that is answered by silence."""
        async with self._turn_taken():
            self.counters.queries += 1
            await self._write(request)

    async def converse(self, talk: Callable[[Conversation], Awaitable[bytes]]) -> bytes:
        """Several writes and reads as one turn (echoes, GSIOC bytes, ACK then ENQ)."""
        async with self._turn_taken():
            self._rest = b""
            self.counters.flushed += len(await self.transport.discard_input())
            self.counters.queries += 1
            return await talk(Conversation(self))

    async def fresh_line(self) -> None:
        """On a protocol of lines: what a process that died had begun to send must not begin our first command.

        Ends that line and drains the complaint about it.
        """
        async with self._turn_taken():
            await self._write(b"\n")
            await self._drain(self.quiet)

    def seize(self) -> None:
        """Take the conversation from whoever holds it and never lets go (a hung event loop); it is dirty then."""
        self._turn = Lock(self.clock)
        self._recoverer = None
        self._dirty = True

    def _turn_taken(self) -> _Turn:
        return _Turn(self)

    async def _write(self, data: bytes) -> None:
        with self.guard:
            try:
                await self.transport.write(data)
            except NotSent:
                raise
            except BaseException:
                self.counters.sent += 1  # some of it may have left
                raise
        if self._recoverer is None:
            self.counters.sent += 1

    def wire_time(self) -> float:
        """Seconds in which a reply is waited for: real ones on a real port, however fast the clock runs."""
        return self.clock.now() / self.clock.speed if self.transport.blocks else self.clock.now()

    async def _reply(self, frame: Framer, accept: Callable[[bytes], bool] | None, timeout: float, action: str) -> bytes:
        deadline = self.wire_time() + timeout
        self._lost = timeout if self._recoverer is None else self._lost
        skipped = 0
        foreign = b""
        late = False
        while True:
            size = frame(self._rest) if self._rest else None
            if size is not None:
                reply, self._rest = self._rest[:size], self._rest[size:]
                if accept is None or accept(reply):
                    return reply
                skipped += 1
                foreign = reply.strip() or foreign
                self.counters.foreign += 1
                if self.unasked is not None and foreign and self._recoverer is None:
                    self.unasked(self.name, _shown(foreign))
                if skipped > MAX_FOREIGN:
                    self._dirty = True
                    raise BadReply(
                        "answers in another language",
                        device=self.name,
                        action=action,
                        value=_shown(reply),
                        remedy="check driver, settings and what is plugged in",
                    )
                continue
            last, late = late, self.wire_time() >= deadline
            self._rest += await self._more(deadline, action, foreign, last)

    async def _more(self, deadline: float, action: str, foreign: bytes, last: bool) -> bytes:
        """What comes until the deadline. After it, once, what has come already: this process may have slept."""
        if len(self._rest) > MAX_REPLY:
            self._dirty = True
            raise BadReply(
                "endless reply without an end mark",
                device=self.name,
                action=action,
                remedy="check baud rate and parity",
            )
        left = deadline - self.wire_time()
        data = b"" if last else await self.transport.read(max(left, 0.0))
        if not data and self.wire_time() >= deadline - 1e-9:
            self._dirty = True
            self.counters.timeouts += 1
            if self._rest:
                raise BadReply(
                    "incomplete reply",
                    device=self.name,
                    action=action,
                    value=_shown(self._rest),
                    remedy="check baud rate and cable",
                )
            if foreign:
                raise BadReply(
                    "answers, but not to the question",
                    device=self.name,
                    action=action,
                    value=_shown(foreign),
                    remedy="check driver, settings and what is plugged in",
                )
            raise NoReply("no answer", device=self.name, action=action, remedy="check power, cable and address")
        return data

    async def _recover(self) -> None:
        """Open a lost port again, drain until quiet, reset the instrument's input, and make sure who it is.

        Instruments answer in order, so once the sentinel (who are you?) has its own answer nothing older can follow.
        Was it asked before in vain, then the answer may be the first one's, and the line must stay quiet as long as an
        answer may take. Where there is no sentinel, it must for as long as the lost reply was waited for.
        """
        self.counters.recoveries += 1
        self._recoverer = asyncio.current_task()
        try:
            self._dirty = True
            if self.transport.lost:
                await self.transport.reopen()
                self.counters.reconnects += 1
            await self._drain(self.quiet if self.identify else max(self.quiet, self._lost))
            if self.reset:
                await self._write(self.reset)
            if self.identify is not None:
                await self._same_instrument(self.identify)
                await self._drain(max(self.quiet, LATEST) if self._in_vain else self.quiet)
            self._dirty = self._in_vain = False
        finally:
            self._recoverer = None

    async def _drain(self, quiet: float) -> None:
        self._rest = b""
        for _ in range(_DRAINS):
            if not await self.transport.read(quiet):
                return
        raise BadReply("never falls silent", device=self.name, action="recover", remedy="check for a streaming mode")

    async def _same_instrument(self, identify: Callable[[], Awaitable[Identity]]) -> None:
        """Ask up to three times: the first answers may be late ones to what was asked before."""
        trouble: Exception | None = None
        found: Identity | None = None
        for _ in range(_SENTINELS):
            try:
                found = await identify()
            except VesiflowError as error:
                trouble, self._in_vain = error, True
                await self._drain(self.quiet)
                continue
            if self.identity is None or found == self.identity:
                return
            trouble, self._in_vain = None, True
            await self._drain(self.quiet)
        self._dirty = True
        if trouble is not None or found is None or self.identity is None:
            raise trouble or NoReply("no answer", device=self.name, action="identify", remedy="check power and cable")
        raise BadReply(
            "another instrument answers",
            device=self.name,
            action="identify",
            value=f"{found.model} {found.serial_number}".strip(),
            bounds=f"{self.identity.model} {self.identity.serial_number}".strip(),
            remedy="check cables",
        )


class _Turn:
    """One speaker at a time; recovery and the minimum gap before it. Recovery's own queries pass through."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._inner = link._recoverer is asyncio.current_task()

    async def __aenter__(self) -> None:
        link = self._link
        if self._inner:
            return
        await link._turn.acquire()
        try:
            if link._dirty or link.transport.lost:
                await link._recover()
            wait = link._free_at - link.clock.now()
            if wait > 0:
                await link.clock.sleep(wait)
        except BaseException:
            link._turn.release()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        link = self._link
        if kind is not None and issubclass(kind, asyncio.CancelledError | NoReply):
            link._dirty = True  # the answer may still come
        link._dirty = link._dirty or link.transport.lost
        link._free_at = link.clock.now() + link.gap
        if not self._inner:
            link._turn.release()


@dataclass
class Conversation:
    """Write and read inside one turn of a link."""

    link: Link

    async def write(self, data: bytes) -> None:
        await self.link._write(data)

    async def read(self, frame: Framer, timeout: float, action: str) -> bytes:
        """The next framed reply; NoReply after `timeout` s, and the link is then dirty."""
        return await self.link._reply(frame, None, timeout, action)

    def spoil(self) -> None:
        """Mark the link dirty: what came does not fit the conversation."""
        self.link._dirty = True


def _shown(data: bytes) -> str:
    text = data[:60].decode("latin-1").encode("unicode_escape").decode()
    return text + ("…" if len(data) > 60 else "")
