"""Places where a controller can die, counted and named, and the death itself.

Patched in from outside, so that nothing in the product asks whether it is under test: every entry of the journal
(before, after), every byte that goes to or comes from an instrument (before, half of it, after, each chunk read) and
every exchange over HTTP with one (before the request, after the answer has been made).
From the chosen place on every other place raises too: whatever the dying process would still do, it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from devices.http_link import HttpLink
from devices.transports import InlineTransport
from records.journal import Journal

_TOLD_BY = {"event": 0, "tell": 0, "intent": 3}
_JOURNAL = ("event", "tell", "intent", "outcome", "resolve")


class Killed(BaseException):
    """The process is gone; no handler for errors may see it."""


class Death:
    """Counts places and raises `Killed` at the one numbered `at` (from 1); None lets everything live."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.names: list[str] = []
        self.dead = False
        self.armed = False

    def arm(self, at: int | None = None) -> None:
        """From now on places count again, from 1; `at` as for the constructor."""
        self.at, self.names, self.dead, self.armed = at, [], False, True

    @property
    def imminent(self) -> bool:
        """Whether the next place is the last one."""
        return self.armed and not self.dead and self.at == len(self.names) + 1

    def check(self) -> None:
        """Nothing goes on in a dead process."""
        if self.dead:
            raise Killed("dead")

    def place(self, name: str) -> None:
        """Here a process may die."""
        self.check()
        if not self.armed:
            return
        self.names.append(name)
        if len(self.names) == self.at:
            self.dead = True
            raise Killed(name)


@contextmanager
def mortal(death: Death) -> Iterator[None]:
    """Journal and ports as places of `death`."""
    kept = {name: getattr(Journal, name) for name in _JOURNAL}
    write, read = InlineTransport.write, InlineTransport.read
    send = HttpLink._send
    try:
        for name, method in kept.items():
            setattr(Journal, name, _written(death, name, method))
        InlineTransport.write = _sent(death, write)  # type: ignore[method-assign]
        InlineTransport.read = _heard(death, read)  # type: ignore[method-assign]
        HttpLink._send = _exchanged(death, send)  # type: ignore[method-assign]
        yield
    finally:
        for name, method in kept.items():
            setattr(Journal, name, method)
        InlineTransport.write, InlineTransport.read = write, read  # type: ignore[method-assign]
        HttpLink._send = send  # type: ignore[method-assign]


def _written(death: Death, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def around(self: Journal, *args: Any, **kwargs: Any) -> Any:
        what = f"journal {name} {args[_TOLD_BY.get(name, 1)]}"
        death.place(f"{what}: before")
        result = method(self, *args, **kwargs)
        death.place(f"{what}: after")
        return result

    return around


def _sent(death: Death, method: Callable[..., Any]) -> Callable[..., Any]:
    async def around(self: InlineTransport, data: bytes) -> None:
        death.place(f"write {self.url}: before")
        if len(data) > 1 and death.imminent:
            await method(self, data[: len(data) // 2])
        death.place(f"write {self.url}: half")
        await method(self, data)
        death.place(f"write {self.url}: after")

    return around


def _heard(death: Death, method: Callable[..., Any]) -> Callable[..., Any]:
    async def around(self: InlineTransport, patience: float) -> bytes:
        data: bytes = await method(self, patience)
        if data or death.dead:
            death.place(f"read {self.url}")
        return data

    return around


def _exchanged(death: Death, method: Callable[..., Any]) -> Callable[..., Any]:
    async def around(self: HttpLink, request: Any) -> Any:
        what = f"http {request.method} {request.url.path.partition('/')[2].partition('/')[0]}"
        death.place(f"{what}: before")
        answer = await method(self, request)
        death.place(f"{what}: after")
        return answer

    return around
