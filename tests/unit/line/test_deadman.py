"""Dead-man: a controller whose event loop hangs loses its line to the safe state, by a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

from line import host as host_module
from line.host import hosted
from line.state import State
from line.trial_line import trial
from records.store import Store

HANG = 0.3  # s
BATCH = "b1"


async def test_a_loop_that_hangs_is_made_safe_without_it_and_its_batch_held(tmp_path: Path) -> None:
    line, recipe, _ = trial("tff", {"clock": {"scaled": 20}})
    async with hosted(line, Store(tmp_path), seed=1) as host:
        controller, plant = host.controller, host.simulated.plant if host.simulated else None
        assert plant is not None
        controller.create(BATCH, recipe, "anna")
        status = controller.start_phase(BATCH, next(iter(recipe.phases())).key)
        pump: Any = controller.line.roles["tff.feed_pump"]
        await pump.set_flow(1e-6)
        await pump.start()
        plant.advance()
        assert plant.tff.drive > 0.0
        with host_module.watched(controller, HANG):
            assert _hang(plant), "the pump stands before the loop turns again"
            await _until(lambda: controller.batch(BATCH).state is State.HELD)
        batch = controller.batch(BATCH)
        assert "hung" in batch.reason
        raised = [one.data["name"] for one in controller.journal.events(BATCH, ["alarm.raised"])]
        assert "line.deadman" in raised
        assert status.state == "running", "held, not lost: a person decides"
    assert not any(thread.name == "dead-man" for thread in threading.enumerate())


def _hang(plant: Any) -> bool:
    """Nothing turns in this loop until the pump stands, or for thirty times as long as it may hang."""
    wait = threading.Event()
    for _ in range(300):
        wait.wait(HANG / 10)  # the loop is blocked
        if plant.tff.drive == 0.0:
            return True
    return False


async def _until(met: Any) -> None:
    for _ in range(3000):
        if met():
            return
        await asyncio.get_running_loop().run_in_executor(None, threading.Event().wait, 0.01)
    raise AssertionError("not in half a minute")
