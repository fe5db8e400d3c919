"""Reaching a line: a controller hosted in this process, or a controller service by its URL. One client for both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from devices.line_file import LineFile
from line.access import headers, token
from line.apart import hosted_apart
from line.client import LineClient
from line.host import hosted
from records.store import Store
from vesiflow.errors import ConfigError

_TIMEOUT = httpx.Timeout(10.0, read=60.0)
"""Seconds; reading waits longer than the controller's own longest wait."""


@asynccontextmanager
async def reached(
    line: LineFile,
    store: Store,
    *,
    seed: int | None = None,
    controller: str | None = None,
    known: str | None = None,
    apart: bool = False,
) -> AsyncIterator[LineClient]:
    """A client of the controller of `line`: of the service at URL `controller`, else of one hosted here.

    `known` is the service's token, by default that of this process.

    `apart` hosts it in a thread of its own, for processes whose signals are not ours.

    Raises NoReply when the service does not answer, ConfigError when it serves another line.
    """
    if controller is None and apart:
        async with hosted_apart(line, store, seed=seed) as client:
            yield client
        return
    if controller is None:
        async with hosted(line, store, seed=seed) as host:
            yield host.client
        return
    async with service(controller, line.name, known) as client:
        yield client


@asynccontextmanager
async def service(url: str, line: str | None = None, known: str | None = None) -> AsyncIterator[LineClient]:
    """A client of the controller service at `url`; ConfigError for no URL, or when it serves another line than `line`.

    Without `line` nothing is asked yet. `known` is the service's token, by default that of this process.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError("no URL of a service", value=url, remedy="write it like http://127.0.0.1:4300")
    said = headers(known or token())
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, follow_redirects=False, headers=said) as http:
        client = LineClient(http)
        if line is not None and (name := (await client.line())["name"]) != line:
            raise ConfigError(f"{url} serves another line", value=name, bounds=line)
        yield client


def refuse_known(store: Store, line: LineFile, batch: str) -> None:
    """ConfigError when the data folder has a batch of this id already: a record is never written twice."""
    if store.journal(line.name).is_file() and any(head.batch == batch for _, head in store.batches(line.name)):
        raise ConfigError(
            f"batch {batch} is in {store.root} already", remedy="choose another id, seed or folder; records are kept"
        )
