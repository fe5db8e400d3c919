"""Alarms as ISA-18.2 has them: raised, acknowledged, returned, latched, shelved, and none lost in a flood.

The book holds the alarms of one line; every change is a journal entry `alarm.*` before it counts, so that a restart
finds them as they were. Shelving ends to the second without anybody waiting for it: what is shelved follows from the
clock whenever somebody looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from line.alarm_table import Priority, Rationale, rationale
from records.journal import Entry, Journal
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, Refused

FLOOD_COUNT, FLOOD_WINDOW = 10, 600.0
LONGEST_SHELF = 12 * 3600.0
_COMMENT_ABOVE = (Priority.HIGH, Priority.CRITICAL)
_RANK = {priority: rank for rank, priority in enumerate(reversed(Priority))}


class AlarmState(StrEnum):
    NORMAL = "Normal"
    UNACKNOWLEDGED = "Unacknowledged"
    ACKNOWLEDGED = "Acknowledged"
    RETURNED = "Returned"
    LATCHED = "Latched"
    SHELVED = "Shelved"


@dataclass
class Alarm:
    """One alarm of one batch (or of the line, batch ""). Times in process seconds."""

    row: Rationale
    batch: str
    at: float
    utc: datetime
    what: str
    key: str = ""
    first_out: bool = False
    active: bool = True
    acknowledged: bool = False
    shelved_until: datetime | None = None
    shelved_by: str = ""
    count: int = 1
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name and batch: the same trouble is the same alarm."""
        return f"{self.row.name}@{self.batch}" if self.batch else self.row.name

    def state(self, utc: datetime) -> AlarmState:
        """Where it stands at `utc`."""
        if self.shelved_until is not None and utc < self.shelved_until:
            return AlarmState.SHELVED
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        if self.row.latching:
            return AlarmState.LATCHED
        return AlarmState.NORMAL if self.acknowledged else AlarmState.RETURNED


class AlarmBook:
    """All alarms of a line that are not normal."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._alarms: dict[str, Alarm] = {}
        self._recent: deque[float] = deque()
        self.flooded = False

    # -- from the controller

    def raise_(self, name: str, what: str, *, batch: str = "", key: str = "", tag: str | None = None,
               **details: Any) -> Alarm:  # fmt: skip
        """Alarm `name` is on; raised again while on, it is the same alarm. `details`: value, limit, unit ..."""
        row = rationale(name)
        found = self._alarms.get(f"{name}@{batch}" if batch else name)
        if found is not None and found.active:
            found.count += 1
            return found
        alarm = Alarm(row, batch, self._clock.now(), self._clock.utc(), what, key, self._first(row, batch))
        alarm.details = {"tag": row.tag if tag is None else tag, **details}
        if found is not None:  # still shelved when it comes back
            alarm.shelved_until, alarm.shelved_by, alarm.count = found.shelved_until, found.shelved_by, found.count + 1
        self._journal.tell(
            "alarm.raised", batch, id=alarm.id, name=name, priority=str(row.priority), what=what, key=key,
            group=row.group, first_out=alarm.first_out, response=row.response, **alarm.details,
        )  # fmt: skip
        self._alarms[alarm.id] = alarm
        self._count()
        return alarm

    def clear(self, name: str, batch: str = "") -> None:
        """The condition is gone; the alarm stays until it is acknowledged, a latched one until it is reset."""
        alarm = self._alarms.get(f"{name}@{batch}" if batch else name)
        if alarm is None or not alarm.active:
            return
        self._journal.tell("alarm.returned", batch, id=alarm.id)
        alarm.active = False
        self._forget(alarm)

    def clear_all(self, batch: str) -> None:
        """Everything of a batch has returned: a person has let it go on, or it is over."""
        for alarm in [one for one in self._alarms.values() if one.batch == batch]:
            self.clear(alarm.row.name, batch)

    # -- from people

    def acknowledge(self, alarm_id: str, who: str, comment: str = "") -> Alarm:
        """A person has seen it; above MEDIUM with a comment. Refused when there is nothing to acknowledge."""
        alarm = self._find(alarm_id)
        _person(who)
        if alarm.acknowledged:
            raise Refused("is acknowledged already", device=alarm_id, action="acknowledge")
        if alarm.row.priority in _COMMENT_ABOVE and not comment.strip():
            raise Refused(
                f"a {alarm.row.priority} alarm needs a comment", device=alarm_id, action="acknowledge",
                remedy="say what you have found",
            )  # fmt: skip
        self._journal.event("alarm.acknowledged", alarm.batch, id=alarm.id, who=who, comment=comment)
        alarm.acknowledged = True
        self._forget(alarm)
        return alarm

    def reset(self, alarm_id: str, who: str, reason: str) -> Alarm:
        """A latched alarm whose cause is gone; Refused while it is still on or nobody has acknowledged it."""
        alarm = self._find(alarm_id)
        _person(who)
        if alarm.active or not alarm.acknowledged or not alarm.row.latching:
            raise Refused(
                f"cannot be reset while {alarm.state(self._clock.utc())}", device=alarm_id, action="reset",
                remedy="acknowledge it and remove its cause first",
            )  # fmt: skip
        self._journal.event("alarm.reset", alarm.batch, id=alarm.id, who=who, reason=reason)
        del self._alarms[alarm.id]
        return alarm

    def shelve(self, alarm_id: str, who: str, reason: str, seconds: float) -> Alarm:
        """Put it aside for `seconds`; with a reason, never one that safety depends on, never for good."""
        alarm = self._find(alarm_id)
        _person(who)
        if not alarm.row.may_shelve:
            raise Refused("is safety-critical and cannot be shelved", device=alarm_id, action="shelve")
        if not reason.strip():
            raise Refused("shelving needs a reason", device=alarm_id, action="shelve", remedy="say why")
        if not 0.0 < seconds <= LONGEST_SHELF:
            raise Refused(
                "not a time to shelve for", device=alarm_id, action="shelve", value=f"{seconds:g} s",
                bounds=f"up to {LONGEST_SHELF / 3600:g} h",
            )  # fmt: skip
        until = self._clock.utc() + (datetime.resolution * round(seconds * 1e6))
        self._journal.event("alarm.shelved", alarm.batch, id=alarm.id, who=who, reason=reason, until=until.isoformat())
        alarm.shelved_until, alarm.shelved_by = until, who
        return alarm

    # -- to be looked at

    def standing(self) -> list[Alarm]:
        """Everything that is not normal: what needs an answer first, then by priority and time."""
        now = self._clock.utc()
        open_states = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED)
        return sorted(
            self._alarms.values(),
            key=lambda one: (
                one.state(now) is AlarmState.SHELVED, one.state(now) not in open_states, _RANK[one.row.priority], one.at
            ),
        )  # fmt: skip

    def unsigned(self, batch: str) -> list[str]:
        """Alarms of a batch that a person has to acknowledge and reset before it may be complete."""
        return sorted(one.id for one in self._alarms.values() if one.batch == batch and one.row.signed)

    def groups(self) -> dict[str, list[Alarm]]:
        """The same by unit and batch, the first-out alarm of each group in front: how a flood is read."""
        found: dict[str, list[Alarm]] = {}
        for alarm in sorted(self._alarms.values(), key=lambda one: (not one.first_out, one.at)):
            found.setdefault(f"{alarm.row.group}@{alarm.batch}" if alarm.batch else alarm.row.group, []).append(alarm)
        return found

    def restore(self) -> None:
        """What the journal says of alarms before this controller was started."""
        for entry in self._journal.events(None, _FOLDS):
            _FOLDS[entry.kind](self, entry)

    # -- inside

    def _find(self, alarm_id: str) -> Alarm:
        alarm = self._alarms.get(alarm_id)
        if alarm is None:
            raise ConfigError(f"no such alarm: {alarm_id!r}", remedy="see `vesiflow line alarms`")
        return alarm

    def _first(self, row: Rationale, batch: str) -> bool:
        """Whether nothing else of this unit and batch is on: then this one is the cause, not a consequence."""
        return not any(one.active and one.row.group == row.group and one.batch == batch
                       for one in self._alarms.values())  # fmt: skip

    def _count(self) -> None:
        now = self._clock.now()
        self._recent.append(now)
        while self._recent and now - self._recent[0] > FLOOD_WINDOW:
            self._recent.popleft()
        flooded = len(self._recent) > FLOOD_COUNT
        if flooded and not self.flooded:
            first = {group: alarms[0].id for group, alarms in self.groups().items()}
            self._journal.tell("alarm.flood", "", count=len(self._recent), seconds=FLOOD_WINDOW, first_out=first)
        elif self.flooded and not flooded:
            self._journal.tell("alarm.flood_over", "")
        self.flooded = flooded

    def _forget(self, alarm: Alarm) -> None:
        shelved = alarm.shelved_until is not None and self._clock.utc() < alarm.shelved_until
        if not alarm.active and alarm.acknowledged and not alarm.row.latching and not shelved:
            del self._alarms[alarm.id]

    def _remember(self, entry: Entry) -> None:
        data = entry.data
        row = rationale(str(data["name"]))
        details: dict[str, Any] = {name: data[name] for name in ("tag", "value", "limit", "unit") if name in data}
        past = (entry.utc - self._clock.utc()).total_seconds()
        alarm = Alarm(row, entry.batch, self._clock.now() + past, entry.utc, str(data["what"]), str(data["key"]),
                      bool(data["first_out"]), details=details)  # fmt: skip
        self._alarms[alarm.id] = alarm

    def _returned(self, entry: Entry) -> None:
        if (alarm := self._alarms.get(str(entry.data["id"]))) is not None:
            alarm.active = False
            self._forget(alarm)

    def _acknowledged(self, entry: Entry) -> None:
        if (alarm := self._alarms.get(str(entry.data["id"]))) is not None:
            alarm.acknowledged = True
            self._forget(alarm)

    def _shelved(self, entry: Entry) -> None:
        if (alarm := self._alarms.get(str(entry.data["id"]))) is not None:
            alarm.shelved_until, alarm.shelved_by = datetime.fromisoformat(entry.data["until"]), str(entry.data["who"])

    def _reset(self, entry: Entry) -> None:
        self._alarms.pop(str(entry.data["id"]), None)


_FOLDS = {
    "alarm.raised": AlarmBook._remember,
    "alarm.returned": AlarmBook._returned,
    "alarm.acknowledged": AlarmBook._acknowledged,
    "alarm.shelved": AlarmBook._shelved,
    "alarm.reset": AlarmBook._reset,
}


def _person(who: str) -> None:
    if not who.strip():
        raise Refused("a person must be named", action="alarm", remedy="give your name")
