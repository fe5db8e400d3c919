"""The person beside a simulated line: looks at the plant itself, decides what is in doubt, clears up, lets it go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from benchmarks.crash.judge import TIPS_REMOVED, transfers
from line.controller import Controller
from line.state import OVER, Command, State
from records.journal import Intent
from sim.plant import Plant
from vesiflow.clock import Clock
from vesiflow.errors import VesiflowError

WHO = "technician"
LOOK = 5.0  # s between two looks at the line
PATIENCE = 12  # times a batch may be held before the person gives up


class Technician:
    """Attends one batch in one life of the controller. `why` is set when the batch has to stay held."""

    def __init__(
        self, controller: Controller, plant: Plant, clock: Clock, batch: str, alive: Callable[[], None]
    ) -> None:
        self.controller, self.plant, self.clock, self.batch = controller, plant, clock, batch
        self._alive = alive
        self.why = ""
        self.holds: list[str] = []

    async def run_phase(self, key: str) -> bool:
        """Start (or find) a phase and attend it; whether it is complete. Must be called by an actor."""
        status = self.controller.start_phase(self.batch, key)
        return await self.attend(status)

    async def attend(self, status: Any) -> bool:
        """Attend a phase until it has ended or has to stay held."""
        while not status.finished.is_set() and not self.why:
            await self.clock.sleep(LOOK)
            self._alive()
            if self.controller.batch(self.batch).state is State.HELD and not status.finished.is_set():
                await self._let_go_on()
        return bool(status.state == "complete")

    async def _let_go_on(self) -> None:
        batch = self.controller.batch(self.batch)
        self.holds.append(batch.reason)
        if len(self.holds) > PATIENCE:
            self.why = f"held {PATIENCE} times: {batch.reason}"
            return
        for intent in self.controller.journal.in_doubt(self.batch):
            self.controller.resolve(intent.id, self.judge(intent), WHO, "looked at the plant")
        self._clear_deck()
        try:
            await self.controller.command(self.batch, Command.UNHOLD, WHO, "looked after")
        except VesiflowError as error:
            self.why = f"{batch.reason}; {error}"

    def judge(self, intent: Intent) -> str:
        """What the plant shows of an action in doubt."""
        since = _process_time(intent, self.clock)
        return _SEEN[intent.verb](self.plant, intent, since)

    def _clear_deck(self) -> None:
        """Tips left on the channels are emptied into where they drew from and taken off; every rack is full again."""
        deck = self.plant.deck
        if deck.tips:
            full = [tip for tip in deck.tips.values() if tip.content.volume > 0.0]
            drawn = [str(event.details["place"]) for event in deck.ledger.of("aspirate")][-len(full) :] if full else []
            for tip, place in zip(full, drawn, strict=True):
                deck.put_back(place, tip.content)
            deck.tips.clear()
            deck.ledger.record(self.clock.now(), TIPS_REMOVED)
        deck.fill_racks()

    async def gone(self) -> str:
        """How the batch ended: its state, with the reason when it is not complete."""
        batch = self.controller.batch(self.batch)
        if batch.state in OVER and batch.state is not State.COMPLETE:
            return f"{batch.state}: {batch.reason}"
        return str(batch.state) if batch.state is State.COMPLETE else f"{batch.state}: {self.why or batch.reason}"


def _process_time(intent: Intent, clock: Clock) -> float:
    """When the action was begun, s of the clock."""
    then = intent.utc if isinstance(intent.utc, datetime) else datetime.fromisoformat(str(intent.utc))
    return clock.now() - (clock.utc() - then).total_seconds()


def _transferred(plant: Plant, intent: Intent, since: float) -> str:
    found = transfers(plant.ledger, since)
    wanted = Counter((item["source"], item["target"]) for item in intent.args[0])
    if all(found[pair] >= times for pair, times in wanted.items()):
        return "done"
    return "discard" if any(found[pair] for pair in wanted) else "not_done"


def _pulsed(plant: Plant, intent: Intent, since: float) -> str:
    column = int(intent.args[1])
    seen = any(event.at >= since and event.details["column"] == column for event in plant.ledger.of("pulse"))
    return "done" if seen else "not_done"


def _diverted(plant: Plant, intent: Intent, since: float) -> str:
    return "done" if plant.sec.diverted is not bool(intent.args[0]) else "not_done"


def _put_down(plant: Plant, intent: Intent, since: float) -> str:
    return "not_done" if plant.deck.tips else "done"


_SEEN: Mapping[str, Callable[[Plant, Intent, float], str]] = {
    "transfer": _transferred, "pulse": _pulsed, "collect": _diverted, "drop_tips": _put_down,
}  # fmt: skip
