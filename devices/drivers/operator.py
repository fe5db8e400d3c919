# ruff: noqa: A005 -- always imported as devices.drivers.operator, never as a top-level module
"""The operator is a device too: a person who is asked by a prompt and answers when it is done.

Two ways to reach a person, chosen by `at:` in the line file:
- a link (`sim://bench/operator`, a socket): one JSON object a line. `{"id", "action", "text", "details", "fields"}` is
  answered by `{"id", "values", "by"}` or `{"id", "refused"}`; a `key` seen before is the same request put again after a
  restart. Waiting has no time limit and never spoils the link.
- `console`: no link. `ask` waits until the controller calls `answer` or `refuse`; `pending` is what to show. Virtual
  time stands still meanwhile.

An answer must fill exactly the fields of the prompt: text, yes/no, or a number in the field's unit (another unit of the
same kind is converted). Control characters are refused in every text, so that no answer carries a second line.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError

from devices.card import DriverCard
from devices.commands import Kind, command, read
from devices.deck import Layout
from devices.deck_file import load_deck_file
from devices.drivers.worklist import Worklist, WorklistOptions
from devices.link import Conversation, Link
from devices.readings import Answer, Identity, Prompt
from devices.registry import NoOptions
from devices.strict import about, check_role, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock, Lock
from vesiflow.errors import BadReply, ConfigError, Refused
from vesiflow.quantities import parse

TEXT_LIMIT = 500
LINE_LIMIT = 65536
PATIENCE_BLOCKING = 1.0  # s in one read of a port that blocks its thread: closing must not wait for a person
PATIENCE = 3600.0  # s in one read of a port that does not
HALF_A_LINE = 5.0  # s for the rest of a line that has begun


def encode_prompt(number: int, prompt: Prompt) -> bytes:
    """One line of JSON; line ends inside texts are escaped by JSON itself."""
    request = {
        "id": number,
        "action": prompt.action,
        "text": prompt.text,
        "details": dict(prompt.details),
        "fields": dict(prompt.fields),
        **({"key": prompt.key} if prompt.key else {}),
    }
    return json.dumps(request).encode("ascii") + b"\n"


def decode_answer(line: bytes, number: int, prompt: Prompt) -> Answer | None:
    """The answer to request `number`; None for a line about another one. Refused when the person refuses."""
    try:
        reply = json.loads(line)
    except ValueError as error:
        raise BadReply("not JSON", value=shown(line.decode("latin-1")), remedy="check the operator panel") from error
    if not isinstance(reply, dict) or reply.get("id") != number or isinstance(reply.get("id"), bool):
        return None
    if "refused" in reply:
        reason = clean(str(reply["refused"]), "reason") or "no reason given"
        raise Refused(f"the operator refuses: {reason}", action=prompt.action, remedy="talk to the operator")
    values, by = reply.get("values"), reply.get("by")
    if not isinstance(values, dict) or not isinstance(by, str):
        raise BadReply("answer without values or name", action=prompt.action, remedy="check the operator panel")
    try:
        return check_answer(prompt, {str(key): written(value) for key, value in values.items()}, by)
    except ConfigError as error:
        raise BadReply(error.reason, value=error.value, bounds=error.bounds, remedy="ask again") from error


def written(value: Any) -> str:
    """A JSON value as a person would have written it; ConfigError for lists and objects."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return repr(value)
    raise ConfigError("not a text or a number", value=shown(repr(value)), remedy="answer with text or a number")


def check_answer(prompt: Prompt, values: Mapping[str, str], by: str) -> Answer:
    """An answer that fills exactly the prompt's fields, in their order; ConfigError says which one is wrong."""
    name = clean(by, "name")
    if not name:
        raise ConfigError("an answer needs a name", action=prompt.action, remedy="give your name")
    fields = dict(prompt.fields)
    if set(values) != set(fields):
        raise ConfigError(
            "wrong fields",
            action=prompt.action,
            value=", ".join(map(shown, values)) or "none",
            bounds=", ".join(fields) or "none",
            remedy="fill in every field and no other",
        )
    checked = tuple((field, check_field(field, kind, values[field])) for field, kind in fields.items())
    return Answer(checked, name)


def check_field(field: str, kind: str, value: str) -> str:
    """One value as its field wants it: "text", "yes/no", or a number in the unit `kind`."""
    text = clean(value, field)
    if kind == "text":
        if not text:
            raise ConfigError("is empty", action=field, remedy="fill it in")
        return text
    if kind == "yes/no":
        if text.lower() not in ("yes", "no"):
            raise ConfigError("neither yes nor no", action=field, value=repr(text), remedy="answer yes or no")
        return text.lower()
    try:
        unit = "" if kind == "1" else kind
        number = parse(f"{text} {unit}".strip() if _is_bare(text) else text, unit)
    except ValueError as error:
        raise ConfigError(str(error), action=field, bounds=kind or "a number", remedy="give a number") from error
    return f"{number:.12g}"


def _is_bare(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def clean(text: str, what: str) -> str:
    """`text` without blanks around it; ConfigError for control characters or more than 500 characters."""
    if len(text) > TEXT_LIMIT or any(not c.isprintable() for c in text):
        raise ConfigError(
            "control characters or too long", action=what, value=shown(text), bounds=f"{TEXT_LIMIT} printable",
            remedy="write one short line",
        )  # fmt: skip
    return text.strip()


class BenchOperator:
    """One person. Prompts are put one at a time, in the order they were asked."""

    asks_with: ClassVar[None] = None  # its far end does not say who it is
    settings: ClassVar[SerialSettings] = SerialSettings()
    options: ClassVar[type[BaseModel]] = NoOptions
    provides: ClassVar[tuple[str, ...]] = ("operator", "liquid_handler")
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("vesiflow", "operator", "docs/operator-actions.md")

    def __init__(self, link: Link | None, clock: Clock, options: BaseModel | None = None) -> None:
        self._link = link
        self._clock = clock
        self._name = link.name if link is not None else "operator"
        self._turn = Lock(clock)
        self._number = 0
        self._pending: Prompt | None = None
        self._answer: asyncio.Future[Answer] | None = None

    @staticmethod
    def deck_of(options: BaseModel, **role_options: object) -> Layout:
        """What stands on the bench of a person with a worklist."""
        return load_deck_file(WorklistOptions.model_validate(role_options).deck).layout

    async def connect(self) -> Identity:
        """Nobody is disturbed: who answers is told by every answer. Half a line of a process that died is ended."""
        identity = Identity("vesiflow", "operator" if self._link is not None else "operator at the console")
        if self._link is not None:
            self._link.identity = identity
            await self._link.fresh_line()
        return identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> BenchOperator | Worklist:
        """The person, or the person as a liquid handler with a worklist (options: deck, folder)."""
        if capability == "liquid_handler":
            check_role(self._name, self.provides, capability, {}, channel)
            try:
                return Worklist(self, WorklistOptions.model_validate(role_options))
            except ValidationError as error:
                known = ", ".join(WorklistOptions.model_fields)
                raise ConfigError(
                    "wrong role option", device=self._name, value=", ".join(role_options), bounds=known
                ) from error
        check_role(self._name, self.provides, capability, role_options, channel)
        return self

    @command(Kind.BLIND)
    async def ask(self, prompt: Prompt) -> Answer:
        """Put `prompt` and wait for the person, however long it takes."""
        async with self._turn:
            self._pending = prompt
            try:
                with about(self._name, prompt.action):
                    return await (self._over_the_console() if self._link is None else self._over(self._link, prompt))
            finally:
                self._pending = None
                self._answer = None

    def pending(self) -> Prompt | None:
        """What the person is being asked right now."""
        return self._pending

    @read
    async def read_pending(self) -> Prompt | None:
        """As `pending`."""
        return self._pending

    def answer(self, values: Mapping[str, str], by: str) -> Answer:
        """The person at the console has done it. ConfigError when the values do not fit; the prompt then stays."""
        prompt, waiting = self._waiting()
        answer = check_answer(prompt, values, by)
        waiting.set_result(answer)
        return answer

    def refuse(self, reason: str, by: str) -> None:
        """The person at the console will not do it: `ask` raises Refused."""
        prompt, waiting = self._waiting()
        text = f"{clean(by, 'name')} refuses: {clean(reason, 'reason') or 'no reason given'}"
        waiting.set_exception(Refused(text, action=prompt.action, remedy="talk to the operator"))

    def _waiting(self) -> tuple[Prompt, asyncio.Future[Answer]]:
        if self._pending is None or self._answer is None or self._answer.done():
            raise ConfigError("nobody is being asked", device=self._name, action="answer", remedy="see `pending`")
        return self._pending, self._answer

    async def _over_the_console(self) -> Answer:
        self._answer = asyncio.get_running_loop().create_future()
        with self._clock.frozen():
            return await self._answer

    async def _over(self, link: Link, prompt: Prompt) -> Answer:
        # Numbers go on from the clock, so that an answer to a prompt of a process that died is never taken.
        self._number = max(self._number + 1, int(self._clock.utc().timestamp() * 1000))
        number = self._number

        async def talk(turn: Conversation) -> bytes:
            await turn.write(encode_prompt(number, prompt))
            try:
                return await self._line(link, number)
            except BadReply:
                turn.spoil()
                raise

        answer = decode_answer(await link.converse(talk), number, prompt)
        if answer is None:
            raise BadReply("answer to another prompt", action=prompt.action, remedy="check the operator panel")
        return answer

    async def _line(self, link: Link, number: int) -> bytes:
        """The line about request `number`; waits in long reads of the transport, which no time-out can spoil.

        A damaged line is an error: it may have been the answer, and nobody would send it again.
        """
        patience = PATIENCE_BLOCKING if link.transport.blocks else PATIENCE
        buffer = b""
        while True:
            more = await link.transport.read(HALF_A_LINE if buffer else patience)
            if buffer and not more:
                raise BadReply(
                    "half an answer", value=shown(buffer.decode("latin-1")), remedy="check the panel's cable"
                )
            *lines, buffer = (buffer + more).split(b"\n")
            for line in filter(None, map(bytes.strip, lines)):
                if is_about(line, number):
                    return line
                link.counters.foreign += 1
            if len(buffer) > LINE_LIMIT:
                raise BadReply("endless line", remedy="check the operator panel")


def is_about(line: bytes, number: int) -> bool:
    """Whether a line is a JSON object with this id; BadReply when it is no JSON object at all."""
    try:
        reply = json.loads(line)
    except ValueError as error:
        raise BadReply("not JSON", value=shown(line.decode("latin-1")), remedy="check the operator panel") from error
    if not isinstance(reply, dict):
        raise BadReply("not a JSON object", value=shown(line.decode("latin-1")), remedy="check the operator panel")
    return reply.get("id") == number and not isinstance(reply.get("id"), bool)
