"""`vesiflow doctor`: what this machine lacks to run batches, and how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import httpx
import platformdirs
from rich.markup import escape

from console.summary import plain_table, screen
from flows.settings import api_url
from flows.versions import numbers, refuse_broken
from vesiflow.clock import WallClock
from vesiflow.errors import ConfigError

PACKAGES = ("prefect", "fastapi", "pydantic", "pint", "pyserial", "pylabrobot", "numpy", "scipy")
LOW_DISK, EMPTY_DISK = 5e9, 0.5e9  # bytes
BUILT_AFTER = 2026
"""A clock that shows an earlier year has lost its battery."""

OK, WARN, FAIL = "ok", "look", "mend"
_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `verdict` ok, look (works, but) or mend (does not work); `remedy` says how."""

    what: str
    verdict: str
    found: str
    remedy: str = ""


def doctor(*, server: str | None = None) -> int:
    """Check this machine: Python, packages, data folder, disk, clock, ports, Prefect. Exit code 1: mend something.

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
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (python, packages, data_folder, clock, serial_ports)
    for check in checks:
        yield from check()
    yield from prefect_api(server or os.environ.get("PREFECT_API_URL"))


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


def prefect_api(server: str | None) -> Iterator[Finding]:
    """The Prefect server, when one is named: reachable, and of our version."""
    if not server:
        yield Finding("Prefect server", OK, "none named: `vesiflow run` embeds one")
        return
    url = api_url(server)
    try:
        answer = httpx.get(f"{url}/admin/version", timeout=5.0)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield Finding(
            "Prefect server", FAIL, f"{url}: {reason}", "start it with `prefect server start`, or mend the URL"
        )
        return
    theirs, ours = str(answer.json()), metadata.version("prefect")
    same = numbers(theirs)[:2] == numbers(ours)[:2]
    remedy = "" if same else f"install Prefect {ours} there, or the server's version here"
    yield Finding("Prefect server", OK if same else FAIL, f"{url}: version {theirs}", remedy)
