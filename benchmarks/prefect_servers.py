"""What a running Prefect server costs, SQLite beside PostgreSQL: `python -m benchmarks.prefect_servers`, five minutes.

A step as a task and as a subflow; a whole batch by `vesiflow run --server` beside `vesiflow simulate`; and the time
from the trigger of a deployment to the first action that the controller sends, with a worker that waits. The embedded
server is measured by `benchmarks.prefect_cost`. PostgreSQL is left out where it is not installed. Wall and CPU seconds;
prints a table and writes benchmarks/results/prefect_servers.json.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx

from benchmarks import kept, postgresql
from benchmarks.prefect_cost import Row, steps, timed
from flows import settings
from records.store import Store

PORT = 4299
URL = f"http://127.0.0.1:{PORT}"
HEALTHY = Path(__file__).parents[1] / "deployments" / "healthy.py"
RECIPE = "tff"
FAREWELL = 20.0  # s
PATIENCE = 2400  # looks, a twentieth of a second apart


@contextmanager
def process(*command: str, environment: dict[str, str]) -> Iterator[None]:
    """A process of this environment that ends with the block; what it says is not of interest."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, "-m", *command], env=environment, stdout=quiet, stderr=quiet) as child:
        try:
            yield
        finally:
            child.terminate()
            try:
                child.wait(FAREWELL)
            except subprocess.TimeoutExpired:  # a worker waits for what it has begun
                child.kill()


def of_its_own(home: Path) -> dict[str, str]:
    """The environment of a Prefect server at `URL` and of all that uses it, with every file below `home`."""
    (home / "prefect").mkdir()
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    own = {"PREFECT_HOME": "prefect", "VESIFLOW_HOME": "data"}
    places = {name: str(home / folder) for name, folder in own.items()}
    return outside | settings.DEFAULTS | places | {"PREFECT_API_URL": f"{URL}/api"}


def command(*arguments: str, environment: dict[str, str]) -> None:
    """A vesiflow command, to its end."""
    subprocess.run([sys.executable, "-m", "console", *arguments], env=environment, check=True, capture_output=True)


def trigger(home: Path, rows: list[Row]) -> None:
    """From the order to the first intent in the journal."""
    with httpx.Client(base_url=f"{URL}/api", timeout=60) as http:
        found = http.get(f"/deployments/name/{RECIPE}/sim").raise_for_status().json()
        order = {"order": {"recipe": RECIPE, "batch": "triggered", "seed": 1}}
        start = time.perf_counter()
        http.post(f"/deployments/{found['id']}/create_flow_run", json={"parameters": order}).raise_for_status()
        for _ in range(PATIENCE):
            if _acted(Store(home).journal("sim")):
                break
            threading.Event().wait(0.05)
        else:
            raise TimeoutError("the run that was triggered has not acted")
        rows.append({"name": "trigger to first action", "wall_s": time.perf_counter() - start, "cpu_s": 0.0})


def _acted(journal: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as reader:
            return bool(reader.execute("SELECT count(*) FROM intent").fetchone()[0])
    except sqlite3.Error:
        return False


def measured(database: str | None) -> list[Row]:
    """All rows on a server of its own."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        environment = of_its_own(home) | {"VESIFLOW_HOME": str(home / "a")}
        if database:
            environment["PREFECT_API_DATABASE_CONNECTION_URL"] = database
        with process("prefect", "server", "start", "--port", str(PORT), "--no-ui", environment=environment):
            subprocess.run([sys.executable, str(HEALTHY), f"{URL}/api/health"], check=True)
            one = [sys.executable, "-m", "benchmarks.prefect_servers", "steps"]
            printed = subprocess.run(one, env=environment, check=True, capture_output=True, text=True).stdout
            rows += json.loads(printed.splitlines()[-1])
            for name, how in (("simulate", []), ("run", ["--server", URL])):
                with timed(f"vesiflow {name} {RECIPE}", rows):
                    command(name, RECIPE, "--seed", "1", "--quiet", *how, environment=environment)
            command("deploy", "--server", URL, environment=environment)
            own = environment | {"VESIFLOW_HOME": str(home / "b")}
            with process("prefect", "worker", "start", "--pool", "line-sim", environment=own):
                threading.Event().wait(20.0)
                trigger(home / "b", rows)
    return rows


def show(rows: list[Row]) -> None:
    """A line per row."""
    for row in rows:
        print(f"  {row['name']:40} {row['wall_s']:9.4f} s wall {row['cpu_s']:9.4f} s CPU", flush=True)


def main() -> None:
    """Both servers, or (in a process of a server) its steps."""
    if sys.argv[1:] == ["steps"]:
        rows: list[Row] = []
        steps(rows)
        print(json.dumps(rows))
        return
    found: dict[str, Any] = {}
    installed = postgresql.binaries() is not None
    for name, context in (("SQLite", nullcontext()), *([("PostgreSQL", postgresql.server())] if installed else [])):
        with context as database:
            print(name, flush=True)
            found[name] = measured(database.url if database else None)
            show(found[name])
    kept.store("prefect_servers", {"load": os.getloadavg()[0], "servers": found})


if __name__ == "__main__":
    main()
