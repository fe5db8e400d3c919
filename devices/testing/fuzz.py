"""Spoilt answers for drivers: truncated, glued, changed, late, split or none. Deterministic by the dice given."""

from __future__ import annotations

import random
from collections.abc import Sequence

from vesiflow.clock import Clock

_TEMPTING = b"0123456789+-.,:;eE \r\n\x02\x03\x06\x10\x15naif\xb2\xff"


def spoil(dice: random.Random, good: bytes) -> bytes:
    """One of the ways an answer goes wrong."""
    data = bytearray(good)
    way = dice.randrange(8)
    if way == 0:
        return bytes(data[: dice.randrange(len(data) + 1)])
    if way == 1:
        return bytes(data + data)
    if way == 2:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(1, 40)))
    if way == 3:
        return b"\r\n" * dice.randrange(3) + bytes(data) + bytes([dice.randrange(256)])
    for _ in range(dice.randrange(1, 4)):
        _change(dice, data, way)
    return bytes(data)


def _change(dice: random.Random, data: bytearray, way: int) -> None:
    at = dice.randrange(len(data) or 1)
    if way == 5 or not data:
        data.insert(at, dice.choice(_TEMPTING))
    elif way == 4:
        data[at] = dice.randrange(256)
    elif way == 6:
        del data[at]
    else:
        data[at] ^= 1 << dice.randrange(8)


class Babbler:
    """A transport that answers every request with a spoilt answer out of `good`, or with a spoilt echo."""

    url = "babble://"
    blocks = False
    lost = False

    def __init__(self, clock: Clock, dice: random.Random, good: Sequence[bytes]) -> None:
        self._clock, self._dice, self._good = clock, dice, list(good)
        self._pending: list[tuple[float, bytes]] = []

    async def write(self, data: bytes) -> None:
        answer = spoil(self._dice, self._dice.choice([*self._good, data]))
        due = self._clock.now() + self._dice.choice([0.0, 0.01, 0.4, 1.5])
        cut = self._dice.randrange(len(answer) + 1)
        self._pending += [(due, answer[:cut]), (due + self._dice.choice([0.0, 0.05]), answer[cut:])]
        self._pending.sort(key=lambda item: item[0])

    async def read(self, patience: float) -> bytes:
        self._pending = [item for item in self._pending if item[1]]
        wait = self._pending[0][0] - self._clock.now() if self._pending else patience + 1.0
        await self._clock.sleep(min(max(wait, 0.0), patience))
        return self._pending.pop(0)[1] if wait <= patience else b""

    async def discard_input(self) -> bytes:
        now = self._clock.now()
        gone = b"".join(data for due, data in self._pending if due <= now)
        self._pending = [item for item in self._pending if item[0] > now]
        return gone

    async def reopen(self) -> None:
        """Never lost."""

    async def close(self) -> None:
        self._pending.clear()
