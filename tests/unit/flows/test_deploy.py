"""`vesiflow deploy` against servers that are not what they should be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from prefect.client.orchestration import PrefectClient

from console.deploy import portable
from flows import deploy
from flows.deploy import Wanted, plan
from flows.deployment_file import deployments
from flows.lines import Whereabouts
from vesiflow.errors import ConfigError, NotSent

SIM = Wanted("sim", Whereabouts(file="sim"), deployments("sim"))


def server(monkeypatch: pytest.MonkeyPatch, version: str, kind: str = "process") -> None:
    async def api_healthcheck() -> None:
        return None

    async def api_version() -> str:
        return version

    async def read_work_pool(name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, type=kind, concurrency_limit=20)

    @asynccontextmanager
    async def client() -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(api_healthcheck=api_healthcheck, api_version=api_version, read_work_pool=read_work_pool)

    monkeypatch.setattr(deploy, "get_client", client)


async def test_a_server_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    server(monkeypatch, "3.6.1")
    with pytest.raises(ConfigError, match=r"another version.*3\.6\.1.*3\.8\.8.*install"):
        await plan(SIM)


async def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "get_client", lambda: PrefectClient("http://127.0.0.1:9/api"))  # nobody listens there
    with pytest.raises(NotSent, match=r"^no Prefect server answers at http://127\.0\.0\.1:9.*prefect server start"):
        await plan(SIM)


async def test_a_pool_of_another_type_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    server(monkeypatch, "3.8.8", "docker")
    with pytest.raises(ConfigError, match=r"line-sim: .*another type.*docker.*process.*delete"):
        await plan(SIM)


def test_a_file_is_kept_by_its_absolute_path_and_a_packaged_line_by_its_name(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    assert portable("bench.yaml") == f"{tmp_path}/bench.yaml"
    assert portable("sim") == "sim"
