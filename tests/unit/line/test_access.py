"""A controller that other machines reach wants a token, and nobody reads it anywhere."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from console import line as console
from line.access import VARIABLE, Guarded, headers, refuse_open, token
from vesiflow.errors import ConfigError

TOKEN = "canary-Zq7-not-to-be-seen"


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::", "line.lab", ""])
def test_other_machines_are_let_in_only_with_a_token(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ConfigError, match=f"other machines would reach the line .*{VARIABLE}"):
        console.serve("sim", host=host)
    refuse_open(host, TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    refuse_open(host, None)


@pytest.mark.parametrize("weak", ["short", "with blanks in the middle", "x" * 30 + "\n", "é" * 30])
def test_a_weak_token_is_refused_without_being_shown(weak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, weak)
    with pytest.raises(ConfigError) as told:
        token()
    assert weak not in str(told.value)


async def test_only_who_says_the_token_is_answered() -> None:
    app = FastAPI()
    for path in ("/line", "/health"):
        app.get(path)(lambda: {"name": "sim"})
    transport = httpx.ASGITransport(app=Guarded(app, TOKEN))
    async with httpx.AsyncClient(transport=transport, base_url="http://line") as http:
        assert (await http.get("/health")).status_code == 200
        for said in ({}, headers("another-token-of-the-length"), {"Authorization": TOKEN}):
            answer = await http.get("/line", headers=said)
            assert (answer.status_code, TOKEN in answer.text) == (401, False)
        assert (await http.get("/line", headers=headers(TOKEN))).json() == {"name": "sim"}
