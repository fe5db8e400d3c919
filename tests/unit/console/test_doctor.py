"""vesiflow doctor: what is wrong, and how to mend it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from console import doctor
from console.doctor import FAIL, OK, data_folder, examine, prefect_api

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


@pytest.mark.parametrize(("version", "verdict"), [("3.8.8", OK), ("3.8.1", OK), ("3.9.0", FAIL), ("2.20.1", FAIL)])
def test_the_version_of_the_server(version: str, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, timeout: float) -> httpx.Response:
        assert url == "http://lab:4200/api/admin/version"
        return httpx.Response(200, json=version, request=httpx.Request("GET", url))

    monkeypatch.setattr(doctor.httpx, "get", get)
    (found,) = prefect_api("http://lab:4200")
    assert found.verdict == verdict
    assert bool(found.remedy) == (verdict == FAIL)
