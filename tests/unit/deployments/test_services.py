"""Compose file and systemd units: valid, closed to other hosts, with a password, watched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.settings import DEFAULTS

HERE = Path(__file__).parents[3] / "deployments"
UNITS = sorted(path for path in (HERE / "systemd").iterdir() if path.suffix in (".service", ".timer"))
COMPOSE: dict[str, Any] = yaml.safe_load((HERE / "compose" / "compose.yaml").read_text(encoding="utf-8"))
SERVER = {name: value for name, value in DEFAULTS.items() if name.startswith(("PREFECT_SERVER_", "DO_NOT"))}
SERVER.pop("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    installed = str(Path(sys.executable).parent)
    for path in UNITS:
        name = path.name.replace("@.", "@sim.")
        text = path.read_text(encoding="utf-8").replace("/opt/vesiflow/.venv/bin", installed)
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name.replace("@.", "@sim."))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    own = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "vesiflow" in line]
    assert (done.returncode, own) == (0, []), done.stderr


@pytest.mark.parametrize("unit", [path for path in UNITS if path.suffix == ".service"], ids=lambda path: path.name)
def test_a_unit_is_not_root_and_listens_on_this_machine_only(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    for line in ("User=vesiflow", "NoNewPrivileges=true", "ProtectSystem=strict"):
        assert line in text
    assert "0.0.0.0" not in text
    if "--port" in text:
        assert "--host 127.0.0.1" in text
        assert "healthy.py http://127.0.0.1" in text
    assert "AUTH_STRING=" not in text, "a password belongs into a file of its own"


def test_the_server_unit_has_the_settings_of_the_embedded_server() -> None:
    text = (HERE / "systemd" / "prefect-server.service").read_text(encoding="utf-8")
    assert all(f"{name}={value}" in text for name, value in SERVER.items())


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_compose_takes_the_file_and_wants_passwords() -> None:
    command = ["docker-compose", "-f", str(HERE / "compose" / "compose.yaml"), "config", "--quiet"]
    secrets = {"DATABASE_PASSWORD": "a", "PREFECT_PASSWORD": "b", "LINE_TOKEN": "c"}
    for left_out in (None, *secrets):
        given = {name: value for name, value in secrets.items() if name != left_out}
        done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (left_out is None), done.stderr
        if left_out:
            assert "choose one in .env" in done.stderr


def test_compose_publishes_on_this_machine_only_and_every_service_is_watched() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
    server = COMPOSE["services"]["prefect"]["environment"]
    assert "PREFECT_SERVER_API_AUTH_STRING" in server
    assert all(server[name] == value for name, value in SERVER.items())
    assert "PREFECT_API_AUTH_STRING" in COMPOSE["services"]["worker"]["environment"]


def test_health_is_asked_as_the_units_do() -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "healthy.py"), "http://127.0.0.1:9/health", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "http://127.0.0.1:9/health does not answer" in done.stderr
