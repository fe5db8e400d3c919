"""The layer between what is true and what an instrument shows: lag, gain, bias, drift, noise, resolution, range.

    state = sensor.start(truth)
    state, reading = sensor.step(state, sensor_, truth, dt, rng)

Any unit; `rng` is a seeded `random.Random`, or None for a sensor without noise. With the default sensor the reading is
the truth. A value outside the range is clipped and says so: `reading.clipped`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Sensor:
    """Data-sheet values: s, relative gain error, offset, offset per s, standard deviation, step, limits."""

    lag: float = 0.0
    gain: float = 0.0
    bias: float = 0.0
    drift: float = 0.0
    noise: float = 0.0
    resolution: float = 0.0
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class State:
    """The lagged value inside the sensor and its age in s."""

    value: float
    age: float = 0.0


@dataclass(frozen=True)
class Reading:
    """What leaves the instrument."""

    value: float
    clipped: bool = False


def start(truth: float) -> State:
    """A sensor that has settled."""
    return State(truth)


def step(state: State, sensor: Sensor, truth: float, dt: float, rng: Random | None = None) -> tuple[State, Reading]:
    """Follow `truth` for `dt` s, then read."""
    share = -math.expm1(-dt / sensor.lag) if sensor.lag > 0.0 else 1.0
    after = State(state.value + (truth - state.value) * share, state.age + dt)
    return after, read(after, sensor, rng)


def read(state: State, sensor: Sensor, rng: Random | None = None) -> Reading:
    """One reading of the sensor as it stands."""
    noise = rng.gauss(0.0, sensor.noise) if rng and sensor.noise > 0.0 else 0.0
    value = state.value * (1.0 + sensor.gain) + sensor.bias + sensor.drift * state.age + noise
    if sensor.resolution > 0.0:
        value = round(value / sensor.resolution) * sensor.resolution
    clipped = min(max(value, sensor.low), sensor.high)
    return Reading(clipped, clipped != value)
