"""What `vesiflow doctor` asks a Prefect server: is it there and ours, do pools have workers, limits and clock right."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

import httpx

from console.finding import FAIL, OK, WARN, Finding
from flows.settings import PASSWORD, api_url
from flows.versions import numbers
from vesiflow.errors import ConfigError
from vesiflow.secret import secret

PATIENCE = 5.0  # s
LARGEST_OFFSET = 2.0  # s between the clocks of two machines
DATABASE = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


def prefect_server(
    server: str | None, now: datetime, transport: httpx.BaseTransport | None = None
) -> Iterator[Finding]:
    """The server, when one is named; `now` is this machine's time (UTC)."""
    if not server:
        yield Finding("Prefect server", OK, "none named: `vesiflow run` embeds one")
        return
    url = api_url(server)
    try:
        user, _, password = (secret(PASSWORD) or "").partition(":")
    except ConfigError as error:
        yield Finding("Prefect server", FAIL, str(error))
        return
    try:
        with httpx.Client(
            base_url=url, timeout=PATIENCE, transport=transport, auth=(user, password) if user else None
        ) as http:
            yield from _asked(http, url, now)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = "start it with `prefect server start`, mend the URL, or see whether its database runs"
        yield Finding("Prefect server", FAIL, f"{url}: {reason}", remedy)


def _asked(http: httpx.Client, url: str, now: datetime) -> Iterator[Finding]:
    answer = http.get("/admin/version")
    if answer.status_code in (401, 403):
        remedy = "set PREFECT_API_AUTH_STRING=user:password as on the server"
        yield Finding("Prefect server", FAIL, f"{url} wants another password", remedy)
        return
    theirs, ours = str(answer.raise_for_status().json()), metadata.version("prefect")
    same = numbers(theirs)[:2] == numbers(ours)[:2]
    remedy = "" if same else f"install Prefect {ours} there, or the server's version here"
    yield Finding("Prefect server", OK if same else FAIL, f"{url}: version {theirs}", remedy)
    if same:
        yield from _clock(answer.headers, now)
        pools = [pool for pool in _found(http, "/work_pools/filter") if pool["name"].startswith("line-")]
        yield from _pools(pools)
        yield from _limits(pools)
        yield from _one_writer(pools)


def _found(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.post(path, json={}).raise_for_status().json()
    return found


def _clock(headers: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    if "date" not in headers:
        return
    offset = (now - parsedate_to_datetime(headers["date"])).total_seconds()
    good = abs(offset) <= LARGEST_OFFSET + 1.0  # the header counts whole seconds
    remedy = "" if good else "switch on time synchronisation (NTP) on both machines"
    yield Finding("clock beside the server's", OK if good else FAIL, f"{offset:+.0f} s", remedy)


def _pools(pools: list[dict[str, Any]]) -> Iterator[Finding]:
    if not pools:
        yield Finding("work pools", WARN, "none for a line", "run `vesiflow deploy --line LINE`")
    for pool in pools:
        name, status = pool["name"], str(pool.get("status"))
        if pool.get("is_paused"):
            yield Finding(name, WARN, "paused: no run starts", f"run `prefect work-pool resume {name}`")
        elif status != "READY":
            remedy = f"run `prefect worker start --pool {name}` beside the line"
            yield Finding(name, FAIL, "no worker: runs wait for ever", remedy)
        else:
            yield Finding(name, OK, "a worker is there")


def _limits(pools: list[dict[str, Any]]) -> Iterator[Finding]:
    free = sorted(pool["name"] for pool in pools if not pool.get("concurrency_limit"))
    if free:
        yield Finding("limits", WARN, f"no limit on {', '.join(free)}", "run `vesiflow deploy --line LINE` again")
    elif pools:
        yield Finding("limits", OK, f"all {len(pools)} work pools have one")


def _one_writer(pools: list[dict[str, Any]]) -> Iterator[Finding]:
    if len(pools) > 1 and not _connection():
        remedy = "if the server keeps SQLite, give it PostgreSQL: docs/services.md"
        yield Finding("Prefect's database", WARN, f"{len(pools)} lines share a server", remedy)


def database() -> Iterator[Finding]:
    """Prefect's database, when this machine has one set: a kind that can be served, and it answers."""
    url = _connection()
    if not url:
        yield Finding("database", OK, "SQLite, embedded: enough for one line")
        return
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or 5432}"
    if parts.scheme.startswith("sqlite"):
        yield Finding("database", OK, "SQLite: enough for one line")
    elif parts.scheme != "postgresql+asyncpg":
        yield Finding("database", FAIL, parts.scheme, "write postgresql+asyncpg://user:password@host/prefect")
    else:
        try:
            socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5432), PATIENCE).close()
        except OSError as error:
            remedy = "start PostgreSQL, or mend PREFECT_API_DATABASE_CONNECTION_URL"
            yield Finding("database", FAIL, f"{where}: {error.strerror or error}", remedy)
        else:
            yield Finding("database", OK, f"PostgreSQL at {where} answers")


def _connection() -> str:
    return next((os.environ[name] for name in DATABASE if os.environ.get(name)), "")
