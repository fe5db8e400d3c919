"""A host that is over leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path
from typing import Any

from devices.line_file import load_line
from line.host import hosted, make_world
from records.store import Store


def test_nothing_keeps_a_controller_or_its_plant_when_its_host_is_over(tmp_path: Path) -> None:
    async def once() -> list[weakref.ref[Any]]:
        line = load_line("sim")
        world = make_world(line, 1)
        async with hosted(line, Store(tmp_path), seed=1, world=world) as host:
            assert (await host.client.line())["name"] == "sim"
            assert world.simulated is not None
            return [weakref.ref(host.controller), weakref.ref(world.simulated.plant)]

    kept = asyncio.run(once())
    gc.collect()
    assert [one() for one in kept] == [None, None]
