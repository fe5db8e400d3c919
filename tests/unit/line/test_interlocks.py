"""Interlocks: debounce, NaN trips, first-out and manual reset, limits of the line file, warnings that come and go."""

from __future__ import annotations

import math
from typing import Any

import pytest

from line.interlocks import Interlocks
from vesiflow.errors import LimitExceeded


class Rig:
    def __init__(self, **line: tuple[float, float]) -> None:
        self.now = 0.0
        self.warned: list[tuple[Any, ...]] = []
        self.calmed: list[str] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.interlocks = Interlocks(
            lambda: self.now, lambda *args: self.warned.append(args), self.calmed.append,
            lambda kind, **data: self.notes.append((kind, data)), line,
        )  # fmt: skip

    def after(self, seconds: float) -> Interlocks:
        self.now += seconds
        return self.interlocks


def test_a_limit_trips_after_its_delay_only() -> None:
    rig = Rig()
    rig.interlocks.limit("t", 11.0, high=10.0)
    rig.after(4.9).limit("t", 11.0, high=10.0)
    with pytest.raises(LimitExceeded, match=r"t: t outside its limit \(got 11, allowed 10\)"):
        rig.after(0.1).limit("t", 11.0, high=10.0)
    assert rig.warned[0][0] == "line.limit"


def test_coming_back_starts_the_delay_anew() -> None:
    rig = Rig()
    for value in (11.0, 11.0, 9.0, 11.0, 11.0):
        rig.after(2.0).limit("t", value, high=10.0)
    assert rig.warned == []


@pytest.mark.parametrize("low, high", [(0.0, math.inf), (-math.inf, 10.0), (0.0, 10.0), (-math.inf, math.inf)])
def test_no_number_is_outside(low: float, high: float) -> None:
    rig = Rig()
    with pytest.raises(LimitExceeded):
        rig.interlocks.limit("t", math.nan, low=low, high=high, debounce=0.0)


def test_the_delay_of_the_alarm_counts() -> None:
    rig = Rig()
    rig.interlocks.limit("p", 9.0, low=10.0, alarm="tff.air")
    with pytest.raises(LimitExceeded, match="find the air"):
        rig.after(2.0).limit("p", 9.0, low=10.0, alarm="tff.air")


def test_first_out_stays_until_a_person_resets() -> None:
    rig = Rig()
    for alarm in ("tff.feed_pump", "tff.air"):
        with pytest.raises(LimitExceeded):
            rig.interlocks.require(alarm, False, "bad", debounce=0.0)
    assert rig.interlocks.first_out == "tff.feed_pump"
    assert [(data["first_out"], data["cause"]) for kind, data in rig.notes] == [
        (True, "tff.feed_pump"), (False, "tff.feed_pump"),
    ]  # fmt: skip
    rig.interlocks.reset()
    assert rig.interlocks.first_out is None
    assert rig.notes[-1] == ("interlock.reset", {"cause": "tff.feed_pump"})


def test_limits_of_the_line_file() -> None:
    rig = Rig(**{"tff.feed_pressure": (-1e4, 1e5)})
    rig.interlocks.of_line("tff.tmp", 1e9)
    rig.interlocks.of_line("tff.feed_pressure", 2e5)
    with pytest.raises(LimitExceeded, match=r"tff\.feed_pressure outside"):
        rig.after(5.0).of_line("tff.feed_pressure", 2e5)


def test_a_warning_comes_and_goes_without_a_trip() -> None:
    rig = Rig()
    assert not rig.interlocks.advise("tff.fouling", True, "rises")
    assert rig.after(600.0).advise("tff.fouling", True, "rises")
    assert rig.after(2.0).advise("tff.fouling", True, "rises")
    assert len(rig.warned) == 1
    assert not rig.after(600.0).advise("tff.fouling", False, "rises")
    assert rig.calmed == ["tff.fouling"]
    assert rig.interlocks.first_out is None
