"""Hold, stop and abort in every state of every unit: `python -m benchmarks.safe_states`.

Each phase of each unit is brought into each state that it can be in, then ordered to hold, to stop or to abort. The
judge is the plant: its pumps, valves, heaters and the vacuum tell whether the outputs are safe, and stay so for two
minutes. A command that the standard forbids in a state must change nothing. The line is the direct one: controller,
phases and plant without bytes between. Writes benchmarks/results/safe_states.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from benchmarks.kept import FOLDER, store
from line.controller import Controller
from line.direct.books import MemoryJournal, NoTelemetry
from line.direct.line import opened
from line.safe_outputs import safe
from line.state import OVER, TRANSITIONS, Command, State
from line.trial_line import trial
from protocols.control import ControlRecipe
from sim.lines import checked_config
from sim.plant import Plant
from vesiflow.clock import VirtualClock
from vesiflow.errors import Refused

UNITS = ("tff", "sec", "electroporation", "lyophilization")
ORDERS = (Command.HOLD, Command.STOP, Command.ABORT)
TO: dict[State, tuple[Command, ...]] = {
    State.EXECUTE: (),
    State.HOLDING: (Command.HOLD,), State.HELD: (Command.HOLD,), State.UNHOLDING: (Command.HOLD, Command.UNHOLD),
    State.SUSPENDING: (Command.SUSPEND,), State.SUSPENDED: (Command.SUSPEND,),
    State.UNSUSPENDING: (Command.SUSPEND, Command.UNSUSPEND),
    State.STOPPING: (Command.STOP,), State.STOPPED: (Command.STOP,),
    State.ABORTING: (Command.ABORT,), State.ABORTED: (Command.ABORT,),
}  # fmt: skip
"""What brings a running phase into a state; the last command's own state is met before it completes."""
WITHIN, WATCHED = 10.0, 120.0  # s
MOMENTS = (5.0, 150.0)  # s after the begin of a phase
BATCH = "b"
OVER_BEFORE = "the phase was over before"


@dataclass(frozen=True, slots=True)
class Case:
    """`command` while the unit of phase `key` is in `state`, `at` s after the phase has begun."""

    unit: str
    key: str
    at: float
    state: State
    command: Command


def cases(units: tuple[str, ...] = UNITS) -> Iterator[Case]:
    """All of them, in the order of the recipes."""
    for unit in units:
        _, recipe, _ = trial(unit)
        for phase in recipe.phases():
            if phase.unit == unit:
                for at, state, command in product(MOMENTS, TO, ORDERS):
                    yield Case(unit, phase.key, at, state, command)


async def judged(case: Case, changes: Mapping[str, Any] | None = None) -> str:
    """What is wrong, "" when nothing is; `changes` are merged into the line file."""
    line, recipe, _ = trial(case.unit, changes)
    clock = VirtualClock()
    assert line.simulation is not None
    plant = Plant(checked_config(line.simulation, 1), clock.now)
    journal: Any = MemoryJournal(clock)
    silent: Any = NoTelemetry()
    controller = Controller(opened(line, plant, clock), journal, clock, lambda _: silent, seed=1)
    controller.create(BATCH, recipe, "anna")
    try:
        person = clock.spawn(_person(controller, plant, case), "person")
        procedure = asyncio.create_task(_procedure(controller, recipe))
        return await person
    finally:
        await controller.close()
        await procedure


async def _procedure(controller: Controller, recipe: ControlRecipe) -> None:
    for phase in recipe.phases():
        status = controller.start_phase(BATCH, phase.key)
        await status.finished.wait()
        if status.state != "complete":
            return


async def _person(controller: Controller, plant: Plant, case: Case) -> str:
    batch, clock = controller.batch(BATCH), controller.clock
    while batch.phases[case.key].state != "running":
        if batch.state in OVER:
            return f"never came there: {batch.reason}"
        await clock.sleep(0.5)
    await clock.sleep(case.at)
    if batch.phases[case.key].state != "running":
        return OVER_BEFORE
    try:
        for command in TO[case.state]:
            await controller.command(BATCH, command, "anna", "first")
            if command is not TO[case.state][-1] or case.state in (State.HELD, State.SUSPENDED, *OVER):
                await clock.sleep(WITHIN)
    except Refused:
        return OVER_BEFORE
    found = batch.state
    legal = (found, case.command) in TRANSITIONS
    try:
        await controller.command(BATCH, case.command, "anna", "second")
    except Refused:
        if legal:
            return f"{case.command} was refused while {found}"
    else:
        if not legal:
            return f"{case.command} was taken while {found}"
    if not legal and found in (State.EXECUTE, State.UNHOLDING, State.UNSUSPENDING, State.IDLE):
        return ""  # it goes on, rightly
    await clock.sleep(WITHIN)
    return await _stays_safe(controller, plant, case)


async def _stays_safe(controller: Controller, plant: Plant, case: Case) -> str:
    clock = controller.clock
    begun = clock.now()
    while clock.now() - begun < WATCHED:
        plant.advance()
        if not safe(plant, case.unit):
            return f"not safe {clock.now() - begun + WITHIN:.0f} s after"
        await clock.sleep(2.0)
    return ""


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.safe_states", description=__doc__)
    parser.add_argument("--unit", choices=UNITS, action="append", help="only this one; the results of others are kept")
    units = tuple(parser.parse_args().unit or UNITS)
    rows = {unit: _unit(unit) for unit in units}
    store("safe_states", {"command": "python -m benchmarks.safe_states", "units": {**_before(), **rows}})
    return 1 if any(row["not safe"] for row in rows.values()) else 0


def _unit(unit: str) -> dict[str, int]:
    begun, found = time.process_time(), Counter[str]()
    for case in cases((unit,)):
        problem = asyncio.run(judged(case))
        found[problem] += 1
        if problem not in ("", OVER_BEFORE):
            print(f"{case.key} {case.at:g} s, {case.state}: {case.command}: {problem}")
    tried = found.total() - found[OVER_BEFORE]
    row = {
        "cases": tried,
        "safe within 10 s and for two minutes, or rightly refused": found[""],
        "not safe": tried - found[""],
        "phase was over before": found[OVER_BEFORE],
        "cpu seconds": round(time.process_time() - begun),
    }
    print(f"{unit:16} " + ", ".join(f"{name} {value}" for name, value in row.items()))
    return row


def _before() -> Mapping[str, Any]:
    path = FOLDER / "safe_states.json"
    known: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["units"] if path.is_file() else {}
    return known


if __name__ == "__main__":
    sys.exit(main())
