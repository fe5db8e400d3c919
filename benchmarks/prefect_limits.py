"""What a concurrency limit of a deployment does to a held batch: `python -m benchmarks.prefect_limits`, six minutes.

The same held batch is ordered by a deployment without a limit and by one with, on a server and a worker of its own.
Prefect takes the slot away when a run is shown as Paused, and ends the process of a run that cannot renew it. Prints
what becomes of runs and batches and writes benchmarks/results/prefect_limits.json.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx

from benchmarks import kept
from benchmarks.prefect_servers import HEALTHY, PORT, URL, command, of_its_own, process
from line.record import record_of
from records.store import Store

LIMITS = {"tff": None, "manufacture": 1}
"""Deployments that make the same batch, and what each is limited to."""
HELD = "\nsimulation: {sensors: {tff.feed_pressure: {bias: 120000}}, seed: 1}\n"
"""A pressure sensor that reads 1.2 bar too much: the first filtration is held, and nobody comes."""
WATCHED = 330  # s; Prefect renews a slot every 225 s


def order(http: httpx.Client, home: Path, name: str) -> str:
    """Have a batch made that will be held, on a line of its own; the id of the run."""
    text = files("deployments").joinpath("lines/sim.yaml").read_text(encoding="utf-8")
    line = home / f"{name}.yaml"
    sick = text[: text.index("\nsimulation: ")].replace("name: sim", f"name: {name}") + HELD
    line.write_text(sick, encoding="utf-8")
    deployment = http.get(f"/deployments/name/{name}/sim").raise_for_status().json()["id"]
    http.patch(f"/deployments/{deployment}", json={"concurrency_limit": LIMITS[name]}).raise_for_status()
    body = {"order": {"recipe": "tff", "line": str(line), "batch": "held", "when_held": "wait"}}
    answer = http.post(f"/deployments/{deployment}/create_flow_run", json={"parameters": body})
    return str(answer.raise_for_status().json()["id"])


def watched(http: httpx.Client, runs: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Every state of each run, with the second."""
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < WATCHED:
        for name, run in runs.items():
            state = http.get(f"/flow_runs/{run}").raise_for_status().json()["state"]
            shown = {"run": f"{state['type']} {state['name']}", "message": state["message"] or ""}
            if not seen[name] or shown != {key: seen[name][-1][key] for key in shown}:
                seen[name].append({"s": round(passed)} | shown)
                print(name, seen[name][-1], flush=True)
        threading.Event().wait(1.0)
    return seen


def end(http: httpx.Client, runs: dict[str, str]) -> None:
    """Cancel what still waits, so that the worker can end."""
    for run in runs.values():
        http.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLING"}}).raise_for_status()
    threading.Event().wait(20.0)


def main() -> None:
    """Both at once."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        environment = of_its_own(home)
        with (
            process("prefect", "server", "start", "--port", str(PORT), "--no-ui", environment=environment),
            httpx.Client(base_url=f"{URL}/api", timeout=60) as http,
        ):
            subprocess.run([sys.executable, str(HEALTHY), f"{URL}/api/health"], check=True)
            command("deploy", "--server", URL, environment=environment)
            with process("prefect", "worker", "start", "--pool", "line-sim", environment=environment):
                runs = {name: order(http, home, name) for name in LIMITS}
                seen = watched(http, runs)
                batches = {name: record_of(Store(home / "data").batch(name, "held")).header.state for name in LIMITS}
                end(http, runs)
    print(batches)
    kept.store("prefect_limits", {"limits": LIMITS, "runs": seen, "batches": batches})


if __name__ == "__main__":
    main()
