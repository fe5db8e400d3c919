"""Alarms over HTTP: list, acknowledge, reset, shelve. Every change is a journal entry with a name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from line.alarms import Alarm, AlarmBook
from vesiflow.clock import Clock

_NAME = Field(min_length=1, max_length=100)


class Acknowledgement(BaseModel):
    """Somebody has seen an alarm; above MEDIUM the comment is required."""

    model_config = ConfigDict(extra="forbid")
    id: str = _NAME
    who: str = _NAME
    comment: str = Field(default="", max_length=500)


class Reset(BaseModel):
    """Somebody resets a latched alarm whose cause is gone."""

    model_config = ConfigDict(extra="forbid")
    id: str = _NAME
    who: str = _NAME
    reason: str = Field(min_length=1, max_length=500)


class Shelving(BaseModel):
    """Somebody puts an alarm aside for so many seconds."""

    model_config = ConfigDict(extra="forbid")
    id: str = _NAME
    who: str = _NAME
    reason: str = Field(min_length=1, max_length=500)
    seconds: float = Field(gt=0, allow_inf_nan=False)


class AlarmView(BaseModel):
    """An alarm as clients see it; `at` in process seconds, `until` when shelving ends."""

    id: str
    name: str
    batch: str
    priority: str
    state: str
    what: str
    response: str
    at: float
    utc: str
    first_out: bool
    count: int
    until: str | None
    details: dict[str, Any]


class AlarmsView(BaseModel):
    """All alarms that are not normal, their groups (first-out first), and whether this is a flood."""

    alarms: list[AlarmView]
    groups: dict[str, list[str]]
    flood: bool


def alarm_routes(book: AlarmBook, clock: Clock) -> APIRouter:
    """The routes below /alarms."""
    routes = APIRouter(prefix="/alarms")

    @routes.get("")
    async def alarms() -> AlarmsView:
        """What needs an answer, the most urgent first."""
        groups = {group: [one.id for one in found] for group, found in book.groups().items()}
        return AlarmsView(alarms=[view(one, clock) for one in book.standing()], groups=groups, flood=book.flooded)

    @routes.post("/acknowledge")
    async def acknowledge(order: Acknowledgement) -> AlarmView:
        """Seen by a person."""
        return view(book.acknowledge(order.id, order.who, order.comment), clock)

    @routes.post("/reset")
    async def reset(order: Reset) -> AlarmView:
        """A latched alarm back to normal."""
        return view(book.reset(order.id, order.who, order.reason), clock)

    @routes.post("/shelve")
    async def shelve(order: Shelving) -> AlarmView:
        """Put aside for a while, never when safety depends on it."""
        return view(book.shelve(order.id, order.who, order.reason, order.seconds), clock)

    return routes


def view(alarm: Alarm, clock: Clock) -> AlarmView:
    """`alarm` as it stands now."""
    return AlarmView(
        id=alarm.id,
        name=alarm.row.name,
        batch=alarm.batch,
        priority=str(alarm.row.priority),
        state=str(alarm.state(clock.utc())),
        what=alarm.what,
        response=alarm.row.response,
        at=alarm.at,
        utc=alarm.utc.isoformat(),
        first_out=alarm.first_out,
        count=alarm.count,
        until=alarm.shelved_until.isoformat() if alarm.shelved_until else None,
        details=dict(alarm.details),
    )
