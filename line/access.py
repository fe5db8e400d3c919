"""Who may talk to a controller service: on this machine anybody, from elsewhere whoever says the token.

The token comes from the environment (`VESIFLOW_LINE_TOKEN`) or the keyring on both sides, never from an order or a
command line, so that it is in no record, log or list of processes.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any

from fastapi.responses import JSONResponse

from vesiflow.errors import ConfigError
from vesiflow.secret import secret

VARIABLE = "VESIFLOW_LINE_TOKEN"
LEAST = 20  # characters
OPEN = ("/health",)
"""What health checks may see without a token; it says nothing."""


def token() -> str | None:
    """The token of this process, None without one; ConfigError, which does not show it, for one that is too weak."""
    found = secret(VARIABLE)
    return None if found is None else checked(found, VARIABLE)


def checked(found: str, source: str) -> str:
    """A token as it is; ConfigError, which names its source and does not show it, for one that is too weak."""
    if len(found) < LEAST or not found.isascii() or not found.isprintable() or " " in found:
        raise ConfigError(
            "the token can be guessed or sent by nobody", device=source, bounds=f"{LEAST} or more ASCII characters",
            remedy="python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one",
        )  # fmt: skip
    return found


def refuse_open(host: str, known: str | None) -> None:
    """ConfigError for a service that other machines reach without a token."""
    if known is None and not _loopback(host):
        raise ConfigError(
            "other machines would reach the line without a token", action="--host", value=host, bounds="127.0.0.1",
            remedy=f"set {VARIABLE} here and where the line is commanded from",
        )  # fmt: skip


def headers(known: str | None) -> dict[str, str]:
    """What a client sends."""
    return {} if known is None else {"Authorization": f"Bearer {known}"}


class Guarded:
    """An ASGI application that answers only who says the token."""

    def __init__(self, app: Any, known: str) -> None:
        self._app = app
        self._expected = headers(known)["Authorization"].encode("ascii")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on or refuse."""
        said = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "lifespan" or scope.get("path") in OPEN or hmac.compare_digest(said, self._expected):
            await self._app(scope, receive, send)
            return
        reason = f"the line controller wants a token; set {VARIABLE}"
        await JSONResponse({"error": "Refused", "reason": reason}, status_code=401)(scope, receive, send)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
