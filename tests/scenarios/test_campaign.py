"""A campaign on a running server: points as Dask tasks, then again on threads, where everything is known already."""

from __future__ import annotations

import json

import pytest

from .conftest import DATA, Prefect

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

DESIGN = {
    "name": "study",
    "recipes": [str(DATA / "short.yaml")],
    "seeds": [1],
    "vary": ["concentrate.to=1..13 mL"],
    "samples": 4,
    "wire": False,
    "chunk": 1,
}


def test_a_campaign_on_dask_loses_no_point_and_is_not_made_again_on_threads(prefect: Prefect) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("prefect_dask")
    ended = prefect.end(prefect.start("campaign/sim", **DESIGN, runner="dask"))
    assert ended["state_type"] == "COMPLETED", ended["state"]
    folder = prefect.home / "data" / "campaigns" / "study"
    first = pyarrow.read_table(folder / "results.parquet").to_pylist()
    states = [row["state"] for row in first]
    assert len(states) == 4
    assert {"Complete", "not run"} == set(states), "what is below the hold-up is refused, the others are made"
    kept = {path: path.stat().st_mtime_ns for path in (folder / "points").iterdir()}
    assert len(kept) == states.count("Complete")

    again = prefect.end(prefect.start("campaign/sim", **DESIGN, runner="threads"))
    assert again["state_type"] == "COMPLETED", again["state"]
    assert pyarrow.read_table(folder / "results.parquet").to_pylist() == first
    assert {path: path.stat().st_mtime_ns for path in (folder / "points").iterdir()} == kept
    body = {"artifacts": {"flow_run_id": {"any_": [again["id"]]}}}
    (shown,) = prefect.post("/artifacts/filter", body).json()
    assert [row["state"] for row in json.loads(shown["data"])] == states
