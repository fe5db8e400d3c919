"""A held unit is still looked at: its sensors are read and recorded, so that nobody is shown a number from before.

Nothing acts here, and nothing is decided: what a value means for the unit is the business of whoever shows it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from devices.readings import Reading
from vesiflow.clock import Clock
from vesiflow.errors import VesiflowError

PERIOD = 10.0  # s

_ONLY = ""  # the name of a reading that its role gives alone

SENSORS: Mapping[str, Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "tff": {
        "pressures": (
            "read_pressures",
            {name: f"tff.{name}_pressure" for name in ("feed", "retentate", "permeate")},
        ),
        "retentate_balance": ("read_mass", {_ONLY: "tff.retentate_mass"}),
        "permeate_balance": ("read_mass", {_ONLY: "tff.permeate_mass"}),
    },
    "sec": {
        "pump": ("read_pressure", {_ONLY: "sec.pressure"}),
        "uv": ("read_absorbance", {_ONLY: "sec.uv"}),
        "conductivity": ("read_conductivity", {_ONLY: "sec.conductivity"}),
    },
    "electroporation": {
        "conductivity": ("read_conductivity", {_ONLY: "electroporation.conductivity"}),
        "electroporator": ("read_log_names", {_ONLY: "electroporation.pulse_logs"}),
    },
    "lyophilization": {
        "shelf": (
            "read_circulator",
            {
                "temperature": "lyophilization.shelf",
                "setpoint": "lyophilization.shelf_setpoint",
                "running": "lyophilization.shelf_runs",
            },
        ),
        "vacuum": (
            "read_pressures",
            {"capacitance": "lyophilization.capacitance", "pirani": "lyophilization.pirani"},
        ),
        "condenser": ("read_temperature", {_ONLY: "lyophilization.condenser"}),
        "product_centre": ("read_temperature", {_ONLY: "lyophilization.product_centre"}),
        "product_edge": ("read_temperature", {_ONLY: "lyophilization.product_edge"}),
    },
}
"""Per unit and role: the reading method, and the tag of each of its readings."""

Show = Callable[[str, Reading | None], None]
"""Takes a tag and its reading, None where the instrument did not answer."""


async def look(unit: str, role: Callable[[str], Any], show: Show) -> None:
    """Read every sensor of `unit` once; `role` gives the object behind a role's full name."""
    for name, (method, tags) in SENSORS.get(unit, {}).items():
        try:
            found = await getattr(role(f"{unit}.{name}"), method)()
        except VesiflowError:
            found = None
        for each, tag in tags.items():
            show(tag, _reading(found, each))


def read_of(unit: str) -> frozenset[str]:
    """The tags that a look at `unit` reads."""
    return frozenset(tag for _, tags in SENSORS.get(unit, {}).values() for tag in tags.values())


def _reading(found: Any, name: str) -> Reading | None:
    """The reading itself, one of several by name, a part of a state, or how many there are of what is listed."""
    if found is None or isinstance(found, Reading):
        return found
    if isinstance(found, Mapping):
        return found.get(name)
    part = getattr(found, name) if name else len(found)
    return part if isinstance(part, Reading) else Reading(float(part), math.nan)


@asynccontextmanager
async def repeated(clock: Clock, work: Callable[[], Awaitable[None]], period: float = PERIOD) -> AsyncIterator[None]:
    """Do `work` now and every `period` s until the block ends; what is under way then is finished, never cut off."""
    state = _Repeated(clock, work, period)
    task = clock.spawn(state.go(), "watch")
    try:
        yield
    finally:
        state.over = True
        if state.busy:
            await clock.join(task)
        else:
            task.cancel()
            await asyncio.wait({task})


class _Repeated:
    def __init__(self, clock: Clock, work: Callable[[], Awaitable[None]], period: float) -> None:
        self._clock, self._work, self._period = clock, work, period
        self.over, self.busy = False, True

    async def go(self) -> None:
        while not self.over:
            self.busy = True
            await self._work()
            self.busy = False
            if not self.over:
                await self._clock.follow(self._period)
