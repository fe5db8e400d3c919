"""A real PostgreSQL under the Prefect server; two lines, each with a controller and a worker, batches in parallel.

The database dies in the middle of both batches and comes back: the lines go on, the flows catch up, nothing is lost.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.postgresql import PostgreSQL, binaries, server
from flows.line_token import BLOCK
from line.access import VARIABLE
from line.record import record_of
from line.service import find
from records.batch_record import comparable
from records.journal_reader import JournalReader
from records.store import Store

from .conftest import DATA, Prefect, environment, free_port, healthy, process, until

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.slow,
    pytest.mark.xdist_group("postgresql"),
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed: apt-get install postgresql"),
]

RECIPES = {"alpha": str(DATA / "short.yaml"), "beta": "tff"}
"""What each line makes."""
ACCOUNT = ("vesiflow", "canary-9Kf-not-to-be-seen")
TOKEN = "canary-Zq7-not-to-be-seen"
"""Of both lines."""
BACKUP = Path(__file__).parents[2] / "deployments" / "backup.sh"


@dataclass
class Laboratory:
    """A Prefect server on PostgreSQL and what stands beside each line."""

    database: PostgreSQL
    prefect: Prefect
    folder: Path

    def store(self, line: str) -> Store:
        """The data folder of a line's machine."""
        return Store(self.folder / line)

    def file(self, line: str) -> str:
        """Its line file."""
        return str(self.folder / f"{line}.yaml")

    def order(self, line: str, batch: str) -> str:
        """Trigger a batch on a line, as the form does; the run's id."""
        found = find(self.store(line), line)
        assert found is not None
        order = {
            "recipe": RECIPES[line],
            "line": self.file(line),
            "batch": batch,
            "controller": found.url,
            "who": "form",
        }
        return self.prefect.start(f"manufacture/{line}", **order)

    def tasks(self, run: str) -> dict[str, str]:
        """What Prefect shows of the phases of a run; it writes them down a little later."""
        body = {"flow_runs": {"id": {"any_": [run]}}}
        return {task["name"]: task["state_type"] for task in self.prefect.post("/task_runs/filter", body).json()}

    def events(self, line: str, kind: str) -> list[str]:
        """Keys of the phases of which the journal of a line has an event of this kind."""
        path = self.store(line).journal(line)
        if not path.exists():
            return []
        with JournalReader(path) as reader:
            return [str(entry.data["key"]) for entry in reader.events(None, [kind])]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    folder = tmp_path_factory.mktemp("laboratory")
    port = free_port()
    with ExitStack() as stack:
        database = stack.enter_context(server())
        common = environment(folder, port) | {
            "PREFECT_API_DATABASE_CONNECTION_URL": database.url,
            "PREFECT_SERVER_API_AUTH_STRING": ":".join(ACCOUNT),
            "PREFECT_API_AUTH_STRING": ":".join(ACCOUNT),
        }
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port), "--no-ui"]
        stack.enter_context(process(command, common, folder / "server.log"))
        http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60, auth=ACCOUNT))
        prefect = Prefect(f"http://127.0.0.1:{port}", common, folder, http)
        found = Laboratory(database, prefect, folder)
        until(lambda: healthy(http))
        keep = "import os; from prefect.blocks.system import Secret; Secret(value=os.environ['TOKEN']).save(os.environ['BLOCK'])"
        subprocess.run([sys.executable, "-c", keep], env=common | {"TOKEN": TOKEN, "BLOCK": BLOCK}, check=True)
        for line in RECIPES:
            stack.enter_context(beside(found, line))
        until(lambda: all(find(found.store(line), line) is not None for line in RECIPES))
        yield found


@contextmanager
def beside(laboratory: Laboratory, line: str) -> Iterator[None]:
    """What stands beside a line: its controller, and a worker for its deployments."""
    file, folder, prefect = laboratory.file(line), laboratory.folder, laboratory.prefect
    packaged = files("deployments").joinpath("lines/sim.yaml").read_text(encoding="utf-8")
    Path(file).write_text(packaged.replace("name: sim", f"name: {line}"), encoding="utf-8")
    deployed = prefect.cli("deploy", "--line", file, "--server", prefect.url)
    assert deployed.returncode == 0, deployed.stderr
    serve = [sys.executable, "-m", "console", "line", "serve", file, "--port", str(free_port()), "--seed", "1"]
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", f"line-{line}", "--name", line]
    environment = prefect.environment | {"VESIFLOW_HOME": str(folder / line)}
    knows = environment | {VARIABLE: TOKEN}
    with (
        process(serve, knows, folder / f"{line}.log"),
        # the flows on beta have the token from the server's Secret block
        process(worker, knows if line == "alpha" else environment, folder / f"worker-{line}.log"),
    ):
        yield


@pytest.fixture(scope="module")
def outage(laboratory: Laboratory) -> dict[str, str]:
    """Both lines make a batch, and the database dies in the middle of it and comes back; the runs by line."""
    runs = {line: laboratory.order(line, f"{line}-1") for line in RECIPES}
    until(lambda: bool(laboratory.events("beta", "phase.started")))
    laboratory.database.stop()
    before = len(laboratory.events("beta", "phase.ended"))
    until(lambda: len(laboratory.events("beta", "phase.ended")) > before)
    assert laboratory.prefect.http.get("/flow_runs/" + runs["beta"]).status_code >= 500
    laboratory.database.start()
    for run in runs.values():
        laboratory.prefect.end(run)
    return runs


def test_two_lines_go_on_while_the_database_is_down_and_the_flows_catch_up(
    laboratory: Laboratory, outage: dict[str, str]
) -> None:
    ended = [nothing_is_lost(laboratory, line, run) for line, run in outage.items()]
    assert max(run["start_time"] for run in ended) < min(run["end_time"] for run in ended), "one after the other"


def nothing_is_lost(laboratory: Laboratory, line: str, run: str) -> dict[str, Any]:
    """The batch is complete, every phase was begun once, and Prefect shows all of it."""
    ended = laboratory.prefect.end(run)
    assert ended["state_type"] == "COMPLETED", ended["state"]
    record = record_of(laboratory.store(line).batch(line, f"{line}-1"))
    assert record.header.state == "Complete"
    phases = [phase.key for unit in record.units for phase in unit.phases]
    assert Counter(laboratory.events(line, "phase.started")) == dict.fromkeys(phases, 1)
    until(lambda: laboratory.tasks(run) == dict.fromkeys(phases, "COMPLETED"))
    return ended


@pytest.mark.usefixtures("outage")
def test_no_secret_is_in_a_log_journal_record_or_database(laboratory: Laboratory) -> None:
    database = laboratory.database.ask("pg_dump").encode()
    written = {path: path.read_bytes() for path in laboratory.folder.rglob("*") if path.is_file()}
    assert any(path.name == "report.html" for path in written)
    assert b"alpha-1" in database
    said = base64.b64encode(":".join(ACCOUNT).encode()).decode()
    for canary in (TOKEN, ACCOUNT[1], said, laboratory.database.environment["PGPASSWORD"]):
        assert canary.encode() not in database
        assert [str(path) for path, content in written.items() if canary.encode() in content] == []


def test_a_line_is_closed_without_its_token(laboratory: Laboratory) -> None:
    for line in RECIPES:
        found = find(laboratory.store(line), line)
        assert found is not None
        assert httpx.get(f"{found.url}/line").status_code == 401


def test_the_server_is_closed_without_the_password(laboratory: Laboratory) -> None:
    url = f"{laboratory.prefect.url}/api"
    assert httpx.post(f"{url}/flow_runs/filter", json={}).status_code == 401
    assert httpx.get(f"{url}/health").status_code == 200


@pytest.mark.usefixtures("outage")
def test_database_and_journals_come_back_from_their_backup(laboratory: Laboratory, tmp_path: Path) -> None:
    database, store = laboratory.database, laboratory.store("alpha")
    own = laboratory.prefect.environment | database.environment | {"VESIFLOW_HOME": str(store.root)}
    own["PATH"] = f"{Path(sys.executable).parent}:{own['PATH']}"
    done = subprocess.run(["sh", str(BACKUP), str(tmp_path)], env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (copy,) = tmp_path.iterdir()
    assert done.stdout.splitlines()[-1] == str(copy)

    verified = laboratory.prefect.cli("batch", "verify", "alpha", home=copy)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    original, restored = (record_of(one.batch("alpha", "alpha-1")) for one in (store, Store(copy)))
    assert comparable(restored) == comparable(original)
    database.ask("createdb", "restored")
    database.ask("pg_restore", "--exit-on-error", "--dbname", "restored", str(copy / "prefect.dump"))
    count = "select state_type, count(*) from flow_run group by 1"
    shown = database.ask("psql", "--dbname", "restored", "-Atc", count)
    assert shown == database.ask("psql", "-Atc", count)
    assert shown == "COMPLETED|2\n"
