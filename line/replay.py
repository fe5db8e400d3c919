"""Replays a journal: this version of the code judges what another one wrote, entry by entry.

A batch may only be taken up by code that reads its journal as it was meant. Replayed are the control recipe and its
digest, every change of state, the order of phases, what kind of act each action is, and every verdict on evidence.
The first entry about which the two versions disagree is named; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from devices.commands import Command, Verdict, declared
from devices.http_link import HttpLink
from devices.line_file import LineFile
from devices.link import Link
from devices.open_line import OpenLine
from line.phases import ACTS, PHASES
from line.restore import Remembered, evidence_type, revive, strangers
from line.state import COMPLETIONS, OVER, TRANSITIONS, State
from protocols.control import ControlRecipe, from_json
from records.journal import Entry, Intent, Journal, JournalReader, verify
from vesiflow import __version__
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError, VesiflowError


class Diverged(VesiflowError):
    """This version reads a journal otherwise than the version that wrote it."""


@dataclass
class _Batch:
    recipe: ControlRecipe
    state: State = State.IDLE
    complete: list[str] = field(default_factory=list)
    running: str | None = None


def replay(path: Path, line: LineFile) -> list[str]:
    """What this version reads in the journal at `path`, one decision a line; `line` says what its roles are.

    Diverged at the first entry that this version would not have written or judges otherwise. ConfigError for no file.
    """
    chain = verify(path)
    if not chain.ok:
        raise _diverged(chain.first_bad_seq or 0, "chain", chain.reason, "a chain without gap")
    with JournalReader(path) as reader:
        intents = {intent.id: intent for intent in reader.intents(None)}
        return list(_Replay(line, intents).decisions(reader.events(None)))


def changes(past: Remembered, line: OpenLine, journal: Journal) -> Iterator[str]:
    """What is not as it was when a batch began: instruments, line file, version, how its journal is read."""
    if found := strangers(line, past):
        yield f"instruments were exchanged: {', '.join(found)}"
    if past.line_digest != line.file.digest:
        yield "the line file has changed"
    if past.software != __version__:
        yield f"the batch was begun by version {past.software}"
        try:
            replay(journal.path, line.file)
        except VesiflowError as error:
            yield str(error)


def compare(found: list[str], expected: list[str]) -> None:
    """Diverged at the first line in which two lists of decisions differ."""
    for n in range(max(len(found), len(expected))):
        pair = [lines[n] if n < len(lines) else "nothing" for lines in (found, expected)]
        if pair[0] != pair[1]:
            raise _diverged(int((pair[1] if pair[1] != "nothing" else pair[0]).split()[0]), "decision", *pair)


def _diverged(seq: int, kind: str, found: object, expected: object) -> Diverged:
    return Diverged(
        f"entry {seq} ({kind}) is read otherwise", action="replay", value=found, bounds=str(expected),
        remedy="finish the batch with the version that began it, or let an engineer decide",
    )  # fmt: skip


class _Replay:
    def __init__(self, line: LineFile, intents: Mapping[str, Intent]) -> None:
        self._line, self._intents = line, intents
        self._batches: dict[str, _Batch] = {}
        self._roles: dict[str, Any] = {}
        self._reads: Mapping[str, Callable[[Entry], str | None]] = {
            "batch.created": self._created,
            "batch.state": self._state,
            "phase.started": self._started,
            "phase.ended": self._ended,
            "intent": self._intent,
            "outcome": self._outcome,
        }

    def decisions(self, entries: list[Entry]) -> Iterator[str]:
        for entry in entries:
            read = self._reads.get(entry.kind)
            told = read(entry) if read else None
            if told:
                yield f"{entry.seq} {entry.kind} {entry.batch} {told}"

    def _same(self, entry: Entry, found: object, expected: object) -> None:
        if found != expected:
            raise _diverged(entry.seq, entry.kind, found, expected)

    def _created(self, entry: Entry) -> str:
        try:
            recipe = from_json(entry.data["recipe"])
        except (KeyError, TypeError, ValueError) as error:
            raise _diverged(entry.seq, entry.kind, f"no control recipe: {error}", "one") from error
        self._same(entry, recipe.digest, entry.data["recipe_digest"])
        unknown = sorted({phase.kind for phase in recipe.phases()} - PHASES.keys())
        self._same(entry, unknown, [])
        self._batches[entry.batch] = _Batch(recipe)
        return f"{recipe.recipe} {recipe.version} {recipe.digest}"

    def _state(self, entry: Entry) -> str:
        batch, old, new = self._batches[entry.batch], State(entry.data["old"]), State(entry.data["new"])
        self._same(entry, str(batch.state), entry.data["old"])
        ways = {target for (state, _), target in TRANSITIONS.items() if state is old} | {COMPLETIONS.get(old)}
        buried = new is State.ABORTED and old not in OVER  # its simulated plant died with the process
        held = new is State.HOLDING  # from whatever state the unit was in
        if new not in ways and not buried and not held:
            raise _diverged(entry.seq, entry.kind, f"no way from {old} to {new}", ", ".join(sorted(filter(None, ways))))
        batch.state = new
        return f"{old} -> {new}"

    def _started(self, entry: Entry) -> str:
        batch, key = self._batches[entry.batch], entry.data["key"]
        expected = next((phase for phase in batch.recipe.phases() if phase.key not in batch.complete), None)
        self._same(entry, [key, entry.data.get("digest")], expected and [expected.key, expected.digest])
        batch.running = key
        return str(key)

    def _ended(self, entry: Entry) -> str:
        batch, key = self._batches[entry.batch], entry.data["key"]
        self._same(entry, key, batch.running)
        batch.running = None
        if entry.data["outcome"] == "complete":
            batch.complete.append(key)
        return f"{key} {entry.data['outcome']}"

    def _intent(self, entry: Entry) -> str | None:
        intent = self._intents[entry.data["id"]]
        if not intent.batch:
            return None  # by hand
        how = self._how(intent)
        self._same(entry, [intent.kind, intent.rule], how and [str(how.kind), how.evidence or "reply"])
        return f"{intent.device} {intent.verb} {intent.kind}"

    def _outcome(self, entry: Entry) -> str | None:
        intent = self._intents[entry.data["id"]]
        outcome, how = intent.outcome, self._how(intent)
        assert outcome is not None
        if outcome.origin == "reply" or outcome.post is None or how is None or how.judge is None or not how.evidence:
            return f"{intent.device} {intent.verb} {outcome.state}"
        again = partial(revive, evidence_type(getattr(self._role(intent.device), how.evidence)))
        verdict: Verdict = how.judge(again(intent.pre), again(outcome.post), tuple(intent.args))
        self._same(entry, str(verdict), outcome.state)
        return f"{intent.device} {intent.verb} {verdict} by evidence"

    def _how(self, intent: Intent) -> Command | None:
        return declared(getattr(self._role(intent.device), intent.verb, None)) or ACTS.get(intent.verb)

    def _role(self, name: str) -> Any:
        """The object of a role without an instrument behind it: what it declares, not what it does."""
        if name not in self._roles:
            if name not in self._line.roles:
                raise ConfigError(
                    f"line {self._line.name} has no role {name}", remedy="give the line file of the batch"
                )
            role = self._line.roles[name]
            spec = self._line.instruments[role.instrument]
            kind: Any = HttpLink if getattr(spec.driver, "speaks", "serial") == "http" else Link
            driver = spec.driver(kind(None, VirtualClock(), spec.name), VirtualClock(), spec.options)
            self._roles[name] = driver.role(role.capability, **role.options)
        return self._roles[name]
