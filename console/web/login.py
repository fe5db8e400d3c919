"""The door of the operator's page where the line wants a token: a form takes it once and gives a cookie for a shift.

A browser cannot send the token by itself. The cookie opens the page and its forms only, never the API; it is another
secret than the token, no script can read it, and no other site's request carries it.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from console.web.forms import HEADERS, TEMPLATES, read
from line.access import VARIABLE, headers
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, VesiflowError

SHIFT = 12 * 3600.0  # s until a login ends by itself
PUBLIC = ("/page/page.css",)
"""What the form itself needs; it says nothing about the line."""

log = structlog.get_logger()


class Login:
    """An ASGI application before a `line.access.Guarded` one: for who has logged in it says the token to the page."""

    def __init__(self, app: Any, known: str, line: str, clock: Clock) -> None:
        self._app, self._known, self._line, self._clock = app, known, line, clock
        self._said = tuple((name.lower().encode(), value.encode()) for name, value in headers(known).items())
        self._open: dict[str, float] = {}  # sessions, and when they end
        self._cookie = f"vesiflow-{line}"  # cookies know no ports, and a machine may have two lines

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The API as it is; the page to who has logged in, the form to everybody else."""
        if scope["type"] == "http" and (scope["path"] == "/" or scope["path"].startswith("/page/")):
            request = Request(scope, receive)
            if "authorization" not in request.headers:
                answer = await self._at_the_door(request)
                if answer is not None:
                    await answer(scope, receive, send)
                    return
                scope = {**scope, "headers": [*scope["headers"], *self._said]}
        await self._app(scope, receive, send)

    async def _at_the_door(self, request: Request) -> Response | None:
        """What is answered here; None: let in."""
        try:
            if (request.method, request.url.path) == ("POST", "/page/login"):
                return await self._enter(request)
            if (request.method, request.url.path) == ("POST", "/page/logout"):
                return await self._leave(request)
        except VesiflowError as error:
            return self._form(str(error))
        if request.url.path in PUBLIC or self._known_session(request):
            return None
        return self._form("" if request.method == "GET" else "nothing was done: you are not logged in (any more)")

    async def _enter(self, request: Request) -> Response:
        said = (await read(request)).get("token", "")
        if not hmac.compare_digest(said.encode(), self._known.encode()):
            log.warning("login refused", line=self._line, address=request.client.host if request.client else "")
            raise ConfigError("this is not the token of the line", remedy=f"it is {VARIABLE} of the controller")
        now = self._clock.now()
        self._open = {one: end for one, end in self._open.items() if end > now}
        session = secrets.token_urlsafe(32)
        self._open[session] = now + SHIFT
        answer = RedirectResponse("/", 303, HEADERS)
        answer.set_cookie(
            self._cookie, session, path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return answer

    async def _leave(self, request: Request) -> Response:
        await read(request)
        self._open.pop(request.cookies.get(self._cookie, ""), None)
        answer = RedirectResponse("/", 303, HEADERS)
        answer.delete_cookie(self._cookie, path="/", httponly=True, samesite="strict")
        return answer

    def _known_session(self, request: Request) -> bool:
        return self._open.get(request.cookies.get(self._cookie, ""), 0.0) > self._clock.now()

    def _form(self, error: str) -> Response:
        html = TEMPLATES.get_template("login.html").render(line=self._line, error=error)
        return HTMLResponse(html, 401, HEADERS)
