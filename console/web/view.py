"""What the operator's page shows: plain data from the views of the line's API, texts with units."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from line.alarm_api import AlarmView
from line.api import BatchView, Doubt, PhaseView
from line.client import LineClient
from line.state import OVER, TRANSITIONS, Command, State
from protocols.display import detail
from records.present import percent, span
from records.tags import TAGS
from vesiflow.quantities import show

BUTTONS = (
    (Command.HOLD, "Hold"),
    (Command.UNHOLD, "Restart"),
    (Command.STOP, "Stop"),
    (Command.ABORT, "Abort"),
    (Command.CLEAR, "Clear"),
    (Command.RESET, "Reset"),
)
"""Commands of a person, in the words of `vesiflow line`."""

ENDED = 3
"""How many batches that are over are still shown."""


@dataclass(frozen=True)
class Unit:
    """A unit procedure of a batch: how far it is, and its PackML state."""

    name: str
    state: str
    done: str
    phase: str


@dataclass(frozen=True)
class Shown:
    """A batch as a technician reads it."""

    id: str
    recipe: str
    state: str
    reason: str
    running: str
    progress: str
    units: list[Unit]
    readings: list[tuple[str, str]]
    buttons: list[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """Everything on the page."""

    line: dict[str, Any]
    batches: list[Shown]
    alarms: list[AlarmView]
    flood: bool
    doubts: list[Doubt]
    prompt: dict[str, Any] | None


async def look(client: LineClient) -> Page:
    """Ask the line for all of it."""
    line, alarms, prompt = await client.line(), await client.alarms(), await client.prompt()
    if prompt is not None:
        prompt = prompt | {"details": {name: detail(name, value) for name, value in prompt["details"].items()}}
    newest = list(reversed(line["batches"].items()))
    over = [batch for batch, state in newest if State(state) in OVER]
    batches = [shown(await client.batch(batch)) for batch, _ in newest if batch not in over[ENDED:]]
    return Page(line, batches, alarms.alarms, alarms.flood, await client.doubts(), prompt)


def shown(batch: BatchView) -> Shown:
    """A batch in a technician's words."""
    state = State(batch.state)
    phase = next((one for one in batch.phases if one.key == batch.running), None)
    since = f"for {span(batch.now - phase.started)}" if phase and phase.started is not None else ""
    return Shown(
        batch.id,
        batch.recipe,
        batch.state,
        "" if state in (State.IDLE, State.EXECUTE, State.COMPLETE) else batch.reason,
        f"{phase.key} {since}" if phase else "",
        percent(batch.progress) if phase else "",
        [_unit(name, list(phases), batch) for name, phases in groupby(batch.phases, lambda one: one.key.split("/")[0])],
        [
            (TAGS[tag].label, show(value, TAGS[tag].unit, TAGS[tag].display, 4))
            for tag, value in batch.readings.items()
            if tag in TAGS
        ],
        [(str(command), label) for command, label in BUTTONS if (state, command) in TRANSITIONS],
    )


def _unit(name: str, phases: list[PhaseView], batch: BatchView) -> Unit:
    complete = sum(phase.state == "complete" for phase in phases)
    running = next((phase.key for phase in phases if phase.key == batch.running), "")
    left = next((phase for phase in phases if phase.state in ("failed", "stopped")), None)
    if running or left:
        state = batch.state
    else:
        state = str(State.COMPLETE if complete == len(phases) else State.EXECUTE if complete else State.IDLE)
    return Unit(name, state, f"{complete} of {len(phases)}", running.partition("/")[2])
