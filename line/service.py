"""How commands find the controller service of a line on this machine: it leaves its address in the line's folder.

The file goes when the service ends; what a killed service left behind is recognised by its dead process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from devices.line_file import packaged
from line.ownership import holder
from records.store import Store
from vesiflow.errors import ConfigError, NotSent

FILE = "service.json"


@dataclass(frozen=True, slots=True)
class Service:
    """A running controller service; `file` is the line file it was started with."""

    line: str
    url: str
    pid: int
    file: str


@contextmanager
def announced(folder: Path, service: Service) -> Iterator[None]:
    """Let commands on this machine find `service` while inside; `folder` is the line's."""
    folder.mkdir(parents=True, exist_ok=True)
    path, new = folder / FILE, folder / f"{FILE}.{service.pid}"
    new.write_text(json.dumps(asdict(service)), encoding="utf-8")
    new.replace(path)
    try:
        yield
    finally:
        if _read(path) == service:  # or somebody has taken the line over
            path.unlink()


def find(store: Store, line: str) -> Service | None:
    """The service that runs for `line` on this machine, None when there is none (any more)."""
    service = _read(store.line(line) / FILE)
    return service if service is not None and alive(service.pid) else None


def _read(path: Path) -> Service | None:
    try:
        return Service(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def running(store: Store) -> list[Service]:
    """All services on this machine that keep their data in `store`."""
    names = sorted(path.parent.name for path in (store.root / "lines").glob(f"*/{FILE}"))
    return [service for name in names if (service := find(store, name)) is not None]


def url_of(store: Store, line: str | None) -> str:
    """Where the service of `line` (default: the only one) listens; NotSent when none runs, ConfigError which one."""
    if line is not None:
        service = find(store, line)
        if service is None:
            raise NotSent(_why_not(store, line), device=f"line {line}", remedy=_START.format(_file(store, line)))
        return service.url
    found = running(store)
    if len(found) == 1:
        return found[0].url
    if found:
        raise ConfigError("which line?", bounds=", ".join(item.line for item in found), remedy="give --line")
    raise NotSent(f"no line has a service in {store.root}", remedy=_START.format("FILE.yaml"))


_START = "start one with `vesiflow line serve {}`, or give --server URL"


def _file(store: Store, line: str) -> str:
    """What `vesiflow line serve` takes for `line`: the file of a service that was killed, or a packaged line's name."""
    last = _read(store.line(line) / FILE)
    return last.file if last else line if line in packaged() else "FILE.yaml"


def _why_not(store: Store, line: str) -> str:
    pid = holder(store.line(line))
    if pid is not None and alive(pid):
        return f"process {pid} owns it and offers no service (`vesiflow run`?)"
    return "no service runs"


def alive(pid: int) -> bool:
    """Whether a process of this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
