"""The operator's page: what it shows, what its forms do, and that it is only a client of the line's API."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from console.web import page
from console.web.forms import HERE
from console.web.page import Site, mount
from devices.commands import Verdict
from devices.line_file import load_line
from line.api import create_app
from line.client import LineClient
from line.controller import Controller
from line.host import hosted
from line.prepare import prepare
from records.store import Store

from .conftest import SHORT

ASKING = '"sim://bench/operator"', '"console"'


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Controller, FastAPI]]:
    """The page of a line with a batch that asks the operator for a module."""
    path = folder / "bench.yaml"
    path.write_text(load_line("sim").text.replace(*ASKING), encoding="utf-8")
    line = load_line(path)
    async with hosted(line, Store(), seed=1) as here:
        app = create_app(here.controller)
        mount(app)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bench") as http:
            client = LineClient(http)
            recipe = prepare(str(SHORT), line.file).recipe
            await client.create("b1", recipe, "test")
            await http.put(f"/batches/b1/phases/{next(recipe.phases()).key}")
            while await client.prompt() is None:
                await tick()
            yield http, here.controller, app


async def tick() -> None:
    """Let the others on this event loop go on."""
    await asyncio.to_thread(int)


def doubt(controller: Controller) -> str:
    """An action of which nobody knows."""
    phase, where = "1-tff/1-install_module/1", "tff.feed_pump"
    intent = controller.journal.intent("b1", phase, where, "start", [], "S", "", None, "", "sim", 1)
    controller.journal.outcome(intent, Verdict.UNKNOWN, "reply", None, None, "no reply")
    return intent


async def test_it_shows_batch_unit_prompt_alarm_and_doubt(tmp_path: Path) -> None:
    async with opened(tmp_path) as (http, controller, _):
        intent = doubt(controller)
        controller.alarms.raise_("line.deadman", "the <controller> hung", batch="b1")
        html = (await http.get("/")).text
        for text in (
            "line sim", "b1", "state execute", "1-tff", "0 of 4", "You are asked", 'name="field.', "In doubt",
            intent, "tff.feed_pump start", "the &lt;controller&gt; hung", "Acknowledge", 'value="Hold"', 'value="Abort"',
        ):  # fmt: skip
            assert text in html, text
        assert 'value="Unhold"' not in html, "only what the state allows"


async def test_forms_go_through_the_api_with_a_name(tmp_path: Path) -> None:
    async with opened(tmp_path) as (http, controller, _):
        intent = doubt(controller)
        alarm = controller.alarms.raise_("line.deadman", "hung", batch="b1")
        form = {"id": alarm.id, "who": "Ada", "reason": "looked"}
        assert (await http.post("/page/acknowledge", data=form)).status_code == 303
        assert alarm.acknowledged
        form = {"intent": intent, "verdict": "not_done", "who": "Ada", "reason": "it stands still"}
        assert (await http.post("/page/resolve", data=form)).status_code == 303
        assert controller.journal.in_doubt() == []
        asked = (await http.get("/prompt")).json()
        assert f'name="key" value="{asked["key"]}"' in (await http.get("/")).text
        fields = {f"field.{name}": "HF300-235" for name in asked["fields"]}
        late = await http.post("/page/answer", data=fields | {"who": "Bob", "key": "b1 what was asked before"})
        assert (late.status_code, "no longer open" in late.text) == (409, True)
        fields["key"] = asked["key"]
        assert (await http.post("/page/answer", data=fields | {"who": "Ada"})).status_code == 303
        while not (answered := controller.journal.events(None, ["prompt.answered"])):
            await tick()
        assert "Ada" in answered[-1].data.values()
        form = {"batch": "b1", "command": "Stop", "who": "Ada", "reason": "enough"}
        assert (await http.post("/page/command", data=form)).status_code == 303
        assert controller.journal.events(None, ["batch.state"])[-1].data["who"] == "Ada"


ORDER = {"batch": "b1", "command": "Hold", "who": "Ada", "reason": "x"}
WRONG: tuple[tuple[dict[str, str], str], ...] = (
    (ORDER | {"who": ""}, "a person must be named"),
    (ORDER | {"reason": ""}, "a reason is needed"),
    (ORDER | {"command": "Explode"}, "no such command"),
    ({"command": "Hold", "who": "Ada", "reason": "x"}, "lacks &#39;batch&#39;"),
    (ORDER | {"command": "Unhold"}, "Unhold is not possible while Execute"),
    (ORDER | {"batch": "<b>"}, "&lt;b&gt;"),
    (ORDER | {"reason": "x" * 20_000}, "too long"),
)


async def test_what_cannot_be_done_is_said_on_the_page(tmp_path: Path) -> None:
    async with opened(tmp_path) as (http, controller, _):
        for form, says in WRONG:
            answer = await http.post("/page/command", data=form)
            assert answer.status_code in (409, 422)
            assert says in answer.text
        assert controller.batches["b1"].state == "Execute"


async def test_a_form_of_another_site_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as (http, controller, _):
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await http.post("/page/command", data=ORDER | {"command": "Abort"}, headers=headers)
            assert answer.status_code == 409
            assert "from another site" in answer.text
        assert controller.batches["b1"].state == "Execute"


async def test_changed_sections_are_sent_and_one_that_is_empty_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PERIOD", 0.01)
    async with opened(tmp_path) as (_, controller, app):
        changes = Site(app).changes()
        first = [await anext(changes) for _ in page.SECTIONS]
        assert [text.split()[1] for text in first] == list(page.SECTIONS)
        doubts = next(text for text in first if "event: doubts" in text)
        assert doubts == f"event: doubts\ndata: {page.NOTHING}\n\n"
        controller.alarms.raise_("line.deadman", "hung", batch="b1")
        event = await anext(changes)
        while not event.startswith("event: alarms"):
            event = await anext(changes)
        assert "hung" in event
        await changes.aclose()


async def test_nothing_comes_from_outside_and_no_script_is_in_the_page(tmp_path: Path) -> None:
    async with opened(tmp_path) as (http, _, app):
        shown = await http.get("/")
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert "unsafe" not in shown.headers["content-security-policy"]
        assert not re.search(r"https?://|<style|style=|\son\w+=", shown.text)
        assert re.findall(r"<script[^>]*>([^<]*)</script>", shown.text) == [""]
        for name, kind in (("page.css", "text/css"), ("page.js", "javascript")):
            found = await http.get(f"/page/{name}")
            assert found.status_code == 200
            assert kind in found.headers["content-type"]
            assert "http" not in found.text
        assert (await http.get("/page/..%2fpage.py")).status_code == 404
        assert "/page/command" not in app.openapi()["paths"]


def test_templates_escape() -> None:
    for path in (HERE / "templates").iterdir():
        assert path.read_text(encoding="utf-8").count("| safe") == (path.name == "page.html")
