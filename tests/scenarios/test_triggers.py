"""Runs that nobody starts by hand: by an automation on an event, by a schedule; and orders for a line that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import Prefect, until

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

DOCUMENT = Path(__file__).parents[2] / "docs" / "deploy.md"


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the automation's backup goes."""
    return tmp_path_factory.mktemp("copies")


@pytest.fixture(scope="module")
def ordered(prefect: Prefect, copies: Path) -> dict[str, str]:
    """Everything at once, so that nothing waits for another; the ids of the runs."""
    made = prefect.post("/automations/", automation(prefect, copies))
    assert made.status_code == 201, made.text
    check = str(prefect.http.get("/deployments/name/check-line/sim").json()["id"])
    schedule = {"active": True, "schedule": {"interval": 15}}
    created = prefect.post(f"/deployments/{check}/schedules", [schedule]).raise_for_status().json()
    found = {
        "released": prefect.start("manufacture/sim", recipe="tff", batch="released", seed=1),
        "gone": prefect.start("tff/sim", recipe="tff", line="gone"),
        "away": prefect.start("manufacture/sim", line="/nowhere/bench.yaml"),
    }
    until(lambda: bool(runs(prefect, check, auto=True)))
    found["scheduled"] = runs(prefect, check, auto=True)[0]["id"]
    # again while SQLite is locked, as for every other request
    until(lambda: prefect.http.delete(f"/deployments/{check}/schedules/{created[0]['id']}").status_code in (204, 404))
    return found


def automation(prefect: Prefect, copies: Path) -> dict[str, Any]:
    """The example of the documentation, word by word, for this line, deployment and folder."""
    (text,) = re.findall(r"POST /api/automations/\n(\{.*?)\n```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    deployment = prefect.http.get("/deployments/name/backup/sim").json()["id"]
    for there, here in (("my-bench", "sim"), ('"ID"', f'"{deployment}"'), ("/srv/vesiflow-backup", str(copies))):
        assert there in text
        text = text.replace(there, here)
    found: dict[str, Any] = json.loads(text)
    return found


def runs(prefect: Prefect, deployment: str, *, auto: bool) -> list[dict[str, Any]]:
    """Runs of a deployment that are no longer scheduled only, started by a schedule or by something else."""
    body = {"deployments": {"id": {"any_": [deployment]}}}
    found: list[dict[str, Any]] = prefect.post("/flow_runs/filter", body).json()
    return [run for run in found if run["auto_scheduled"] is auto and run["state_type"] != "SCHEDULED"]


def test_an_order_for_a_line_that_is_not_there_says_so(prefect: Prefect, ordered: dict[str, str]) -> None:
    gone, away = prefect.end(ordered["gone"]), prefect.end(ordered["away"])
    assert (gone["state_type"], away["state_type"]) == ("FAILED", "FAILED")
    assert "no such line on this Prefect server (got gone); run `vesiflow deploy --line" in gone["state"]["message"]
    assert "/nowhere/bench.yaml" in away["state"]["message"]


def test_a_schedule_starts_a_run(prefect: Prefect, ordered: dict[str, str]) -> None:
    run = prefect.end(ordered["scheduled"])
    assert run["state_type"] == "COMPLETED", run["state"]


def test_a_released_batch_starts_what_the_automation_says(
    prefect: Prefect, ordered: dict[str, str], copies: Path
) -> None:
    assert prefect.end(ordered["released"])["state_type"] == "COMPLETED"
    backup = str(prefect.http.get("/deployments/name/backup/sim").json()["id"])
    until(lambda: bool(runs(prefect, backup, auto=False)))
    (run,) = runs(prefect, backup, auto=False)
    assert prefect.end(run["id"])["state_type"] == "COMPLETED", run["state"]
    (copy,) = copies.iterdir()
    assert prefect.cli("batch", "verify", "sim", home=copy).returncode == 0
