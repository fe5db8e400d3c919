"""Prefect's environment: closed to the network, the user's choice first, a home of our own when there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows import settings
from flows.deployment_file import job_variables
from flows.versions import numbers, refuse_broken
from vesiflow.errors import ConfigError


def test_defaults_keep_prefect_off_the_network_and_results_readable(tmp_path: Path) -> None:
    env: dict[str, str] = {"PREFECT_PROFILE": "mine"}
    settings.apply(home=tmp_path, environment=env)
    assert env["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert env["DO_NOT_TRACK"] == "1"
    assert env["PREFECT_RESULTS_DEFAULT_SERIALIZER"] == "json"
    assert float(env["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]) >= 120
    assert float(env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) >= 30
    assert "PREFECT_HOME" not in env
    assert "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL" not in env


def test_what_the_user_set_wins(tmp_path: Path) -> None:
    env = {"PREFECT_HOME": "/mine", "PREFECT_RESULTS_DEFAULT_SERIALIZER": "compressed/json"}
    settings.apply(home=tmp_path, environment=env, quiet=True)
    assert env["PREFECT_HOME"] == "/mine"
    assert env["PREFECT_RESULTS_DEFAULT_SERIALIZER"] == "compressed/json"
    assert env["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "CRITICAL"


def test_without_a_prefect_of_the_user_the_database_is_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    env: dict[str, str] = {}
    settings.apply(home=tmp_path / "data", environment=env)
    assert env["PREFECT_HOME"] == str(tmp_path / "data" / "prefect")
    assert (tmp_path / "data" / "prefect").is_dir()
    profiles = tmp_path / "nobody" / ".prefect" / "profiles.toml"
    profiles.parent.mkdir(parents=True)
    profiles.touch()
    other: dict[str, str] = {}
    settings.apply(home=tmp_path / "other", environment=other)
    assert "PREFECT_HOME" not in other
    assert not (tmp_path / "other").exists()


def test_a_batch_outlasts_a_database_that_is_away_and_a_question_does_not_wait_for_it(tmp_path: Path) -> None:
    batch: dict[str, str] = {"PREFECT_PROFILE": "mine"}
    question = dict(batch)
    settings.apply(home=tmp_path, environment=batch, patient=True)
    settings.apply(home=tmp_path, environment=question)
    waits = [2**attempt for attempt in range(1, int(batch["PREFECT_CLIENT_MAX_RETRIES"]) + 1)]
    assert sum(waits) >= 600
    assert batch["PREFECT_CLIENT_RETRY_EXTRA_CODES"] == "500"
    assert not set(settings.OUTAGE) & set(question)
    assert settings.OUTAGE.items() <= job_variables()["env"].items()


@pytest.mark.parametrize("url", ["http://a:4200", "http://a:4200/", "http://a:4200/api", "http://a:4200/api/"])
def test_the_api_of_a_server(url: str, tmp_path: Path) -> None:
    env: dict[str, str] = {}
    settings.apply(home=tmp_path, server=url, environment=env)
    assert env["PREFECT_API_URL"] == "http://a:4200/api"


def test_prefect_reads_them(tmp_path: Path) -> None:
    code = (
        "from prefect.settings import get_current_settings as s; c = s();"
        "print(c.server.analytics_enabled, c.results.default_serializer, c.flows.heartbeat_frequency,"
        " c.server.ephemeral.startup_timeout_seconds, c.tasks.default_retries, c.home)"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env["PREFECT_HOME"] = str(tmp_path)
    settings.apply(home=tmp_path, environment=env)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "json", "30", "120", "0", str(tmp_path)]


def test_the_installed_pair_of_prefect_and_fastapi_is_not_refused() -> None:
    refuse_broken()


@pytest.mark.parametrize("fastapi", ["0.151.0", "0.158.1", "0.165", "1.0", "0.138.9"])
def test_fastapi_that_breaks_the_server_is_refused_in_one_line(fastapi: str) -> None:
    with pytest.raises(ConfigError, match=r"fastapi: Prefect 3\.8\.8 does not start") as caught:
        refuse_broken(prefect="3.8.8", fastapi=fastapi)
    assert "\n" not in str(caught.value)
    assert "uv sync" in str(caught.value)


@pytest.mark.parametrize("sqlalchemy", ["2.1.0", "2.1.9", "1.4.54"])
def test_sqlalchemy_that_breaks_schedules_is_refused(sqlalchemy: str) -> None:
    with pytest.raises(ConfigError, match=r"sqlalchemy: Prefect 3\.8\.8 starts no run on a schedule.*< 2\.1"):
        refuse_broken(prefect="3.8.8", fastapi="0.150.0", sqlalchemy=sqlalchemy)


def test_prefect_with_known_holes_is_refused() -> None:
    with pytest.raises(ConfigError, match="security"):
        refuse_broken(prefect="3.6.21", fastapi="0.150.0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3.8.8", (3, 8, 8)), ("3.9.0rc1", (3, 9, 0)), ("0.150", (0, 150)), ("3.8.8.dev4", (3, 8, 8))],
)
def test_numbers_of_a_version(text: str, expected: tuple[int, ...]) -> None:
    assert numbers(text) == expected
