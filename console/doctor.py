"""`vesiflow doctor`: what this machine lacks to run batches, and how to mend it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path

import platformdirs
from rich.markup import escape

from console.doctor_prefect import database, prefect_server
from console.finding import FAIL, OK, WARN, Finding
from console.summary import plain_table, screen
from flows.versions import refuse_broken
from line.service import running
from records.store import Store
from vesiflow.clock import WallClock
from vesiflow.errors import ConfigError

PACKAGES = ("prefect", "fastapi", "sqlalchemy", "pydantic", "pint", "pyserial", "pylabrobot", "numpy", "scipy")
LOW_DISK, EMPTY_DISK = 5e9, 0.5e9  # bytes
BUILT_AFTER = 2026
"""A clock that shows an earlier year has lost its battery."""

PORT = 4300

_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


def doctor(*, server: str | None = None) -> int:
    """Check this machine, and a Prefect server with its pools, limits and clock. Exit code 1: mend something.

    Parameters
    ----------
    server
        URL of a Prefect server; by default the one in PREFECT_API_URL, if any.
    """
    findings = list(examine(server))
    table = plain_table("", "what", "found", "how to mend it")
    for item in findings:
        colour = _COLOURS[item.verdict]
        table.add_row(f"[{colour}]{item.verdict}[/{colour}]", item.what, escape(item.found), escape(item.remedy))
    screen().print(table)
    return 1 if any(item.verdict == FAIL for item in findings) else 0


def examine(server: str | None = None) -> Iterator[Finding]:
    """Every check in turn; none of them changes anything."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        python, packages, data_folder, clock, serial_ports, controller_port, journals, database
    )  # fmt: skip
    for check in checks:
        yield from check()
    yield from prefect_server(server or os.environ.get("PREFECT_API_URL"), WallClock().utc())


def python() -> Iterator[Finding]:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Finding("Python", OK if good else FAIL, version, "" if good else "install Python 3.11 or later")


def packages() -> Iterator[Finding]:
    """Versions, and pairs that are known not to run together."""
    for name in PACKAGES:
        try:
            yield Finding(name, OK, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, FAIL, "not installed", "run `uv sync --locked`")
    try:
        refuse_broken()
    except ConfigError as error:
        yield Finding("Prefect with FastAPI", FAIL, error.reason, error.remedy or "")


def data_folder() -> Iterator[Finding]:
    """Where journals go: writable, and room left."""
    chosen = os.environ.get("VESIFLOW_HOME")
    folder = Path(chosen).expanduser() if chosen else platformdirs.user_data_path("vesiflow", appauthor=False)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK) or not existing.is_dir():
        yield Finding("data folder", FAIL, f"{folder} cannot be written", "set VESIFLOW_HOME to a folder of yours")
        return
    yield Finding("data folder", OK, str(folder))
    free = shutil.disk_usage(existing).free
    verdict = OK if free >= LOW_DISK else WARN if free >= EMPTY_DISK else FAIL
    yield Finding("free disk space", verdict, f"{free / 1e9:.1f} GB", "" if verdict == OK else "free some space")


def clock() -> Iterator[Finding]:
    """The date that goes into records."""
    now = WallClock().utc()
    good = now.year >= BUILT_AFTER
    yield Finding("clock", OK if good else FAIL, f"{now:%Y-%m-%d %H:%M} UTC", "" if good else "set the system clock")


def serial_ports() -> Iterator[Finding]:
    """Ports of plugged-in adapters that this user may open."""
    ports = sorted(path for name in ("ttyUSB*", "ttyACM*") for path in Path("/dev").glob(name))
    closed = [str(path) for path in ports if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        yield Finding("serial ports", FAIL, f"no permission for {', '.join(closed)}", "add the user to group dialout")
    else:
        yield Finding("serial ports", OK, ", ".join(map(str, ports)) or "none plugged in (a simulated line needs none)")


def controller_port() -> Iterator[Finding]:
    """Whether `vesiflow line serve` could listen on its usual port, or does so already."""
    for service in running(Store()):
        yield Finding(f"line {service.line}", OK, f"served at {service.url} by process {service.pid}")
    try:
        socket.create_server(("127.0.0.1", PORT)).close()
    except OSError as error:
        if not any(service.url.endswith(f":{PORT}") for service in running(Store())):
            taken = f"{error.strerror or error}, by another program"
            yield Finding(f"port {PORT}", WARN, taken, "give `vesiflow line serve` another --port")
    else:
        yield Finding(f"port {PORT}", OK, "free for `vesiflow line serve`")


def journals() -> Iterator[Finding]:
    """Journals of this machine: written ahead, and by a user that still may."""
    store = Store()
    for line in store.lines():
        path = store.journal(line)
        if not path.is_file():
            continue
        if not os.access(path, os.R_OK | os.W_OK):
            yield Finding(f"journal of {line}", FAIL, f"no permission for {path}", "run as the user that owns it")
            continue
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as reader:
                mode = str(reader.execute("PRAGMA journal_mode").fetchone()[0])
        except sqlite3.Error as error:
            yield Finding(f"journal of {line}", FAIL, str(error), "put a backup in its place: docs/services.md")
            continue
        remedy = "" if mode == "wal" else "keep the data folder on a local disk, not on a network share"
        yield Finding(f"journal of {line}", OK if mode == "wal" else FAIL, f"journal_mode={mode}", remedy)
