"""What the conformance kit needs to know of the far end of a driver: an emulator, and what is true behind it."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from vesiflow.clock import Clock


class LineSettings(Protocol):
    """Line settings of the instrument; `baudrate` None where the line has none (USB, TCP)."""

    @property
    def baudrate(self) -> int | None: ...
    @property
    def bytesize(self) -> int: ...
    @property
    def parity(self) -> str: ...
    @property
    def stopbits(self) -> float: ...


class Emulator(Protocol):
    """Bytes in, bytes out, at a time. Best written from the manual a second time, without a look at the driver."""

    @property
    def settings(self) -> LineSettings: ...
    def receive(self, data: bytes) -> None:
        """Bytes from the host arrive."""

    def transmit(self) -> bytes:
        """Bytes that have left the instrument by now, each returned once."""

    def due_in(self) -> float | None:
        """Seconds until more bytes leave, None while nothing is under way."""


@dataclass(frozen=True)
class Probe:
    """A reading whose true value is known.

    `read(role)` gives the value, or None where the instrument says that there is none; `truth()` is what it must be
    at this moment; `stir(dice)` changes the truth, None where only the driver's own commands change it. `guarded`
    says that a checksum shows every changed byte. `alike` says that no answer on this wire can be told from another
    (no id, no echo, no other question to ask): an instrument that is always one answer behind cannot be noticed.
    """

    capability: str
    read: Callable[[Any], Awaitable[Any]]
    truth: Callable[[], Any]
    stir: Callable[[random.Random], None] | None = None
    relative: float = 0.02
    absolute: float = 0.0
    guarded: bool = False
    alike: bool = False

    def fits(self, value: Any) -> bool:
        """Whether `value` is the truth, within tolerance."""
        truth = self.truth()
        if isinstance(truth, float) and isinstance(value, float):
            return math.isclose(value, truth, rel_tol=self.relative, abs_tol=self.absolute)
        return bool(value == truth)


@dataclass(frozen=True)
class Counterpart:
    """The far end of one driver.

    `options` are its line-file keys, `roles` the role options by capability (channel, positions), `arguments` other
    arguments than the kit's by method ("set_flow": (1e-7, 2e-7)), `prepare` what a person does before the first
    command, `between` what a person does now and then (fresh tips), `limit` the longest that one method may take (s).
    `waits`: a person answers, so that silence is no error.
    """

    emulator: Emulator
    options: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    arguments: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    probes: Sequence[Probe] = ()
    prepare: Callable[[Any], Awaitable[None]] | None = None
    between: Callable[[Any], Awaitable[None]] | None = None
    limit: float = 60.0
    waits: bool = False


Make = Callable[[Clock], Counterpart]
"""Builds a fresh counterpart on the given clock."""


def driver_name(key: str) -> str:
    """ "uv_modbus[tcp]" is a second counterpart of the driver "uv_modbus"."""
    return key.partition("[")[0]
