"""What the controller's API does not take: refused with the reason and what to do, and nothing moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from line.api import create_app
from line.client import LineClient
from line.state import Command
from protocols.control import to_json
from tests.unit.line.bench import Bench, bench, recipe
from vesiflow.errors import ConfigError, Refused


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


@pytest.fixture
async def http(rig: Bench) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(rig.controller))
    async with httpx.AsyncClient(transport=transport, base_url="http://line") as client:
        rig.controller.create("b1", recipe(["approve", "approve"]), "Ada")
        yield client


HOLD = {"command": "Hold", "who": "Ada"}
FIRST, SECOND = "1-tff/1-approve/1", "1-tff/2-approve/1"


def batch(**changes: Any) -> dict[str, Any]:
    return {"id": "b2", "recipe": to_json(recipe(["approve"])), "who": "Ada", **changes}


CASES: dict[str, tuple[str, str, Any, int, str]] = {
    "an unknown key": ("POST", "/batches/b1/commands", {**HOLD, "force": True}, 422, "force: Extra inputs"),
    "a command nobody knows": ("POST", "/batches/b1/commands", {**HOLD, "command": "Go"}, 422, "command: Input should"),
    "nobody's command": ("POST", "/batches/b1/commands", {"command": "Hold"}, 422, "who: Field required"),
    "an empty name": ("POST", "/batches/b1/commands", {**HOLD, "who": ""}, 422, "who: String should have"),
    "a body that is no JSON": ("POST", "/batches/b1/commands", b"{hold", 422, "JSON decode error"),
    "a body that is a list": ("POST", "/batches/b1/commands", [1], 422, "dict"),
    "a command the state forbids": ("POST", "/batches/b1/commands", HOLD, 409, "Hold is not possible while Idle"),
    "a batch nobody knows": ("POST", "/batches/b9/commands", HOLD, 422, "vesiflow batch list"),
    "a phase nobody knows": ("PUT", "/batches/b1/phases/9-x", None, 422, "vesiflow recipe show"),
    "a phase before its turn": ("PUT", f"/batches/b1/phases/{SECOND}", None, 409, f"phase {FIRST} comes first"),
    "a phase with other parameters": ("PUT", f"/batches/b1/phases/{FIRST}?digest=00", None, 409, "other parameters"),
    "another recipe": ("POST", "/batches", batch(id="b1"), 409, "exists with another recipe.*another batch id"),
    "a recipe of another line": ("POST", "/batches", batch(recipe=to_json(recipe(["approve"], line="x"))), 422, "resolve"),
    "a recipe that is none": ("POST", "/batches", batch(recipe={"x": 1}), 422, "not a control recipe.*resolve"),
    "an id that leads elsewhere": ("POST", "/batches", batch(id="../b"), 422, "a batch id has letters"),
    "a phase with a body": ("PUT", f"/batches/b1/phases/{FIRST}", {"force": True}, 422, "force: Extra inputs"),
    "an end with a body": ("POST", "/batches/b1/finish", {"force": True}, 422, "force: Extra inputs"),
    "a body without end": ("POST", "/batches", b"[" * 100_000, 400, "POST /batches: .*nothing was done"),
    "a call that is none": ("DELETE", "/batches/b1", None, 405, "DELETE /batches/b1: Method Not Allowed.*see /docs"),
    "a path that is none": ("POST", "/batches/../../etc", None, 404, "Not Found.*see /docs"),
    "a decision about nothing": (
        "POST", "/doubts/x", {"verdict": "done", "who": "Ada", "reason": "saw it"}, 409, "no such action|UNKNOWN"),
    "a verdict nobody knows": ("POST", "/doubts/x", {"verdict": "?", "who": "A", "reason": "b"}, 422, "verdict: Input"),
    "an answer nobody asked for": ("POST", "/prompt", {"values": {}, "who": "Ada"}, 409, "nobody is asked"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_it_is_refused_with_a_reason_and_nothing_moves(
    case: tuple[str, str, Any, int, str], rig: Bench, http: httpx.AsyncClient
) -> None:
    method, path, body, status, reason = case
    before = rig.journal.events(None)
    sent = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    answer = await http.request(method, path, headers={"content-type": "application/json"}, **sent)
    assert answer.status_code == status
    told = answer.json()
    assert set(told) == {"error", "reason"}
    with pytest.raises((ConfigError, Refused), match=f"(?s){reason}"):
        raise (ConfigError if told["error"] == "ConfigError" else Refused)(told["reason"])
    assert ";" in told["reason"], "it does not say what to do"
    assert [entry for entry in rig.journal.events(None) if entry.kind != "command.refused"] == before
    assert (rig.pump.starts, rig.journal.intents(None), rig.controller.batch("b1").state) == (0, [], "Idle")


async def test_the_client_raises_what_the_controller_says(rig: Bench, http: httpx.AsyncClient) -> None:
    client = LineClient(http)
    with pytest.raises(Refused, match="Hold is not possible while Idle"):
        await client.command("b1", Command.HOLD, "Ada")
    with pytest.raises(ConfigError, match="who: String should have at least 1 character"):
        await client.command("b1", Command.HOLD, "")
    with pytest.raises(ConfigError, match="unknown batch 'b9'"):
        await client.batch("b9")


async def test_every_route_that_changes_something_is_in_the_document_with_its_body(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    changing = {
        (path, method)
        for path, methods in document["paths"].items()
        for method in methods
        if method in ("post", "put", "patch", "delete")
    }
    assert ("/batches/{batch}/commands", "post") in changing
    closed = document["components"]["schemas"]
    for path, method in changing:
        body = document["paths"][path][method].get("requestBody")
        if body is not None:
            schema = body["content"]["application/json"]["schema"]
            name = schema.get("anyOf", [schema])[0]["$ref"].rpartition("/")[2]
            assert closed[name]["additionalProperties"] is False, f"{path} takes keys that nobody knows"
