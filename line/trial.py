"""A trial: one fault on a short batch, judged by what physically happened and by what the journal says of it.

The recipes are those of the trials folder, each unit procedure alone; the line is the packaged simulated one without
the instruments that the recipe does not use. Nobody attends: the first hold ends the trial.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from devices.line_file import LineFile
from line.fault_checks import CHECKS
from line.host import Host
from line.procedure import Outcome, Procedure
from line.safe_outputs import safe
from line.trial_line import trial
from line.trial_result import Result
from line.troubled import Scene, troubled
from protocols.control import ControlRecipe
from records.journal import Entry
from records.store import Store
from sim.faults.director import Director, values_of
from sim.faults.model import Entry as Case
from sim.material import VESICLES
from sim.plant import Plant
from vesiflow.errors import VesiflowError

BATCH = "trial"
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a trial's data need not outlive it
NOTICED = ("alarm.raised", "deviation", "batch.state", "phase.ended", "alarm.flood")
_BAD_STATES = ("Holding", "Held", "Suspending", "Aborting", "Aborted", "Stopping")


@dataclass
class _Watch:
    """Looks at the plant at every byte: since when are the outputs of the unit safe?"""

    plant: Plant
    unit: str
    director: Director
    since: float | None = None
    before: float | None = None

    def __call__(self) -> None:
        if self.director.fired_at is None:
            return
        if self.before is None:
            self.before = kept(self.plant)
        if not safe(self.plant, self.unit):
            self.since = None
        elif self.since is None:
            self.since = self.plant.now()


async def run(case: Case, seed: int = 1) -> Result:
    """Run one case of the catalogue and judge it: a batch with faults, or a check of what no batch can show."""
    if case.check:
        return judged(case, await CHECKS[case.check](Result(case.id), seed))
    result = Result(case.id)
    try:
        line, recipe, unit = trial(case.trial, case.line)
    except VesiflowError as error:
        return judged(case, replace(result, struck=0.0, noticed=0.0, noticed_by="preflight", state="Refused",
                                    safe_after=0.0, note=str(error).splitlines()[0]))  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="vesiflow-trial-", dir=_MEMORY) as root:
        return judged(case, await _batch(case, recipe, line, Store(Path(root)), unit, seed))


async def _batch(case: Case, recipe: ControlRecipe, line: LineFile, store: Store, unit: str, seed: int) -> Result:
    result = Result(case.id)
    watches: list[_Watch] = []

    def look(scene: Scene) -> None:
        watches.append(_Watch(scene.plant, unit, scene.director))
        scene.director.watchers.append(watches[0])

    try:
        async with troubled(line, store, case.faults, seed, look) as found:
            host = found.host
            host.controller.journal.event("trial", "", case=case.id, seed=seed)
            outcome = await Procedure(host.client, recipe, BATCH, "trial", attended=False).run()
            found.scene.director.look()
            found.scene.director.end()
            host.controller.journal.reopen()  # what was owed is written when the cause is gone
            _fill(result, host, watches[0], outcome)
    except VesiflowError as error:
        if not watches:
            raise
        result.struck = result.struck if result.struck is not None else watches[0].director.fired_at or 0.0
        result.state, result.noticed, result.noticed_by = "Refused", 0.0, "connect"
        result.safe_after, result.note = 0.0, str(error).splitlines()[0]
    return result


def _fill(result: Result, host: Host, watch: _Watch, outcome: Outcome) -> None:
    plant = watch.plant
    result.struck = watch.director.fired_at
    entries = host.controller.journal.events(BATCH, NOTICED) + host.controller.journal.events("", ["alarm.flood"])
    result.state = _first_bad_state(entries) or str(outcome.batch.state)
    result.alarms = tuple(_name(one) for one in entries if one.kind in ("alarm.raised", "alarm.flood"))
    result.note = outcome.reason
    result.ledger = {kind: len(plant.ledger.of(kind)) for kind in {one.kind for one in plant.ledger.events}}
    result.values = {name: value() for name, value in values_of(plant).items()}
    if result.struck is None:
        return
    epoch = host.clock.utc().timestamp() - host.clock.now()
    noticed = [one for one in entries if _notices(one) and _at(one) - epoch >= result.struck - 1e-3]
    if noticed:
        told = next((one for one in noticed if one.kind == "batch.state"), noticed[0])
        result.noticed, result.noticed_by = _at(noticed[0]) - epoch - result.struck, _name(noticed[0])
        if watch.since is not None:
            result.safe_after = max(watch.since - (_at(told) - epoch), 0.0)
    if watch.before:
        result.lost = max(1.0 - kept(plant) / watch.before, 0.0)


def _at(entry: Entry) -> float:
    """When it happened, s of the wall clock; an entry that was owed says so itself."""
    late = entry.data.get("at") if entry.data.get("late") else None
    return (datetime.fromisoformat(str(late)) if late else entry.utc).timestamp()


def _name(entry: Entry) -> str:
    if entry.kind == "alarm.flood":
        return "alarm.flood"
    return str(entry.data.get("name") or entry.data.get("what") or entry.data.get("new"))


def _notices(entry: Entry) -> bool:
    if entry.kind == "batch.state":
        return entry.data["new"] in _BAD_STATES
    return entry.kind != "phase.ended" or entry.data["outcome"] == "failed"


def _first_bad_state(entries: Sequence[Entry]) -> str:
    states = [str(one.data["new"]) for one in entries if one.kind == "batch.state"]
    return next((state for state in states if state in ("Held", "Aborted")), "")


def kept(plant: Plant) -> float:
    """Intact vesicles that are still where somebody can use them: not in waste, permeate or on the floor."""
    total = sum(material.total(VESICLES) for material in plant.contents())
    permeate = plant.tff.permeate.content.total(VESICLES)
    return total - permeate - sum(plant.tff.loop.permeate.get(name, 0.0) for name in VESICLES)


def judged(case: Case, result: Result) -> Result:
    """The result with everything that is not as expected."""
    want, found = case.expect, list(result.problems)
    if result.struck is None:
        found.append("the fault never struck")
    if result.noticed is None and (want.alarms or want.state != "Complete"):
        found.append("not noticed")
    elif result.noticed is not None and result.noticed > want.within:
        found.append(f"noticed after {result.noticed:.0f} s, allowed {want.within:.0f} s")
    if want.alarms and not set(want.alarms) & set(result.alarms):
        found.append(f"no alarm {' or '.join(want.alarms)} (got {', '.join(result.alarms) or 'none'})")
    if result.state not in want.state.split(" or "):
        found.append(f"ended {result.state}, expected {want.state}")
    if want.state != "Complete" and (result.safe_after is None or result.safe_after > want.safe_within):
        after = "never" if result.safe_after is None else f"after {result.safe_after:.1f} s"
        found.append(f"safe {after}, allowed {want.safe_within:.1f} s")
    for value, limit in want.below.items():
        if result.values.get(value, math.inf) >= limit:
            found.append(f"{value} ended at {result.values.get(value)}, must be below {limit:g}")
    for kind, count in want.ledger.items():
        if result.ledger.get(kind, 0) > count:
            found.append(f"{result.ledger[kind]} times {kind}, allowed {count}")
    return replace(result, problems=tuple(found))
