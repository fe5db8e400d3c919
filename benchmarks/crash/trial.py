"""One batch on a simulated line whose controller dies at chosen places and is started again on the same plant."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from benchmarks.crash.death import Death, Killed, mortal
from benchmarks.crash.judge import Deeds, deeds
from benchmarks.crash.technician import Technician
from devices.line_file import LineFile, line_from_text, load_line
from line import host_faults
from line.host import Host, World, hosted, make_world
from line.state import OVER, State
from protocols.check import check, refuse
from protocols.control import ControlRecipe
from protocols.load import load
from protocols.resolve import resolve
from records.journal import verify
from records.store import Store
from sim.faults.director import attach
from sim.faults.model import Fault
from sim.plant import Plant
from vesiflow.errors import VesiflowError

ROOT = Path(__file__).parents[2]
RECIPES = ("crash-loading", "crash-vials", "crash-tff", "crash-sec")
GAP = 2.0  # s a supervisor takes to start the controller again
BATCH = "crash"
SEED = 1
FAILED_STARTS = 3  # times a supervisor starts a controller that does not come up
_SMALL_COLUMN = {"column_length": "10 cm", "column_diameter": "16 mm", "dead_volume": "0.2 mL"}


@dataclass
class Result:
    """What became of a batch: its end, what happened physically, where it died, why it was held."""

    end: str
    deeds: Deeds
    places: list[str] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    chain: str = ""
    starts: int = 0
    trace: str = ""

    @property
    def complete(self) -> bool:
        """Whether the batch came to its end."""
        return self.end == State.COMPLETE


@lru_cache
def job(name: str) -> tuple[LineFile, ControlRecipe]:
    """The line and the control recipe of one of `RECIPES`; the column of the line is small for all of them.

    "crash-loading@ot2" has an Opentrons robot of that kind pipette.
    """
    name, _, robot = name.partition("@")
    data = yaml.safe_load(load_line("sim").text)
    if robot:
        data["instruments"]["robot"] = {
            "driver": "opentrons_http", "at": f"sim://bench/{robot}", "deck": robot, "poll": "10 s"
        }  # fmt: skip
    data["equipment"]["sec"] |= _SMALL_COLUMN | {"sample_loop": "1 mL"}
    data["simulation"] |= {
        "sec": _SMALL_COLUMN | {"loop": "1 mL", "detector_delay": "0.1 mL", "usual_flow": "4 mL/min"}
    }
    line = line_from_text(yaml.safe_dump(data))
    master = load(str(ROOT / "tests" / "data" / "recipes" / f"{name}.yaml"))
    if name in RECIPES:  # others may end in the middle of a process
        refuse(master, check(master, line.profile))
    return line, resolve(master, line.profile)


def run(
    name: str, deaths: Sequence[int] = (), *, seed: int = SEED, gap: float = GAP, faults: Sequence[Fault] = ()
) -> Result:
    """Batch `name`; the n-th life of its controller ends at its place `deaths[n]`, the last one lives; `faults` happen
    at their moments, whoever lives then."""
    folder = Path(tempfile.mkdtemp(prefix="vesiflow-crash-", dir=_fast()))
    try:
        return asyncio.run(_lives(name, tuple(deaths), Store(folder), seed, gap, faults))
    finally:
        shutil.rmtree(folder)


def _fast() -> str | None:
    """Memory instead of a disk: what is tested is the death of a process, not of the power."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


async def _lives(
    name: str, deaths: tuple[int, ...], store: Store, seed: int, gap: float, faults: Sequence[Fault] = ()
) -> Result:
    line, recipe = job(name)
    world = make_world(line, seed)
    assert world.simulated is not None
    director = attach(world.simulated.bench, world.simulated.plant, faults, seed) if faults else None
    death, found = Death(), Result("", Deeds())
    asyncio.get_running_loop().set_exception_handler(_quiet)
    with mortal(death):
        for at in (*deaths, *[None] * (FAILED_STARTS + 1)):
            death.arm(at)
            first = not found.places
            found.starts += 1
            try:
                async with hosted(line, store, seed=seed, world=world) as host:
                    if director is not None:
                        director.host.update(host_faults.injectors(host))
                    found.end = await _live(host, world, recipe, found, death)
                break
            except Killed:
                found.deaths.append(death.names[-1])
            except VesiflowError as error:
                if not death.dead and found.starts > len(deaths) + FAILED_STARTS:
                    raise
                found.deaths.append(death.names[-1] if death.dead else f"start failed: {error}")
            finally:
                if first:
                    found.places = list(death.names)
                await _bury(death, world)
            await world.clock.spawn(world.clock.sleep(gap), "the supervisor starts it again")
    found.chain = verify(store.journal(line.name)).reason
    if director is not None:
        director.end()
    return replace(found, deeds=deeds(world.simulated.plant), trace=_trace(world.simulated.plant))


def _trace(plant: Plant) -> str:
    """Everything that physically happened, as one hash."""
    told = "\n".join(f"{one.at:.6f} {one.kind} {sorted(one.details.items())}" for one in plant.ledger.events)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


async def _live(host: Host, world: World, recipe: ControlRecipe, found: Result, death: Death) -> str:
    """One life: whatever the controller and its client do, up to the end of the batch."""
    assert world.simulated is not None
    person = Technician(host.controller, world.simulated.plant, host.clock, BATCH, death.check)

    async def procedure() -> str:
        known = host.controller.batches.get(BATCH)
        if known is None:
            past = host.controller.journal.events(BATCH, ["batch.state"])
            if past and State(past[-1].data["new"]) in OVER:
                return str(past[-1].data["new"])
            host.controller.create(BATCH, recipe, "crash test")
        for phase in recipe.phases():
            if not await person.run_phase(phase.key):
                return await person.gone()
        return str(host.controller.finish(BATCH).state)

    try:
        return await host.clock.spawn(procedure(), "procedure")
    finally:
        found.holds += person.holds
        await _end_tasks()


async def _end_tasks() -> None:
    """Nothing of a dead process goes on; of a living one only what waits for nothing any more."""
    mine = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not mine]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _quiet(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tasks of a dead process tell nobody how they ended."""
    if not isinstance(context.get("exception"), Killed | VesiflowError):
        loop.default_exception_handler(context)


async def _bury(death: Death, world: World) -> None:
    death.armed, death.dead = False, False
    assert world.simulated is not None
    world.simulated.bench.open.clear()
