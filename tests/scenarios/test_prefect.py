"""Prefect for real: deploy, trigger, complete, fail, cancel, on a server and a worker of our own."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from flows import settings
from line.record import record_of
from records.model import BatchRecord
from records.store import Store

from .conftest import DATA, Prefect, until

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

SHORT = str(DATA / "short.yaml")


def record(prefect: Prefect, batch: str, line: str = "sim") -> BatchRecord:
    return record_of(Store(prefect.home / "data").batch(line, batch))


def begun(prefect: Prefect, batch: str) -> bool:
    """Whether the line has taken the batch in."""
    store = Store(prefect.home / "data")
    return store.journal("sim").exists() and any(head.batch == batch for _, head in store.batches("sim"))


def test_a_changed_deployment_is_shown_and_mended_and_then_nothing_changes(prefect: Prefect) -> None:
    found = prefect.http.get("/deployments/name/backup/sim").json()
    prefect.http.patch(f"/deployments/{found['id']}", json={"description": "by hand"}).raise_for_status()
    mended = prefect.cli("deploy", "--server", prefect.url)
    assert mended.stdout.splitlines()[0] == "~ deployment backup/sim"
    assert "description: 'by hand' -> 'Copy journals" in mended.stdout
    assert len(mended.stdout.splitlines()) == 3
    again = prefect.cli("deploy", "--server", prefect.url)
    assert (again.returncode, again.stdout, again.stderr) == (0, "nothing to change\n", "")


def test_a_triggered_batch_completes_leaves_record_and_artifacts_and_never_runs_twice(prefect: Prefect) -> None:
    run = prefect.end(prefect.start("manufacture/sim", recipe=SHORT, batch="triggered", seed=3, who="form"))
    assert run["state_type"] == "COMPLETED", run["state"]
    assert run["name"] == "triggered"
    done = record(prefect, "triggered")
    assert (done.header.state, done.header.seed) == ("Complete", 3)
    body = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}
    artifacts = {item["key"]: item for item in prefect.post("/artifacts/filter", body).json()}
    assert {"progress-triggered", "summary-triggered", "phases-triggered", "report-triggered"} <= set(artifacts)
    assert "Complete" in artifacts["summary-triggered"]["data"]
    tasks = prefect.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}}).json()
    assert {task["name"] for task in tasks} == {phase.key for unit in done.units for phase in unit.phases}
    twice = prefect.end(prefect.start("tff/sim", recipe=SHORT, batch="triggered", seed=3))
    assert twice["state_type"] == "FAILED"
    assert "batch triggered is in" in twice["state"]["message"]


@pytest.mark.parametrize(
    "order", [{"volume": "2 bar"}, {"volume": "much"}, {"when_held": "hope"}, {"batch": "../x"}, {"recip": "tff"}]
)
def test_the_form_refuses_what_makes_no_sense(order: dict[str, str], prefect: Prefect) -> None:
    found = prefect.http.get("/deployments/name/manufacture/sim").json()
    answer = prefect.post(f"/deployments/{found['id']}/create_flow_run", {"parameters": {"order": order}})
    assert answer.status_code in (409, 422)


def test_a_batch_that_the_line_holds_is_failed_with_the_reason(prefect: Prefect, tmp_path: Path) -> None:
    text = files("deployments").joinpath("lines/sim.yaml").read_text(encoding="utf-8")
    line = tmp_path / "sick.yaml"
    truth = "\nsimulation: {sensors: {tff.feed_pressure: {bias: 120000}}, seed: 1}\n"
    sick = text[: text.index("\nsimulation: ")].replace("name: sim", "name: sick") + truth
    line.write_text(sick, encoding="utf-8")
    run = prefect.end(prefect.start("tff/sim", recipe=SHORT, line=str(line), batch="sick", when_held="stop"))
    assert run["state_type"] == "FAILED"
    assert "1-tff/3-concentrate/1 stopped: held: tff.tmp: " in run["state"]["message"]
    assert "outside its limit" in run["state"]["message"]
    assert record(prefect, "sick", "sick").header.state == "Stopped"
    typed = prefect.cli("run", SHORT, "--server", prefect.url, "--line", str(line), "--batch", "typed-sick")
    assert typed.returncode == 1
    assert "1-tff/3-concentrate/1 stopped: held: tff.tmp: " in typed.stdout
    assert record(prefect, "typed-sick", "sick").header.state == "Stopped"


def test_cancelling_a_run_brings_the_line_to_its_safe_state(prefect: Prefect) -> None:
    run_id = prefect.start("manufacture/sim", recipe="exosome", batch="cancelled", seed=1)
    until(lambda: prefect.run(run_id)["state_type"] == "RUNNING")
    until(lambda: begun(prefect, "cancelled"))
    prefect.post(f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING"}}).raise_for_status()
    assert prefect.end(run_id)["state_type"] == "CANCELLED"
    assert record(prefect, "cancelled").header.state == "Stopped"


def test_the_command_line_runs_a_batch_on_this_server(prefect: Prefect) -> None:
    done = prefect.cli("run", SHORT, "--server", prefect.url, "--batch", "typed", "--seed", "2")
    assert done.returncode == 0, done.stderr
    assert "typed: short 1.0.0 on line sim: Complete" in done.stdout
    assert "report.html" in done.stdout
    runs = prefect.post("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["typed"]}}}).json()
    assert [run["state_type"] for run in runs] == ["COMPLETED"]


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_during_a_batch_brings_the_line_to_its_safe_state(
    prefect: Prefect, number: signal.Signals, code: int, word: str
) -> None:
    batch = f"long-{word}"
    arguments = ["run", "exosome", "--server", prefect.url, "--batch", batch, "--seed", "1"]
    assert ended(prefect.environment, arguments, "2-flush", number) == (code, f"vesiflow run: {word}")
    done = record(prefect, batch)
    assert done.header.state == "Stopped"
    assert any("interrupted" in phase.reason for unit in done.units for phase in unit.phases)


def test_ctrl_c_while_the_embedded_server_starts_leaves_nothing(prefect: Prefect, tmp_path: Path) -> None:
    environment = {name: value for name, value in prefect.environment.items() if name not in settings.CHOSEN}
    environment |= {"VESIFLOW_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)}
    found = ended(environment, ["run", SHORT], "server starts", signal.SIGINT)
    assert found == (130, "vesiflow run: interrupted")
    assert not list(Store(tmp_path / "data").lines())


def ended(environment: dict[str, str], arguments: list[str], after: str, number: signal.Signals) -> tuple[int, str]:
    """(exit code, all that is said afterwards) of a command that gets a signal when a line has `after` in it."""
    command = [sys.executable, "-m", "console", *arguments]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        while after not in (line := child.stderr.readline()):
            assert line, f"ended with {child.wait()} before {after}"
        child.send_signal(number)
        rest = [line for line in child.stderr.read().splitlines() if not line.startswith(" ")]  # progress is indented
        return child.wait(60), "\n".join(rest)
