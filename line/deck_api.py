"""The deck over HTTP: what people say is in a well, fresh tips, and what to do about a robot that waits."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devices.roles import Recoverable
from line.controller import Controller
from line.deck_entries import Statement, declare, fresh_tips, measured
from line.state import State
from vesiflow.errors import Refused

_NAME = Field(min_length=1, max_length=100)
_REASON = Field(min_length=1, max_length=500)


class Contents(BaseModel):
    """`volume` m^3 of `liquid` at `place`, null when nobody knows."""

    model_config = ConfigDict(extra="forbid")
    place: str = _NAME
    volume: float | None = Field(ge=0.0, allow_inf_nan=False)
    liquid: str = Field(default="", max_length=100)
    instrument: str | None = None
    who: str = _NAME
    reason: str = _REASON


class FreshTips(BaseModel):
    """A full rack, every one when null."""

    model_config = ConfigDict(extra="forbid")
    rack: str | None = None
    instrument: str | None = None
    who: str = _NAME
    reason: str = _REASON


class Measured(BaseModel):
    """Labware whose geometry somebody has measured."""

    model_config = ConfigDict(extra="forbid")
    model: str = _NAME
    instrument: str | None = None
    who: str = _NAME
    reason: str = _REASON


class Recovery(BaseModel):
    """The robot's failed command: done once more, or left out."""

    model_config = ConfigDict(extra="forbid")
    how: Literal["retry", "skip"]
    who: str = _NAME
    reason: str = _REASON


def deck_routes(controller: Controller) -> APIRouter:
    """Routes under /deck."""
    routes = APIRouter(prefix="/deck")

    @routes.post("/contents")
    async def contents(said: Contents) -> dict[str, Any]:
        """Say what is in a well; it counts from now on."""
        _refuse_running(controller)
        statement = Statement(said.who, said.reason, said.instrument)
        declare(controller.journal, controller.line.file, said.place, said.volume, said.liquid, statement)
        return {"place": said.place, "volume": said.volume}

    @routes.post("/tips")
    async def tips(said: FreshTips) -> dict[str, Any]:
        """Say that tip racks were exchanged."""
        _refuse_running(controller)
        statement = Statement(said.who, said.reason, said.instrument)
        fresh_tips(controller.journal, controller.line.file, said.rack, statement)
        return {"rack": said.rack}

    @routes.post("/measured")
    async def geometry(said: Measured) -> dict[str, Any]:
        """Say that a model of labware was measured on this robot."""
        statement = Statement(said.who, said.reason, said.instrument)
        measured(controller.journal, controller.line.file, said.model, statement)
        return {"model": said.model}

    @routes.post("/recover")
    async def recover(said: Recovery) -> dict[str, str]:
        """Decide about the failed command of the robot that holds a batch; the batch goes on at its restart."""
        for batch in controller.batches.values():
            role = f"{batch.run.phase.unit}.liquid_handler" if batch.run is not None else ""
            if batch.run is None or not isinstance(controller.line.roles.get(role), Recoverable):
                continue
            controller.journal.event(
                "deck.recover", batch.id, key=batch.run.phase.key, role=role, how=said.how, by=said.who,
                reason=said.reason,
            )  # fmt: skip
            act = getattr(batch.run.gateway.role(role), said.how)
            await controller.clock.spawn(act(), f"{said.how} on {role}")
            return {"batch": batch.id, "how": said.how}
        raise Refused("no robot works for a batch now", action=said.how, remedy="see `vesiflow line status`")

    return routes


def _refuse_running(controller: Controller) -> None:
    """What is in wells is not changed under a robot that moves."""
    for batch in controller.batches.values():
        if batch.state is State.EXECUTE and batch.task is not None and not batch.task.done():
            raise Refused(f"batch {batch.id} is running", action="declare", remedy="`vesiflow line hold` it first")
