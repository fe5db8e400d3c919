"""The dead-man of a phase: how long it waits for a scan."""

from __future__ import annotations

import asyncio

import pytest

from line.watchdog import HANG, Pulse, supervised
from vesiflow.clock import VirtualClock
from vesiflow.errors import DeviceFault


def scan(speed: float, seconds: float, patience: float) -> None:
    """A phase that does not look at its unit for so long, on a clock of this speed."""
    clock = VirtualClock()
    clock.speed = speed

    async def main() -> None:
        await clock.spawn(supervised(Pulse(clock), clock.sleep(seconds), patience, "1-tff"), "phase")

    asyncio.run(main())


def test_a_phase_that_does_not_scan_is_ended() -> None:
    scan(1.0, 59.0, 60.0)
    with pytest.raises(DeviceFault, match="not supervised"):
        scan(1.0, 61.0, 60.0)


def test_on_a_fast_clock_it_is_given_the_real_time_of_a_hang() -> None:
    scan(100.0, 100.0 * HANG - 1.0, 60.0)
    with pytest.raises(DeviceFault, match="not supervised"):
        scan(100.0, 100.0 * HANG + 1.0, 60.0)
