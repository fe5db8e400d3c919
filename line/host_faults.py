"""Faults of the computer that the controller runs on: a full disk, a clock that jumps, a flood, a person in a hurry."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from datetime import timedelta

from line.host import Host
from line.state import Command
from sim.faults.injectors import ONCE, Effect, Injector, Scene, Settings, number
from vesiflow.clock import VirtualClock


def injectors(host: Host) -> Mapping[str, Injector]:
    """The injectors of host faults for one controller."""

    def disk_full(scene: Scene, settings: Settings) -> Effect:
        """No file of this process may grow any more: what a full disk does, done by the operating system."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
        return Effect(undo=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before))

    def clock_step(scene: Scene, settings: Settings) -> Effect:
        """The wall clock jumps by `seconds`; process time does not notice."""
        if isinstance(host.clock, VirtualClock):
            host.clock.step_wall(timedelta(seconds=number(settings, "seconds", 3600.0)))
        return ONCE

    def flood(scene: Scene, settings: Settings) -> Effect:
        """`count` alarms at once from one cause: a utility is gone and every unit says so."""
        for index in range(int(number(settings, "count", 500))):
            host.controller.alarms.raise_("line.fault", "no compressed air", batch=f"unit-{index}")
        return ONCE

    def stop(scene: Scene, settings: Settings) -> Effect:
        """A person presses stop, whatever is going on, as often as `count` says."""
        for batch in host.controller.batches:
            for _ in range(int(number(settings, "count", 1))):
                host.clock.spawn(_press(host, batch), "a person presses stop")
        return ONCE

    return {"disk.full": disk_full, "clock.step": clock_step, "alarm.flood": flood, "person.stops": stop}


async def _press(host: Host, batch: str) -> None:
    await host.controller.command(batch, Command.STOP, "somebody", "stop pressed")
