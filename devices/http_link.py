"""How HTTP gets to an instrument: one client per instrument, no redirects, no proxy, bounded answers.

`http://host:port` is a real robot; another scheme ("sim") is answered by a plug-in of the entry point group
`vesiflow.http`: a function from the address to an httpx transport. A driver that wants this says `speaks = "http"`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any
from urllib.parse import urlsplit

import httpx

from devices.http_address import Pinned, Resolve, by_system, pinned
from devices.link import Counters
from devices.readings import Identity
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, NoReply, NotSent

GROUP = "vesiflow.http"
LARGEST = 32 * 1024 * 1024
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
"""Seconds for one exchange; what takes longer is polled."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status code and JSON body of one exchange."""

    status: int
    body: Any


@dataclass
class HttpTransport:
    """An httpx client under the name a link's transport has."""

    url: str
    client: httpx.AsyncClient
    blocks: bool = False

    async def close(self) -> None:
        """Release the connections."""
        await self.client.aclose()


@dataclass
class HttpLink:
    """One instrument's exchanges. `name` is the instrument's name in the line file, `guard` as for a `Link`."""

    transport: HttpTransport
    clock: Clock
    name: str
    counters: Counters = field(default_factory=Counters)
    identity: Identity | None = None
    guard: AbstractContextManager[None] = field(default_factory=nullcontext)
    pinned: Pinned | None = None

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: object = None,
        files: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request and its JSON answer.

        NotSent when no connection was made, NoReply when it broke afterwards, BadReply for a redirect, an endless
        answer or one that is no JSON.
        """
        self.counters.queries += 1
        request = self.transport.client.build_request(
            method, path, headers=dict(headers), json=body, files=files, data=form, params=query,
            extensions={"sni_hostname": self.pinned.host} if self.pinned else None,
        )  # fmt: skip
        try:
            with self.guard:
                return await self._send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            moved = await self.pinned.moved() if self.pinned else ""
            raise NotSent(
                moved or _reason(error), device=self.name, action=_what(request),
                remedy="if that is right, start the line again" if moved else "check address, network and power",
            ) from error  # fmt: skip
        except httpx.HTTPError as error:
            self.counters.timeouts += 1
            raise NoReply(
                _reason(error), device=self.name, action=_what(request), remedy="check the robot, then read it back"
            ) from error

    async def _send(self, request: httpx.Request) -> Answer:
        response = await self.transport.client.send(request, stream=True)
        try:
            chunks = bytearray()
            async for chunk in response.aiter_bytes():
                chunks += chunk
                if len(chunks) > LARGEST:
                    raise self._bad(request, "endless answer", f"more than {LARGEST} bytes")
        finally:
            await response.aclose()
        if response.is_redirect:
            raise self._bad(request, "the address redirects elsewhere", response.headers.get("location", "")[:80])
        try:
            return Answer(response.status_code, json.loads(bytes(chunks)) if chunks else None)
        except ValueError:
            raise self._bad(request, f"status {response.status_code} without JSON", repr(bytes(chunks[:40]))) from None

    def _bad(self, request: httpx.Request, reason: str, value: str) -> BadReply:
        return BadReply(
            reason, device=self.name, action=_what(request), value=value, remedy="is this really the robot's address?"
        )


async def open_http(
    at: str,
    name: str,
    clock: Clock,
    hosts: tuple[str, ...],
    guard: AbstractContextManager[None] | None = None,
    resolve: Resolve = by_system,
) -> HttpLink:
    """A link to `at`; ConfigError for a host that is not allowed or a scheme nobody answers."""
    parts = urlsplit(at)
    place, headers = None, {}
    if parts.scheme in ("http", "https"):
        if clock.virtual:
            raise ConfigError("a real robot cannot run on virtual time", remedy="set `clock: wall` in the line file")
        place = await pinned(parts.hostname or "", hosts, resolve)
        transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(retries=0, trust_env=False)
        base, headers = place.url(parts), {"Host": parts.netloc}
    else:
        transport, base = _plug_in(parts.scheme)(at), "http://robot"
    client = httpx.AsyncClient(
        transport=transport, base_url=base, headers=headers, timeout=TIMEOUT, follow_redirects=False, trust_env=False
    )
    return HttpLink(HttpTransport(at, client), clock, name, guard=guard or nullcontext(), pinned=place)


@lru_cache
def _plug_in(scheme: str) -> Callable[[str], httpx.AsyncBaseTransport]:
    points = {point.name: point for point in entry_points(group=GROUP)}
    if scheme not in points:
        known = ", ".join(sorted(["http", "https", *points]))
        raise ConfigError(f"nothing answers {scheme or 'such an address'}", bounds=known, remedy="mend `at:`")
    found: Callable[[str], httpx.AsyncBaseTransport] = points[scheme].load()
    return found


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _what(request: httpx.Request) -> str:
    return f"{request.method} {request.url.path}"
