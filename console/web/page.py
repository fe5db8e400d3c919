"""The operator's page of a line: `mount` puts it onto the controller's API, of which it is only a client.

Rendered here, kept fresh by server-sent events, nothing from outside, no script in the page. Every change is a form
with a name and goes through the same API as `vesiflow line`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, StreamingResponse

from console.web.forms import HEADERS, HERE, TEMPLATES, Form, read
from console.web.view import look
from line.client import LineClient
from line.state import Command
from vesiflow.clock import WallClock
from vesiflow.errors import ConfigError, VesiflowError

SECTIONS = ("alarms", "prompt", "doubts", "batches", "commands")
PERIOD = 1.0  # s between looks
NOTHING = "<!-- -->"
"""A browser does not pass on an event without data, and the section must go."""


def mount(app: FastAPI, *, closed: bool = False) -> None:
    """Add the page to the API `app` of a controller: GET / and what belongs to it below /page.

    `closed`: the page is behind a login (`console.web.login`) and offers to log out.
    """
    page = Site(app, closed)
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    routes.add_api_route("/", page.show, methods=["GET"])
    routes.add_api_route("/page/stream", page.stream, methods=["GET"])
    routes.add_api_route("/page/{name}", page.static, methods=["GET"])
    for name, act in ACTIONS.items():
        routes.add_api_route(f"/page/{name}", page.handler(act), methods=["POST"])
    app.include_router(routes)


class Site:
    """The page of the line behind `app`."""

    def __init__(self, app: FastAPI, closed: bool = False) -> None:
        self._app = app
        self._closed = closed
        self._clock = WallClock()

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[LineClient]:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://line", trust_env=False) as http:
            yield LineClient(http)

    async def _sections(self) -> tuple[str, dict[str, str]]:
        """Name of the line, and every section as HTML."""
        async with self._line() as client:
            page = await look(client)
        template = TEMPLATES.get_template("sections.html").make_module({"page": page})
        return page.line["name"], {name: str(getattr(template, name)()).strip() for name in SECTIONS}

    async def show(self, request: Request) -> Response:
        """The whole page."""
        return await self._whole()

    async def _whole(self, error: str = "", status: int = 200) -> Response:
        line, sections = await self._sections()
        html = TEMPLATES.get_template("page.html").render(
            line=line, sections=sections, error=error, closed=self._closed
        )
        return HTMLResponse(html, status, HEADERS)

    async def stream(self, request: Request) -> Response:
        """Every section that has changed, as server-sent events named like the section."""
        return StreamingResponse(self.changes(), media_type="text/event-stream", headers=HEADERS)

    async def changes(self) -> AsyncIterator[str]:
        """Every section that differs from what was sent last, for ever."""
        before: dict[str, str] = {}
        while True:
            _, now = await self._sections()
            for name, html in now.items():
                if before.get(name) != html:
                    data = "".join(f"data: {line}\n" for line in html.splitlines() or [NOTHING])
                    yield f"event: {name}\n{data}\n"
            if before == now:
                yield ": nothing new\n\n"  # a page that has gone is noticed
            before = now
            await self._clock.sleep(PERIOD)

    async def static(self, name: str) -> Response:
        """Style and script."""
        path = HERE / "static" / name
        if name not in {one.name for one in (HERE / "static").iterdir() if one.is_file()}:
            return Response(status_code=404)
        return FileResponse(path, headers=HEADERS)

    def handler(self, act: Callable[[LineClient, Form], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        """A form that does `act`: back to the page, or the page with what is wrong."""

        async def handle(request: Request) -> Response:
            try:
                form = await _form(request)
                async with self._line() as client:
                    await act(client, form)
            except VesiflowError as error:
                return await self._whole(str(error), 422 if isinstance(error, ConfigError) else 409)
            return RedirectResponse("/", 303, HEADERS)

        return handle


async def _form(request: Request) -> Form:
    """The fields of a form of this page; ConfigError when nobody is named."""
    form = await read(request)
    if not form.get("who"):
        raise ConfigError("a person must be named", action="form", remedy="fill in your name at the top")
    return form


def _of(form: Form, name: str) -> str:
    if name not in form:
        raise ConfigError(f"the form lacks {name!r}", action="form", remedy="reload the page")
    return form[name]


async def _command(client: LineClient, form: Form) -> None:
    command = _of(form, "command")
    if command not in set(Command):
        raise ConfigError("no such command", value=command, bounds=", ".join(Command))
    if not form.get("reason"):
        raise ConfigError("a reason is needed", action=command, remedy="say why, for the record")
    await client.command(_of(form, "batch"), Command(command), form["who"], form["reason"])


async def _acknowledge(client: LineClient, form: Form) -> None:
    await client.acknowledge(_of(form, "id"), form["who"], form.get("reason", ""))


async def _reset(client: LineClient, form: Form) -> None:
    await client.reset_alarm(_of(form, "id"), form["who"], form.get("reason", ""))


async def _answer(client: LineClient, form: Form) -> None:
    values = {name.removeprefix("field."): text for name, text in form.items() if name.startswith("field.")}
    await client.answer(values, form["who"], form.get("key"))


async def _resolve(client: LineClient, form: Form) -> None:
    await client.decide(_of(form, "intent"), _of(form, "verdict"), form["who"], form.get("reason", ""))


ACTIONS: dict[str, Callable[[LineClient, Form], Awaitable[None]]] = {
    "command": _command,
    "acknowledge": _acknowledge,
    "reset": _reset,
    "answer": _answer,
    "resolve": _resolve,
}
