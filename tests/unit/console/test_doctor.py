"""vesiflow doctor: what is wrong, and how to mend it."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from console import doctor
from console.doctor import clock, controller_port, data_folder, examine, journals, packages
from console.doctor_prefect import database, prefect_server
from console.finding import FAIL, OK, WARN, Finding
from records.store import Store

from .conftest import Cli


def test_this_machine_is_fit(cli: Cli) -> None:
    result = cli("doctor")
    assert result.code == 0
    assert "mend   " not in result.out
    for what in ("Python", "prefect", "fastapi", "data folder", "free disk space", "clock", "serial ports"):
        assert what in result.out


def test_nothing_is_made(tmp_path: Path) -> None:
    list(examine())
    assert not (tmp_path / "vesiflow-home").exists()


def test_a_data_folder_that_is_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VESIFLOW_HOME", str(tmp_path / "file" / "data"))
    (found,) = data_folder()
    assert found.verdict == FAIL
    assert "VESIFLOW_HOME" in found.remedy


def test_a_server_that_is_not_there(cli: Cli) -> None:
    result = cli("doctor", "--server", "http://127.0.0.1:1")
    assert result.code == 1
    assert "http://127.0.0.1:1/api" in result.out


NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HERE_NOW = {"date": "Fri, 27 Nov 2026 12:00:01 GMT"}
POOL = {"name": "line-sim", "status": "READY", "is_paused": False, "concurrency_limit": 20}


def asked(
    version: str = "3.8.8", status: int = 200, headers: dict[str, str] = HERE_NOW, **answers: object
) -> dict[str, Finding]:
    """What is found on a server that answers so."""

    def answer(request: httpx.Request) -> httpx.Response:
        what = request.url.path.removeprefix("/api/")
        body = {"admin/version": version, "work_pools/filter": [POOL]} | answers
        return httpx.Response(status, json=body[what], headers=headers)

    found = list(prefect_server("http://lab:4200", NOW, httpx.MockTransport(answer)))
    assert all(bool(one.remedy) == (one.verdict != OK) for one in found)
    return {one.what: one for one in found}


@pytest.mark.parametrize(("version", "verdict"), [("3.8.8", OK), ("3.8.1", OK), ("3.9.0", FAIL), ("2.20.1", FAIL)])
def test_the_version_of_the_server(version: str, verdict: str) -> None:
    assert asked(version)["Prefect server"].verdict == verdict


def test_a_server_in_order() -> None:
    assert {one.verdict for one in asked().values()} == {OK}


@pytest.mark.parametrize(
    ("answers", "what", "verdict", "remedy"),
    [
        ({"status": 401}, "Prefect server", FAIL, "PREFECT_API_AUTH_STRING"),
        ({"status": 500}, "Prefect server", FAIL, "database"),
        ({"headers": {"date": "Fri, 27 Nov 2026 11:58:00 GMT"}}, "clock beside the server's", FAIL, "NTP"),
        ({"work_pools/filter": []}, "work pools", WARN, "vesiflow deploy"),
        ({"work_pools/filter": [POOL | {"status": "NOT_READY"}]}, "line-sim", FAIL, "worker start --pool line-sim"),
        ({"work_pools/filter": [POOL | {"is_paused": True}]}, "line-sim", WARN, "work-pool resume line-sim"),
        ({"work_pools/filter": [POOL | {"concurrency_limit": None}]}, "limits", WARN, "vesiflow deploy"),
        ({"work_pools/filter": [POOL, POOL | {"name": "line-b"}]}, "Prefect's database", WARN, "PostgreSQL"),
    ],
)
def test_what_a_server_lacks(answers: dict[str, Any], what: str, verdict: str, remedy: str) -> None:
    found = asked(**answers)[what]
    assert found.verdict == verdict
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("url", "verdict"),
    [("postgresql+asyncpg://a:b@127.0.0.1:1/x", FAIL), ("mysql://a@b/x", FAIL), ("sqlite+aiosqlite:///x.db", OK)],
)
def test_the_database_that_is_set(url: str, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", url)
    (found,) = database()
    assert found.verdict == verdict
    assert "a:b" not in found.found


def test_a_broken_pair_of_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    known = doctor.metadata.version
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "0.160.0" if name == "fastapi" else known(name))
    found = {one.what: one for one in packages()}["Prefect with FastAPI"]
    assert found.verdict == FAIL
    assert "uv sync" in found.remedy


def test_an_old_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.WallClock, "utc", lambda self: datetime(1970, 1, 1, tzinfo=UTC))
    (found,) = clock()
    assert (found.verdict, found.remedy) == (FAIL, "set the system clock")


@pytest.mark.parametrize(("free", "verdict"), [(1e8, FAIL), (1e9, WARN), (1e11, OK)])
def test_disk_space(free: float, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert {one.what: one for one in data_folder()}["free disk space"].verdict == verdict


def test_a_port_that_another_program_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(doctor, "PORT", taken.getsockname()[1])
        (found,) = controller_port()
    assert found.verdict == WARN
    assert "--port" in found.remedy


def test_journals(tmp_path: Path) -> None:
    for line, text in (("good", None), ("bad", b"no database at all, whatever it is called" * 30)):
        path = Store().journal(line)
        path.parent.mkdir(parents=True)
        if text is not None:
            path.write_bytes(text)
            continue
        with closing(sqlite3.connect(path)) as made:
            made.execute("PRAGMA journal_mode=wal")
            made.execute("CREATE TABLE a (b)")
    found = {one.what: one for one in journals()}
    assert found["journal of good"].verdict == OK
    assert found["journal of bad"].verdict == FAIL
    assert "backup" in found["journal of bad"].remedy
