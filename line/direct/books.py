"""Journal and telemetry kept in memory: what a batch that nobody will audit leaves behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from records.coding import decode, encode
from records.journal_reader import Entry, Intent, Outcome
from vesiflow import __version__
from vesiflow.clock import Clock

BOOT = "direct"


class MemoryJournal:
    """The journal's interface over lists: the same entries and actions, no file, no chain of hashes."""

    fenced = False
    """Nobody else can have a line that lives in this process only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._entries: list[Entry] = []
        self._intents: dict[str, Intent] = {}
        self._kinds: dict[str, list[Entry]] = {}
        self._verbs: dict[str, list[str]] = {}

    def event(self, kind: str, batch: str, **data: Any) -> int:
        """Append an entry; its number."""
        number = next(self._numbers)
        entry = Entry(number, kind, batch, self._clock.utc(), self._clock.now(), BOOT, data, "")
        self._entries.append(entry)
        self._kinds.setdefault(kind, []).append(entry)
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
        safe: bool = False,
    ) -> str:
        """Book what is about to be done; the id of the action."""
        number = next(self._numbers)
        self._intents[str(number)] = Intent(
            seq=number, id=str(number), batch=batch, phase=phase, device=device, serial=serial,
            device_kind=device_kind, kind=kind, verb=verb, args=_written(args), rule=rule, pre=None, token=token,
            retry_of=retry_of, actor="direct line", code_version=__version__, boot=BOOT, utc=self._clock.utc(),
            t=self._clock.now(), late=late, outcome=None, resolution=None,
        )  # fmt: skip
        self._verbs.setdefault(verb, []).append(str(number))
        return str(number)

    def outcome(self, intent_id: str, state: str, origin: str, reply: Any, post: Any, reason: str) -> None:
        """Close an action."""
        closed = Outcome(str(state), origin, None, _written(post), reason, self._clock.utc(), self._clock.now())
        self._intents[intent_id] = replace(self._intents[intent_id], outcome=closed)

    def entries(self, kind: str, rows: Sequence[Mapping[str, Any]], batch: str) -> None:
        """Several entries of one kind."""
        for row in rows:
            self.event(kind, batch, **row)

    def tell(self, kind: str, batch: str, **data: Any) -> None:
        """As `event`: memory takes everything."""
        self.event(kind, batch, **data)

    def reopen(self) -> None:
        """Memory never fails."""

    def seal(self) -> None:
        """Nobody verifies it."""

    def intents(self, batch: str | None, verb: str | None = None) -> list[Intent]:
        """Actions in order, of one batch and of one name if given."""
        known = self._intents.values() if verb is None else [self._intents[n] for n in self._verbs.get(verb, ())]
        return [intent for intent in known if batch in (None, intent.batch)]

    def in_doubt(self, batch: str | None = None) -> list[Intent]:
        """Actions whose outcome is unknown."""
        return [
            intent
            for intent in self._intents.values()
            if intent.outcome is not None and intent.outcome.state == "UNKNOWN" and batch in (None, intent.batch)
        ]

    def events(self, batch: str | None, kinds: Iterable[str] | None = None, after: int = 0) -> list[Entry]:
        """Entries as the journal's reader gives them."""
        known = self._entries
        if kinds is not None:
            found = [entry for kind in set(kinds) for entry in self._kinds.get(kind, ())]
            known = sorted(found, key=lambda entry: entry.seq)
        return [entry for entry in known if entry.seq > after and batch in (None, entry.batch)]


def _written(value: Any) -> Any:
    """As it comes back from the journal: numbers and texts as they are, everything else by its written form."""
    if value is None or (isinstance(value, list) and all(isinstance(one, float | int | str) for one in value)):
        return value
    return decode(encode(value))


class NoTelemetry:
    """Curves are not kept."""

    def add(self, t: float, tag: str, value: float, quality: int = 0) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
