"""Between the truth and the wire: each sensor with its data-sheet errors (`sim.physics.sensor`) and its own noise.

Each has its own generator, seeded by the plant's seed and its name: how often one is read changes no other.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sim.config import Sensor
from sim.physics import sensor as layer


def generator(seed: int, name: str) -> Random:
    """The random numbers of whatever is called `name`."""
    return Random(f"{seed}:{name}")


class Instrument:
    """A sensor: call it for a reading of `truth` at this moment, in the inside unit; clipped to its range."""

    def __init__(self, spec: Sensor, truth: Callable[[], float], now: Callable[[], float], rng: Random) -> None:
        self._truth = truth
        self._now = now
        self._rng = rng
        self._flicker = spec.relative_noise
        self._sensor = layer.Sensor(**spec.model_dump(exclude={"relative_noise"}))
        self._state: layer.State | None = None
        self._at = 0.0
        self.clipped = False  # the last reading was at the end of the range
        self.trouble: Callable[[float], float] | None = None  # what a fault makes of a reading

    def __call__(self) -> float:
        now, truth = self._now(), self._truth()
        if self._flicker > 0.0:
            truth *= 1.0 + self._flicker * self._rng.gauss(0.0, 1.0)
        if self._state is None:
            self._state, self._at = layer.start(truth), now
        self._state, reading = layer.step(self._state, self._sensor, truth, now - self._at, self._rng)
        self._at, self.clipped = now, reading.clipped
        return reading.value if self.trouble is None else self.trouble(reading.value)
