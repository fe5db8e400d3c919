"""What a run is called in Prefect while its batch is under way."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import State
from prefect.input import keyset_from_base_key
from prefect.states import Running
from prefect.utilities.schema_tools.validation import is_valid

from flows import agreement
from flows.agreement import Agreement, shown
from flows.form import Filled, Form, description, schema
from flows.mirror import Mirror
from line.api import BatchView, PhaseView
from line.prepare import prepare
from line.procedure import Outcome
from vesiflow.errors import ConfigError, NoReply

ASKED = {"key": "A 1", "action": "approve", "text": "Is it good?", "details": {}, "fields": {"approved": "yes/no"}}
FORM = Form("A 1", "Is it good?", keyset_from_base_key("asks-1"))


def view(state: str, reason: str = "", waits: dict[str, str] | None = None) -> BatchView:
    return BatchView(
        id="A", recipe="tff", state=state, reason=reason, now=0, running=None, progress=0, readings={}, phases=[],
        waits=waits or {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("batch", "form", "said"),
    [
        (view("Execute"), None, ("RUNNING", "Running", None)),
        (view("Held", "TMP is high"), None, ("PAUSED", "Held", "TMP is high; see `vesiflow line status`")),
        (view("Holding", "x"), FORM, ("PAUSED", "Holding", "x; see `vesiflow line status`")),
        (view("Execute"), FORM, ("PAUSED", "Asks", "Is it good?; answer with Resume, or `vesiflow line answer`")),
        (view("Idle", waits={"tff": "B"}), None, ("RUNNING", "Waiting", "waits for tff (batch B)")),
    ],
)
def test_the_state_says_what_the_line_does(
    batch: BatchView, form: Form | None, said: tuple[str, str, str | None]
) -> None:
    state = shown(batch, form)
    assert (state.type.value, state.name, state.message) == said
    assert state.state_details.pause_timeout is None  # neither a hold nor a question ends by itself


@pytest.mark.parametrize(
    ("state", "reason", "ordered"),
    [("stopped", "enough", True), ("stopped", "held: TMP is high", False), ("failed", "motor stalled", False)],
)
def test_only_what_a_person_ended_is_cancelled(state: str, reason: str, ordered: bool) -> None:
    phase = PhaseView(key="1", kind="x", state=state, started=0, ended=1, reason=reason)
    assert Outcome(view("Stopped"), phase).ordered is ordered
    assert not Outcome(view("Complete")).ordered


def test_waiting_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    mirror = Mirror("A", prepare("tff", "sim").recipe)
    monkeypatch.setattr(mirror, "tell", lambda what, payload: told.append(what))
    for seen in (view("Idle", waits={"tff": "B"}), view("Idle", waits={"tff": "B"}), view("Execute"), view("Held")):
        mirror.see(seen)
    assert told == ["waiting", "idle", "execute", "held"]


PROMPT = {
    "key": "A 2", "action": "sample", "text": "Draw a sample", "details": {"bottle": "EV pool"},
    "fields": {"volume": "mL", "count": "1", "lot": "text", "approved": "yes/no"},
}  # fmt: skip
GIVEN = {"who": "anna", "volume": "0.5 L", "count": "3e9", "lot": "L-7", "approved": "no"}


def test_a_form_takes_what_fits_the_question() -> None:
    assert is_valid(GIVEN, schema(PROMPT))
    assert is_valid(GIVEN | {"volume": "12"}, schema(PROMPT))
    assert list(schema(PROMPT)["properties"]) == ["who", "volume", "count", "lot", "approved"]
    volume = schema(PROMPT)["properties"]["volume"]
    assert volume["description"] == "A number in mL, or one with another unit of the same kind"
    assert description(PROMPT, "Not taken").splitlines() == [
        "**Not taken**",
        "",
        "Draw a sample",
        "",
        "- bottle: EV pool",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": " "}, {"who": "x" * 101}, {"volume": "2 bar"}, {"volume": "much"}, {"count": "3 mL"}, {"lot": ""},
        {"approved": "perhaps"}, {"more": "x"},
    ],
)  # fmt: skip
def test_a_form_refuses_what_does_not(wrong: dict[str, str]) -> None:
    assert not is_valid(GIVEN | wrong, schema(PROMPT))


def test_a_form_wants_every_field() -> None:
    for name in GIVEN:
        assert not is_valid({key: value for key, value in GIVEN.items() if key != name}, schema(PROMPT)), name


class Server:
    """What of a Prefect server an agreement needs: one run with its state, and the inputs stored at it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state: State[Any] = Running()
        self.forms: list[str] = []
        self.filled: Filled | None = None
        monkeypatch.setattr(agreement, "flow_run", SimpleNamespace(id=uuid4()))
        monkeypatch.setattr(agreement, "get_client", self.client)
        monkeypatch.setattr(agreement, "put", self.put)
        monkeypatch.setattr(agreement, "filled", self.answer)
        monkeypatch.setattr(agreement, "get_run_logger", lambda: logging.getLogger("test"))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Server]:
        yield self

    async def read_flow_run(self, run: UUID) -> SimpleNamespace:
        return SimpleNamespace(state=self.state)

    async def set_flow_run_state(self, run: UUID, state: State[Any], force: bool) -> None:
        self.state = state

    async def put(self, run: UUID, prompt: dict[str, Any], remark: str) -> Form:
        self.forms.append(remark)
        return Form(prompt["key"], prompt["text"], keyset_from_base_key(str(len(self.forms))))

    async def answer(self, run: UUID, form: Form) -> Filled | None:
        return self.filled

    def resume(self, who: str) -> None:
        self.state, self.filled = Running(), Filled(who, {"approved": "yes"})

    @property
    def shows(self) -> str:
        return self.state.name or ""


async def test_an_answer_in_the_form_goes_to_the_line_once_and_a_refused_one_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, told, away = Server(monkeypatch), [], [True]

    async def line(values: dict[str, str], who: str, key: str) -> None:
        if away.pop() if away else False:
            raise NoReply("no answer from the line controller", remedy="wait")
        told.append((who, key, values))
        if who == "anna":
            raise ConfigError("not a number", remedy="give one")

    async def cancelled() -> None: ...

    here = Agreement(line, cancelled)
    await here.look(view("Execute"), ASKED)
    assert server.shows == "Asks"
    server.resume("anna")
    await here.look(view("Execute"), ASKED)
    assert told == []  # the controller was away, the answer is kept
    await here.look(view("Execute"), ASKED)
    server.filled = None
    await here.look(view("Execute"), ASKED)
    assert (server.shows, server.forms) == ("Asks", ["", "The answer of anna was not taken: not a number; give one"])
    server.resume("bert")
    await here.look(view("Execute"), ASKED)
    server.filled = None
    assert told == [(who, "A 1", {"approved": "yes"}) for who in ("anna", "bert")]
    await here.look(view("Execute"), PROMPT)  # the line asks something else now
    assert (server.shows, server.state.message) == (
        "Asks",
        "Draw a sample; answer with Resume, or `vesiflow line answer`",
    )
    await here.look(view("Execute"), PROMPT | {"key": "A 3"})  # the same words, another question
    assert server.state.state_details.run_input_keyset == keyset_from_base_key("4")
    await here.look(view("Execute"), None)  # answered at the line
    assert (server.shows, len(server.forms)) == ("Running", 4)


async def test_resume_without_an_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)

    async def never(*_: object) -> None:
        raise AssertionError("nobody answered, nobody cancelled")

    here = Agreement(never, never)
    for batch, prompt, name in ((view("Execute"), ASKED, "Asks"), (view("Held", "x"), ASKED, "Held")):
        await here.look(batch, prompt)
        server.state = Running()
        for _ in range(5):
            await here.look(batch, prompt)
        assert server.shows == name
    assert len(server.forms) == 1
