"""One Prefect server and one worker for the whole session, in folders of their own; xdist keeps them in one process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows import settings

DATA = Path(__file__).parents[1] / "data" / "recipes"
PATIENCE = 240.0  # s until a busy machine has started a server or a run


@dataclass
class Prefect:
    """A running Prefect server with a worker, and where they keep things."""

    url: str
    environment: dict[str, str]
    home: Path
    http: httpx.Client

    def cli(
        self, *arguments: str, home: Path | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A vesiflow command in a process of its own; `home` is another data folder."""
        command = [sys.executable, "-m", "console", *arguments]
        own = self.environment | ({"VESIFLOW_HOME": str(home)} if home else {})
        return subprocess.run(command, env=own, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def post(self, path: str, body: object) -> httpx.Response:
        """POST to the API, whatever it answers; again while SQLite is locked (503), as Prefect's client does."""
        answers: list[httpx.Response] = []

        def settled() -> bool:
            answers.append(self.http.post(path, json=body))
            return answers[-1].status_code != 503

        until(settled, 30)
        return answers[-1]

    def start(self, deployment: str, **order: object) -> str:
        """Trigger a run as a person would by the form; its id."""
        found = self.http.get(f"/deployments/name/{deployment}").raise_for_status().json()
        answer = self.post(f"/deployments/{found['id']}/create_flow_run", {"parameters": {"order": order}})
        return str(answer.raise_for_status().json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """Where a run stands."""
        found: dict[str, Any] = self.http.get(f"/flow_runs/{run_id}").raise_for_status().json()
        return found

    def end(self, run_id: str) -> dict[str, Any]:
        """Wait until a run is over; the run."""
        until(lambda: self.run(run_id)["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"))
        return self.run(run_id)


def until(check: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for `check` to be true; TimeoutError when it is not in time."""
    pause, turns = threading.Event(), int(seconds / 0.3)
    for _ in range(turns):
        if check():
            return
        pause.wait(0.3)
    raise TimeoutError(f"not within {seconds} s")


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """A server with the packaged deployments and a worker for the simulated line."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    own = environment(home, port)
    tool = [sys.executable, "-m", "prefect"]
    server = [*tool, "server", "start", "--port", str(port), "--no-ui"]
    worker = [*tool, "worker", "start", "--pool", "line-sim", "--name", "test"]
    with (
        process(server, own, home / "server.log"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60) as http,
    ):
        until(lambda: healthy(http))
        found = Prefect(f"http://127.0.0.1:{port}", own, home, http)
        deployed = found.cli("deploy", "--server", found.url)
        assert deployed.returncode == 0, deployed.stderr
        with process(worker, own, home / "worker.log"):
            until(lambda: bool(http.get("/work_pools/line-sim").json()["status"] == "READY"))
            yield found


def environment(home: Path, port: int) -> dict[str, str]:
    """For a server on `port` of this machine and everything that uses it, with all data below `home`."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    settings.apply(home=home, environment=found)
    (home / "prefect").mkdir(exist_ok=True)
    return found | {
        "PREFECT_HOME": str(home / "prefect"),
        "VESIFLOW_HOME": str(home / "data"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
    }


@contextmanager
def process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block, its output in `log`."""
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=log.parent) as child,
    ):
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()


def healthy(http: httpx.Client) -> bool:
    """Whether the server answers."""
    try:
        return http.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
