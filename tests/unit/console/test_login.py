"""The door of the operator's page: a token opens it once, a cookie after that, and neither opens anything else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import structlog
from fastapi import FastAPI

from console.web.login import SHIFT, Login
from line.access import Guarded, headers
from vesiflow.clock import VirtualClock

TOKEN = "canary-Zq7-not-to-be-seen"


class Still(VirtualClock):
    """A clock that a test turns."""

    at = 1000.0

    def now(self) -> float:
        return self.at


@asynccontextmanager
async def door(clock: Still | None = None, base: str = "http://bench") -> AsyncIterator[httpx.AsyncClient]:
    """A browser before the guarded page of a line that has nothing but its name and a form that does nothing."""
    app = FastAPI()
    app.get("/line")(lambda: {"name": "sim"})
    app.get("/")(lambda: "the page")
    app.post("/page/command")(lambda: "done")
    app.get("/page/stream")(lambda: "readings")
    app.get("/page/page.css")(lambda: "style")
    guarded = Login(Guarded(app, TOKEN), TOKEN, "sim", clock or Still())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=guarded), base_url=base) as http:
        yield http


async def log_in(http: httpx.AsyncClient, token: str = TOKEN, **said: str) -> httpx.Response:
    return await http.post("/page/login", data={"token": token}, headers=said)


async def test_without_a_login_there_is_only_the_form() -> None:
    async with door() as http:
        for path in ("/", "/page/stream", "/page/page.js", "/page/anything"):
            shown = await http.get(path)
            assert (shown.status_code, 'name="token" type="password"' in shown.text) == (401, True), path
        assert (await http.get("/page/page.css")).status_code == 200
        refused = await http.post("/page/command", data={"who": "Ada"})
        assert refused.status_code == 401
        assert "nothing was done" in refused.text


async def test_the_token_opens_the_page_and_its_forms_until_somebody_logs_out() -> None:
    async with door() as http:
        entered = await log_in(http)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = entered.headers["set-cookie"]
        assert TOKEN not in cookie
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        for path in ("/", "/page/stream"):
            assert (await http.get(path)).status_code == 200
        assert (await http.post("/page/command")).json() == "done"
        kept = dict(http.cookies)
        assert (await http.post("/page/logout")).status_code == 303
        assert not http.cookies
        http.cookies.update(kept)
        assert (await http.get("/")).status_code == 401, "a copied cookie is worth nothing after a logout"


async def test_the_cookie_opens_nothing_but_the_page() -> None:
    async with door() as http:
        await log_in(http)
        assert (await http.get("/line")).status_code == 401
        assert (await http.get("/line", headers=headers(TOKEN))).json() == {"name": "sim"}
        assert (await http.get("/", headers=headers("another-token-of-the-length"))).status_code == 401


@pytest.mark.parametrize("wrong", ["", "canary", TOKEN[:-1], TOKEN + "x", "é" * 30])
async def test_another_token_opens_nothing_and_is_not_logged(wrong: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with door() as http:
            refused = await log_in(http, wrong)
            assert refused.status_code == 401
            assert "this is not the token of the line" in refused.text
            assert "set-cookie" not in refused.headers
            assert (await http.get("/")).status_code == 401
    assert [one["event"] for one in logs] == ["login refused"]
    assert not wrong or wrong not in str(logs)


@pytest.mark.parametrize("said", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}])
@pytest.mark.parametrize("form", ["/page/login", "/page/logout"])
async def test_no_other_site_logs_anybody_in_or_out(form: str, said: dict[str, str]) -> None:
    async with door() as http:
        await log_in(http)
        refused = await http.post(form, data={"token": TOKEN}, headers=said)
        assert (refused.status_code, "from another site" in refused.text) == (401, True)
        assert (await http.get("/")).status_code == 200, "still logged in"


async def test_a_login_ends_after_a_shift() -> None:
    clock = Still()
    async with door(clock) as http:
        await log_in(http)
        clock.at += SHIFT - 1.0
        assert (await http.get("/")).status_code == 200
        clock.at += 2.0
        assert (await http.get("/")).status_code == 401


async def test_over_tls_the_cookie_is_for_tls_only() -> None:
    async with door(base="https://bench") as http:
        assert "Secure" in (await log_in(http)).headers["set-cookie"].split("; ")
