"""Between the truth and the wire: lag, gain, bias, drift, noise, resolution and range, as a data sheet gives them.

Each sensor has its own generator, seeded by the plant's seed and its name: how often one is read changes no other.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import numpy as np

from sim.config import Sensor

BATCH = 256


class Noise:
    """Standard normal numbers, drawn in batches."""

    def __init__(self, seed: int, name: str) -> None:
        self._generator = np.random.default_rng([seed & 0xFFFFFFFF, zlib.crc32(name.encode())])
        self._waiting: list[float] = []

    def __call__(self) -> float:
        if not self._waiting:
            self._waiting = self._generator.standard_normal(BATCH).tolist()
        return self._waiting.pop()


class Instrument:
    """A sensor: call it for a reading of `truth` at this moment, in the inside unit; clipped to its range."""

    def __init__(self, spec: Sensor, truth: Callable[[], float], now: Callable[[], float], noise: Noise) -> None:
        self._spec = spec
        self._truth = truth
        self._now = now
        self._noise = noise
        self._value: float | None = None
        self._at = 0.0

    def __call__(self) -> float:
        spec, now, truth = self._spec, self._now(), self._truth()
        if self._value is None or spec.lag <= 0.0:
            self._value = truth
        else:
            self._value = truth + (self._value - truth) * math.exp(-(now - self._at) / spec.lag)
        self._at = now
        value = self._value * (1.0 + spec.gain) + spec.bias + spec.drift * now
        spread = spec.noise + spec.relative_noise * abs(self._value)
        if spread > 0.0:
            value += spread * self._noise()
        if spec.resolution > 0.0:
            value = round(value / spec.resolution) * spec.resolution
        return min(max(value, spec.low), spec.high)
