"""Journal and telemetry kept in memory: what a batch that nobody will audit leaves behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Any

from records.journal_reader import Entry, Intent, Outcome
from vesiflow import __version__
from vesiflow.clock import Clock

BOOT = "direct"


class MemoryJournal:
    """The journal's interface over lists: the same entries and actions, no file, no chain of hashes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._entries: list[Entry] = []
        self._intents: dict[str, Intent] = {}

    def event(self, kind: str, batch: str, **data: Any) -> int:
        """Append an entry; its number."""
        number = next(self._numbers)
        self._entries.append(Entry(number, kind, batch, self._clock.utc(), self._clock.now(), BOOT, data, ""))
        return number

    def intent(
        self,
        batch: str,
        phase: str,
        device: str,
        verb: str,
        args: Any,
        kind: str,
        rule: str,
        pre: Any,
        serial: str,
        device_kind: str,
        token: int,
        retry_of: str | None = None,
        *,
        late: bool = False,
    ) -> str:
        """Book what is about to be done; the id of the action."""
        number = next(self._numbers)
        self._intents[str(number)] = Intent(
            number, str(number), batch, phase, device, serial, device_kind, kind, verb, args, rule, pre, token, retry_of,
            "direct line", __version__, BOOT, self._clock.utc(), self._clock.now(), late, None, None,
        )  # fmt: skip
        return str(number)

    def outcome(self, intent_id: str, state: str, origin: str, reply: Any, post: Any, reason: str) -> None:
        """Close an action."""
        closed = Outcome(str(state), origin, reply, post, reason, self._clock.utc(), self._clock.now())
        self._intents[intent_id] = replace(self._intents[intent_id], outcome=closed)

    def intents(self, batch: str) -> list[Intent]:
        """All actions in order."""
        return [intent for intent in self._intents.values() if intent.batch == batch]

    def in_doubt(self, batch: str | None = None) -> list[Intent]:
        """Actions whose outcome is unknown."""
        return [
            intent
            for intent in self._intents.values()
            if intent.outcome is not None and intent.outcome.state == "UNKNOWN" and batch in (None, intent.batch)
        ]

    def events(self, batch: str | None, kinds: Iterable[str] | None = None, after: int = 0) -> list[Entry]:
        """Entries as the journal's reader gives them."""
        wanted = None if kinds is None else set(kinds)
        return [
            entry
            for entry in self._entries
            if entry.seq > after and batch in (None, entry.batch) and (wanted is None or entry.kind in wanted)
        ]


class NoTelemetry:
    """Curves are not kept."""

    def add(self, t: float, tag: str, value: float, quality: int = 0) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
