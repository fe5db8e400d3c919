"""Prefect settings that suit a laboratory line, given to the environment before Prefect is imported.

What the user has set always wins. Nothing is fetched from or told to the network; results are JSON, never pickle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from records.store import writable
from vesiflow.secret import secret

DEFAULTS: dict[str, str] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # the embedded server needs more than the built-in 20 s on a busy machine
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_TASKS_DEFAULT_RETRIES": "0",
    # Prefect takes 30 or more, or nothing
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # slots of a dead holder come back after a server restart, too
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}

OUTAGE: dict[str, str] = {
    # Prefect's server answers 500 while its database is away, and its clients give up at once unless told not to
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
    # waits of 2, 4, 8 ... s: about 17 min of a server or database that is away
    "PREFECT_CLIENT_MAX_RETRIES": "9",
}
"""For the process of a batch only: a person at a command line wants to know at once."""

PASSWORD = "PREFECT_API_AUTH_STRING"
"""Of the server, user:password; `keyring` fetches it from there."""

CHOSEN = ("PREFECT_HOME", "PREFECT_PROFILE", "PREFECT_API_URL", "PREFECT_PROFILES_PATH")


def apply(
    *,
    home: Path,
    server: str | None = None,
    quiet: bool = False,
    patient: bool = False,
    environment: MutableMapping[str, str] | None = None,
) -> Path | None:
    """Put the defaults into the environment; call before anything imports Prefect.

    `server` is the URL of a Prefect API to use instead of an embedded one. Without one, and when the user has no
    Prefect of their own, an embedded server is needed; the folder below `home` for its database is what this gives.
    `quiet` keeps Prefect's log off the terminal: the command says in one line what went wrong, and the log is in
    Prefect's page. `patient` outlasts a server whose database is away, as a batch must; an embedded server's never is.
    """
    env = os.environ if environment is None else environment
    if server is not None:
        env["PREFECT_API_URL"] = api_url(server)
    if (password := secret(PASSWORD, env)) is not None:
        env[PASSWORD] = password
    for name, value in (DEFAULTS | OUTAGE if patient and _has_own_prefect(env) else DEFAULTS).items():
        env.setdefault(name, value)
    if quiet:
        env.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    if not _has_own_prefect(env):
        own = home / "prefect"
        writable(own)  # Prefect makes the last folder only and then cannot open its database
        env["PREFECT_HOME"] = str(own)
        return own
    return None


def api_url(server: str) -> str:
    """The API of the server at `server`: "http://host:4200" and "http://host:4200/api" mean the same."""
    address = server.rstrip("/")
    return address if address.endswith("/api") else f"{address}/api"


def _has_own_prefect(env: Mapping[str, str]) -> bool:
    return any(name in env for name in CHOSEN) or (Path.home() / ".prefect" / "profiles.toml").is_file()
