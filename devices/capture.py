"""A session with an instrument, written down byte by byte while it happens, so that a test can replay it.

A capture is a text file with one JSON object a line: a head that says which driver spoke to what, then in order

    {"do": "read_mass", "args": []}          a method was called, arguments in the inside units
    {"send": "SI\\r\\n"}                       what left
    {"hear": "S S  117.42 g\\r\\n", "after": 0.031}    what came, so long (s) after what went before
    {"flushed": "...", "after": 0.5}         what came unasked and was thrown away
    {"gave": {"": "117.42 g"}}               what the method gave, or {"raised": "NoReply"}

Printable ASCII stands as it is; every other byte, and the backslash, is written \\xNN.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, is_dataclass
from functools import wraps
from pathlib import Path
from typing import IO, Any

from devices.by_hand import methods, rows
from devices.commands import declared
from devices.line_file import InstrumentSpec, RoleSpec
from devices.readings import Identity
from devices.transports import Transport
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, VesiflowError

FORMAT = 1
SUFFIX = ".capture"
DIGITS = 9
Note = Callable[..., None]


def as_text(data: bytes) -> str:
    """Bytes as they are written in a capture."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\x{byte:02X}" for byte in data)


def from_text(text: str) -> bytes:
    """The bytes that `as_text` wrote."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


class Recorder:
    """A transport that writes down what passes through another one."""

    def __init__(self, inner: Transport, clock: Clock, note: Note) -> None:
        self.url, self.blocks = inner.url, inner.blocks
        self._inner, self._clock, self._note = inner, clock, note
        self._last = self._now()

    @property
    def lost(self) -> bool:
        """Whether the port failed."""
        return self._inner.lost

    async def write(self, data: bytes) -> None:
        await self._inner.write(data)
        self._note(send=as_text(data))
        self._last = self._now()

    async def read(self, patience: float) -> bytes:
        data = await self._inner.read(patience)
        self._heard("hear", data)
        return data

    async def discard_input(self) -> bytes:
        data = await self._inner.discard_input()
        self._heard("flushed", data)
        return data

    async def reopen(self) -> None:
        await self._inner.reopen()
        self._note(reopened=True)

    async def close(self) -> None:
        await self._inner.close()

    def _heard(self, how: str, data: bytes) -> None:
        if data:
            self._note(**{how: as_text(data), "after": round(self._now() - self._last, 4)})
            self._last = self._now()

    def _now(self) -> float:
        """Real seconds on a real port, however fast the clock runs."""
        return self._clock.now() / self._clock.speed if self.blocks else self._clock.now()


class RecordedRole:
    """The object behind a role, every declared call written down with what it gave."""

    def __init__(self, target: Any, capability: str, note: Note) -> None:
        self._target, self._note = target, note
        self._returns = {name: method.returns for name, method in methods(target, capability).items()}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if declared(method) is None:
            return method

        @wraps(method)
        async def call(*args: Any) -> Any:
            return await noted(self._note, name, args, method(*args), self._returns[name])

        return call


async def noted(note: Note, name: str, args: tuple[Any, ...], work: Awaitable[Any], returns: Any) -> Any:
    """What `work` gives, written down as the call `name`."""
    note(do=name, args=[asdict(arg) if is_dataclass(arg) and not isinstance(arg, type) else arg for arg in args])
    try:
        result = await work
    except VesiflowError as error:
        note(raised=type(error).__name__, reason=error.reason)
        raise
    note(gave=dict(rows(returns, result, DIGITS)))
    return result


class Capture:
    """A capture being written to `file`, line by line, so that what a broken session left is kept as well."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.bytes_sent = self.bytes_heard = 0

    def head(self, spec: InstrumentSpec, role: RoleSpec, software: str, taken: str) -> None:
        """The first line: which driver speaks to what, with which options."""
        self.note(
            capture=FORMAT, driver=spec.driver_name, at=spec.at, settings=str(spec.settings),
            options=spec.options.model_dump(mode="json", exclude_defaults=True), capability=role.capability,
            role=dict(role.options), software=software, taken=taken,
        )  # fmt: skip

    def note(self, **entry: Any) -> None:
        """One more line, on its way to the disk."""
        self.bytes_sent += len(from_text(entry.get("send", "")))
        self.bytes_heard += len(from_text(entry.get("hear", "")))
        self._file.write(json.dumps(entry, ensure_ascii=True) + "\n")
        self._file.flush()

    def transport(self, inner: Transport, clock: Clock) -> Transport:
        """Records what passes through `inner` from here on: the driver connects next."""
        self.note(do="connect", args=[])
        return Recorder(inner, clock, self.note)

    def role(self, target: Any, capability: str, identity: Identity) -> RecordedRole:
        """Records every call of `target`, the object behind a role; the driver has connected to `identity`."""
        self.note(gave=dict(rows(None, identity, DIGITS)))
        return RecordedRole(target, capability, self.note)


@dataclass(frozen=True)
class Captured:
    """A capture as read from its file: the head, who answered, and everything that happened, in order."""

    head: dict[str, Any]
    entries: tuple[dict[str, Any], ...]


def read_capture(path: Path) -> Captured:
    """The capture at `path`; ConfigError when it is none, or one that cannot replay."""
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read as a capture: {error}", device=str(path), action="read") from error
    if not entries or not isinstance(entries[0], dict) or entries[0].get("capture") != FORMAT:
        raise ConfigError("is no capture", device=str(path), bounds=f"version {FORMAT} of `vesiflow capture`")
    if any("reopened" in entry for entry in entries):
        raise ConfigError("the port was lost meanwhile: take it again", device=str(path), action="replay")
    return Captured(entries[0], tuple(entries[1:]))
