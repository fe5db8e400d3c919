"""Faults of the computer that the controller runs on: a full disk, a clock that jumps, a flood, a person in a hurry."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from line.host import Host
from line.state import Command
from records.reserve import Reserve
from sim.faults.injectors import ONCE, Effect, Injector, Scene, Settings, number
from vesiflow.clock import VirtualClock
from vesiflow.errors import Refused


def injectors(host: Host) -> Mapping[str, Injector]:
    """The injectors of host faults for one controller."""

    def disk_full(scene: Scene, settings: Settings) -> Effect:
        """The journal's volume is full: SQLite gets no page more, and says what it says when the disk has none."""
        journal = host.controller.journal
        left = int(number(settings, "pages", 0.0))
        pages, size = (int(journal._db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
        journal._db.execute(f"PRAGMA max_page_count={pages + left}")
        journal.reserve = _Full(journal.path, left * size)
        return Effect(undo=lambda: _freed(host))

    def disk_broken(scene: Scene, settings: Settings) -> Effect:
        """No file of this process may grow any more: every write fails, as on a disk that is broken."""
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

    def press(scene: Scene, settings: Settings) -> Effect:
        """A person gives the PackML command `command`, whatever is going on, as often as `count` says."""
        command = Command(str(settings.get("command", Command.STOP)))
        for batch in host.controller.batches:
            for _ in range(int(number(settings, "count", 1))):
                host.clock.spawn(_press(host, batch, command), f"a person presses {command}")
        return ONCE

    return {
        "disk.full": disk_full, "disk.broken": disk_broken, "clock.step": clock_step, "alarm.flood": flood,
        "person.presses": press,
    }  # fmt: skip


class _Full(Reserve):
    """The reserve on a disk of which the operating system says that `left` bytes are free."""

    def __init__(self, path: Path, left: int) -> None:
        super().__init__(path)
        self._left = left

    def free(self) -> int:
        return self._left


def _freed(host: Host) -> None:
    """Somebody has made room; nobody has told the controller."""
    host.controller.journal.reserve = Reserve(host.controller.journal.path)
    host.controller.journal._db.execute("PRAGMA max_page_count=1000000")


async def _press(host: Host, batch: str, command: Command) -> None:
    with suppress(Refused):  # that is the answer to who presses it twice
        await host.controller.command(batch, command, "somebody", f"{command} pressed")
