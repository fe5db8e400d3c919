"""What the line asks a person, as the form that Prefect's *Resume* opens: typed, named, without a time limit.

Prefect checks an answer against the JSON schema when it is given. The line controller checks it again, and decides
whose answer was first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from prefect.client.schemas.objects import State, StateDetails, StateType
from prefect.input import Keyset, acreate_flow_run_input, aread_flow_run_input, keyset_from_base_key

from protocols.display import detail
from vesiflow.quantities import pattern

WHO = "who"
"""The field for the person's name, beside those of the question."""
_TEXT = {"type": "string", "minLength": 1, "maxLength": 500}


@dataclass(frozen=True, slots=True)
class Form:
    """A question that is open in Prefect: its key at the line, its text, and where Prefect keeps schema and answer."""

    question: str
    text: str
    keyset: Keyset

    def state(self) -> State[Any]:
        """The state of a run that waits for it. No time limit: the question stays until somebody answers it."""
        details = StateDetails(pause_reschedule=False, run_input_keyset=dict(self.keyset))
        message = f"{self.text}; answer with Resume, or `vesiflow line answer`"
        return State(type=StateType.PAUSED, name="Asks", message=message, state_details=details)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person has put in."""

    who: str
    values: dict[str, str]


async def put(run: UUID, prompt: dict[str, Any], remark: str) -> Form:
    """Store the form of `prompt` at a run; `remark` says what was wrong with the answer before."""
    keys = keyset_from_base_key(f"asks-{uuid4().hex}")
    await acreate_flow_run_input(key=keys["schema"], value=schema(prompt), flow_run_id=run)
    await acreate_flow_run_input(key=keys["description"], value=description(prompt, remark), flow_run_id=run)
    return Form(prompt["key"], prompt["text"], keys)


async def filled(run: UUID, form: Form) -> Filled | None:
    """The answer that Prefect has taken, None when nobody gave one."""
    said = await aread_flow_run_input(form.keyset["response"], flow_run_id=run)
    if said is None:
        return None
    values = {name: str(value) for name, value in said.items()}
    return Filled(values.pop(WHO, ""), values)


def schema(prompt: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of the answer: the person's name and every field of the question."""
    fields = {WHO: _TEXT | {"maxLength": 100, "pattern": r"\S", "title": "Your name", "description": "For the record"}}
    fields |= {name: _field(name, kind) for name, kind in prompt["fields"].items()}
    ordered = {name: entry | {"position": place} for place, (name, entry) in enumerate(fields.items())}
    return {
        "title": prompt["action"],
        "type": "object",
        "properties": ordered,
        "required": list(ordered),
        "additionalProperties": False,
    }


def description(prompt: dict[str, Any], remark: str) -> str:
    """Markdown beside the form: what was wrong before, the question, and its details."""
    details = [f"- {name.replace('_', ' ')}: {detail(name, value)}" for name, value in prompt["details"].items()]
    return "\n".join([*([f"**{remark}**", ""] if remark else []), prompt["text"], "", *details])


def _field(name: str, kind: str) -> dict[str, Any]:
    title = {"title": name.replace("_", " ").capitalize()}
    if kind == "text":
        return _TEXT | title
    if kind == "yes/no":
        return {"type": "string", "enum": ["yes", "no"], **title}
    number = {"type": "string", "pattern": pattern(kind), "title": "number" if kind == "1" else f"in {kind}"}
    told = "A number" if kind == "1" else f"A number in {kind}, or one with another unit of the same kind"
    # as a choice of one: Prefect's page then says that it does not fit, where it would show the bare pattern
    return {"anyOf": [number], "description": told, **title}
