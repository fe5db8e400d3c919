"""Set-points with ramps: from the current value at the ramp rate to each set-point, then hold.

A stage's duration includes its ramp. A stage too short for its ramp ends where it got to, and the next goes on from
there. Any unit; time in s.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A piecewise linear course: `values` at `times`; it holds the last value for ever."""

    times: tuple[float, ...]
    values: tuple[float, ...]
    unreached: tuple[int, ...] = ()  # stages that ended on their ramp

    @property
    def end(self) -> float:
        return self.times[-1]

    def at(self, time: float) -> float:
        i = bisect_right(self.times, time) - 1
        return self.values[i] + self.rate(time) * (time - self.times[i])

    def rate(self, time: float) -> float:
        """Change per second just after `time`."""
        i = bisect_right(self.times, time) - 1
        if i >= len(self.times) - 1:
            return 0.0
        return (self.values[i + 1] - self.values[i]) / (self.times[i + 1] - self.times[i])


def staged(initial: float, setpoints: Sequence[float], durations: Sequence[float], ramp: float) -> Schedule:
    """The course of a stage list; `ramp` is the positive rate per second of all stages."""
    times, values, unreached = [0.0], [initial], []
    for number, (setpoint, duration) in enumerate(zip(setpoints, durations, strict=True)):
        began, value = times[-1], values[-1]
        needed = abs(setpoint - value) / ramp
        if needed > duration:
            setpoint = value + (ramp if setpoint > value else -ramp) * duration
            unreached.append(number)
        elif 0.0 < needed < duration:
            times.append(began + needed)
            values.append(setpoint)
        times.append(began + duration)
        values.append(setpoint)
    return Schedule(tuple(times), tuple(values), tuple(unreached))


def corners(*schedules: Schedule) -> list[float]:
    """All times at which one of the courses bends, in order."""
    return sorted({time for schedule in schedules for time in schedule.times})
