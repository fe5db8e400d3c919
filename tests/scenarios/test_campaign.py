"""A campaign on a running server whose processes are killed: nothing is lost, nothing is made twice."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from .conftest import DATA, Prefect, until

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

SAMPLES = 24
DESIGN = {
    "name": "study",
    "recipes": [str(DATA / "short.yaml")],
    "vary": ["concentrate.to=1..13 mL"],
    "samples": SAMPLES,
    "wire": False,
    "chunk": 1,
}


def processes(run: str, *, workers: bool) -> list[int]:
    """The processes of a flow run: those of Dask, or its own."""
    found, mark = [], f"PREFECT__FLOW_RUN_ID={run}".encode()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            inside = mark in (path / "environ").read_bytes().split(b"\0")
            if inside and (b"spawn_main" in (path / "cmdline").read_bytes()) is workers:
                found.append(int(path.name))
    return found


def rows(folder: Path) -> list[dict[str, Any]]:
    table = pytest.importorskip("pyarrow.parquet").read_table(folder / "results.parquet")
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def points(folder: Path) -> dict[Path, int]:
    """What has been made, and when."""
    return {path: path.stat().st_mtime_ns for path in (folder / "points").glob("*.json")}


def test_a_campaign_outlives_its_processes(prefect: Prefect) -> None:
    pytest.importorskip("prefect_dask")
    folder = prefect.home / "data" / "campaigns" / "study"

    run = prefect.start("campaign/sim", **DESIGN, seeds=[1], runner="dask")
    until(lambda: len(points(folder)) >= 2)
    os.kill(processes(run, workers=True)[0], signal.SIGKILL)
    assert prefect.end(run)["state_type"] == "COMPLETED"
    states = Counter(row["state"] for row in rows(folder))
    assert set(states) == {"Complete", "not run"}, "what is below the hold-up is refused, the others are made"
    assert not any("worker ended" in row["reason"] for row in rows(folder)), "Dask gave its points to another one"
    first = points(folder)
    assert (states.total(), states["Complete"]) == (SAMPLES, len(first))

    run = prefect.start("campaign/sim", **DESIGN, seeds=[1, 2], runner="threads")
    until(lambda: len(points(folder)) >= len(first) + 2)
    for process in processes(run, workers=False):
        os.kill(process, signal.SIGKILL)
    assert prefect.end(run)["state_type"] == "CRASHED"
    stopped = points(folder)
    assert len(stopped) < 2 * len(first)

    run = prefect.start("campaign/sim", **DESIGN, seeds=[1, 2], runner="threads")
    assert prefect.end(run)["state_type"] == "COMPLETED"
    assert Counter(row["state"] for row in rows(folder)) == {name: 2 * count for name, count in states.items()}
    assert points(folder).items() >= stopped.items(), "what was made is not made again"
    (shown,) = prefect.post("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}}).json()
    assert [row["state"] for row in json.loads(shown["data"])] == [row["state"] for row in rows(folder)]
