"""A controller that wakes up after another one has taken its line, and people who press twice."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from line.gateway import Gateway
from line.host import Host, hosted
from line.state import Command
from line.trial_line import trial
from line.trial_result import Result
from protocols.control import ControlRecipe
from records.journal import Fenced, Journal
from records.store import Store
from vesiflow.errors import Refused, VesiflowError

OFTEN = 10


async def woken(result: Result, seed: int) -> Result:
    """Another process writes the journal of the line; what the first one still wants to send does not leave."""
    line, _, _ = trial("tff")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        async with hosted(line, store, seed=seed) as host:
            gateway = Gateway(host.controller.line, host.controller.journal, "", "asleep", 1)
            assert host.simulated is not None
            plant = host.simulated.plant
            with Journal(store.journal(line.name), host.clock, code_version="other", boot_id="other"):
                pump = gateway.role("tff.feed_pump")
                for act in (pump.set_flow(1e-6), pump.start(), pump.stop()):
                    try:
                        await host.clock.spawn(act, "too late")
                    except Fenced as fenced:
                        result.note = str(fenced)
                    else:
                        result.add("a stale command was sent")
                result.add("the pump turns" if plant.tff.drive or plant.ledger.of("feed pump") else "")
    return result.ended("Refused", by="journal")


async def pressed_often(result: Result, seed: int) -> Result:
    """The same orders ten times at once: one batch, one phase, one stop; the others are told."""
    line, recipe, _ = trial("tff")
    with tempfile.TemporaryDirectory() as folder:
        async with hosted(line, Store(Path(folder)), seed=seed) as host:
            refused = await _often(host, recipe)
            for kind in ("batch.created", "phase.started"):
                count = len(host.controller.journal.events("twice", [kind]))
                result.add(f"{count} times {kind}" if count != 1 else "")
            result.add(f"{OFTEN - refused} of {OFTEN} stops taken" if refused != OFTEN - 1 else "")
    return result.ended("Refused", by="state machine")


async def _often(host: Host, recipe: ControlRecipe) -> int:
    """How many of the stops were refused."""
    key = next(iter(recipe.phases())).key
    client = host.client
    await asyncio.gather(*(client.create("twice", recipe, "somebody") for _ in range(OFTEN)))
    for _ in range(OFTEN):
        host.controller.start_phase("twice", key)
    stops = (client.command("twice", Command.STOP, "somebody", "pressed") for _ in range(OFTEN))
    answers = await asyncio.gather(*stops, return_exceptions=True)
    await host.controller.batch("twice").phases[key].finished.wait()
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, VesiflowError):
            raise answer
    return sum(isinstance(answer, Refused) for answer in answers)
