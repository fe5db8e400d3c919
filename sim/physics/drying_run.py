"""A whole primary drying run: the twin's own step looped over a recipe of shelf and chamber pressure.

Units as in `primary_drying` (cm, g, Torr, degC), times in s. Steps are 60 s and land on every bend of the recipe; they
grow only where a step would move neither the dry layer by 1/2000 nor the conditions noticeably.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sim.physics.primary_drying import Inputs, State, Vial, start, step
from sim.physics.schedule import Schedule, corners

STEP = 60.0  # s


class NotDry(ValueError):
    """The recipe ends before the ice."""


@dataclass(frozen=True)
class DryingRun:
    """The course of one vial, first state to last."""

    vial: Vial
    course: tuple[State, ...]

    @property
    def duration(self) -> float:
        """s until the ice is gone."""
        return self.course[-1].time

    def flux(self, state: State) -> float:
        """kg/h/m^2."""
        return 10.0 * state.rate / self.vial.product_area

    def time_at(self, share: float) -> float:
        """Time at which this share of the layer is dry, s."""
        layer = share * self.vial.height
        for before, after in pairwise(self.course):
            if after.layer >= layer:
                rise = after.layer - before.layer
                return before.time + (after.time - before.time) * (layer - before.layer) / rise
        return self.duration

    def hottest(self) -> tuple[float, float]:
        """Largest (front, bottom) temperatures, degC."""
        return max(s.front for s in self.course), max(s.bottom for s in self.course)

    def fastest(self) -> State:
        """The state of the largest flux."""
        return max(self.course, key=lambda s: s.rate)


def dry(vial: Vial, shelf: Schedule, pressure: Schedule, dt: float = STEP) -> DryingRun:
    """Run the recipe until the vial is dry; NotDry when the longer course ends first."""
    first = start(Inputs(vial, shelf.at(0.0), pressure.at(0.0)))
    course = [first]
    for state in _states(first, vial, shelf, pressure, dt):
        course.append(state)
        if state.dry(vial):
            return DryingRun(vial, tuple(course))
    raise NotDry("not dry at the end of the recipe")


def _states(state: State, vial: Vial, shelf: Schedule, pressure: Schedule, dt: float) -> Iterator[State]:
    for begin, end in pairwise(corners(shelf, pressure)):
        rates = shelf.rate(begin), pressure.rate(begin)
        shelf_start, pressure_start = shelf.at(begin), pressure.at(begin)
        while state.time < end - 1e-6:
            done = state.time - begin
            inputs = Inputs(vial, shelf_start + rates[0] * done, pressure_start + rates[1] * done, *rates)
            length = min(_length(state, inputs, dt), end - state.time)
            state = step(state, inputs, length)
            yield state


def _length(state: State, inputs: Inputs, dt: float) -> float:
    """`dt`, or longer in a recipe so slow that 60 s change nothing.

    Shorter while nothing sublimes and the recipe moves: the product is at its warmest where sublimation sets in.
    """
    longest = [vial_time(state, inputs.vial) / 2000.0]
    if inputs.shelf_rate:
        longest.append(0.02 / abs(inputs.shelf_rate))
    if inputs.pressure_rate:
        longest.append(0.001 * inputs.pressure / abs(inputs.pressure_rate))
    return max(dt, min(longest)) if state.rate > 0.0 else min(dt, *longest)


def vial_time(state: State, vial: Vial) -> float:
    """Time to dry the whole height at the present rate, s."""
    per_second = state.rate * vial.advance / 3600.0
    return vial.height / per_second if per_second > 0.0 else float("inf")
