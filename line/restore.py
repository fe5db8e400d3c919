"""After a death of the controller: what the journal says of a batch, and what the instruments say of open intents.

Nothing is repeated here. Every intent without an outcome is judged by its evidence; what stays UNKNOWN waits for a
person. All batches that were under way come up HELD.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin, get_type_hints

from devices.commands import Kind, Verdict, declared
from devices.open_line import OpenLine
from line.phases import ACTS
from line.state import OVER, State
from protocols.control import ControlRecipe, from_json
from records.journal import Intent, Journal, JournalReader
from vesiflow.errors import DeviceFault, VesiflowError


@dataclass
class Remembered:
    """A batch as its journal tells it."""

    id: str
    recipe: ControlRecipe
    line_digest: str
    software: str
    serials: Mapping[str, str]
    state: State = State.IDLE
    reason: str = ""
    complete: list[str] = field(default_factory=list)
    interrupted: str | None = None
    facts: dict[str, float] = field(default_factory=dict)


def remembered(journal: Journal | JournalReader) -> list[Remembered]:
    """Every batch that was not over when its controller ended, oldest first."""
    batches: dict[str, Remembered] = {}
    for entry in journal.events(None, _FOLDS):
        if entry.kind == "batch.created":
            data = entry.data
            batches[entry.batch] = Remembered(
                entry.batch, from_json(data["recipe"]), data["line_digest"], data["software"],
                {name: item["serial"] for name, item in data["instruments"].items()},
            )  # fmt: skip
        elif entry.batch in batches:
            _FOLDS[entry.kind](batches[entry.batch], entry.data)
    return [batch for batch in batches.values() if batch.state not in OVER]


def last_token(journal: Journal) -> int:
    """The highest fencing token ever granted on this line."""
    return max((int(entry.data["token"]) for entry in journal.events(None, ["batch.claimed"])), default=0)


def _state(batch: Remembered, data: Mapping[str, Any]) -> None:
    batch.state, batch.reason = State(data["new"]), data["why"]


def _started(batch: Remembered, data: Mapping[str, Any]) -> None:
    batch.interrupted = data["key"]


def _ended(batch: Remembered, data: Mapping[str, Any]) -> None:
    batch.interrupted = None
    if data["outcome"] == "complete":
        batch.complete.append(data["key"])


def _fact(batch: Remembered, data: Mapping[str, Any]) -> None:
    if data["value"] is None:
        batch.facts.pop(data["name"], None)
    else:
        batch.facts[data["name"]] = float(data["value"])


_FOLDS: dict[str, Callable[[Remembered, Mapping[str, Any]], None]] = {
    "batch.created": lambda batch, data: None,
    "batch.state": _state,
    "phase.started": _started,
    "phase.ended": _ended,
    "fact": _fact,
}


async def reconcile(line: OpenLine, journal: Journal) -> dict[str, Verdict]:
    """Give every open intent an outcome by evidence, in order; intent id -> verdict."""
    verdicts = {}
    for intent in journal.open_intents():
        verdict, after, reason = await _judge(line, intent)
        journal.outcome(intent.id, verdict, "reconcile", None, after, reason)
        verdicts[intent.id] = verdict
    return verdicts


def strangers(line: OpenLine, past: Remembered) -> list[str]:
    """Instruments that are not those with which a batch began, by serial number where there is one."""
    return [
        f"{name} {item.identity.serial_number} (was {past.serials[name]})"
        for name, item in sorted(line.instruments.items())
        if past.serials.get(name) and item.identity.serial_number and past.serials[name] != item.identity.serial_number
    ]


def refuse_strangers(line: OpenLine, batches: list[Remembered]) -> None:
    """DeviceFault before anything is sent when a batch would go on with other instruments than it began with."""
    for past in batches:
        if found := strangers(line, past):
            raise DeviceFault(
                f"another instrument answers than when batch {past.id} began: {', '.join(found)}",
                device=f"line {line.file.name}", action="take up",
                remedy="check cables; was it exchanged on purpose: `vesiflow line serve --exchanged`",
            )  # fmt: skip


async def _judge(line: OpenLine, intent: Intent) -> tuple[Verdict, Any, str]:
    """Without a verdict from the instrument it is UNKNOWN, even when the death may have come before the first byte."""
    found = line.instruments[line.file.roles[intent.device].instrument].identity.serial_number
    if intent.serial and found and intent.serial != found:
        return Verdict.UNKNOWN, None, f"another instrument is there: {found}, it was sent to {intent.serial}"
    target = line.roles.get(intent.device)
    how = declared(getattr(target, intent.verb, None)) or ACTS.get(intent.verb)
    if how is None or how.judge is None or how.evidence is None or how.kind is Kind.BLIND:
        return Verdict.UNKNOWN, None, "nothing proves it"
    evidence = getattr(target, how.evidence)
    hint = evidence_type(evidence)
    try:
        after = await evidence()
        return how.judge(revive(hint, intent.pre), after, tuple(intent.args)), after, "by evidence after a restart"
    except VesiflowError as error:
        return Verdict.UNKNOWN, None, f"no evidence: {error}"


def evidence_type(method: Callable[..., Any]) -> Any:
    """What an evidence method returns."""
    return get_type_hints(method).get("return", Any)


def revive(hint: Any, data: Any) -> Any:
    """Journaled evidence as the type it was: dataclasses from mappings, tuples from lists, the rest as it is."""
    if data is None:
        return None
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(data, Mapping):
        hints = get_type_hints(hint)
        return hint(**{name: revive(hints[name], value) for name, value in data.items()})
    if isinstance(hint, type) and issubclass(hint, str):
        return hint(data)
    if get_origin(hint) is tuple and isinstance(data, list):
        return tuple(revive((get_args(hint) or (Any,))[0], item) for item in data)
    return data
