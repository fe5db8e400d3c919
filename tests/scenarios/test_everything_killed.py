"""Controller, flow and worker die at one blow, on a real Prefect server; the plant lives on and is the judge."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from line.stand import stand
from records.store import Store
from vesiflow.clock import WallClock

from .conftest import DATA, Prefect, free_port, process, until
from .test_line_service import ONCE, Shell

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

SPEED = 60
WORKER = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "line-emulated", "--name"]


def test_the_retried_run_takes_up_the_batch_and_nothing_is_repeated(prefect: Prefect, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.environment, shell.store = prefect.environment, Store(prefect.home / "data")
    with shell.stack:
        line = emulated(shell, tmp_path)
        deployed = prefect.cli("deploy", "--server", prefect.url, "--line", line)
        assert deployed.returncode == 0, deployed.stderr
        port = free_port()
        controller = shell.serve(line, "emulated", "controller.log", port)
        worker = shell.stack.enter_context(process([*WORKER, "first"], prefect.environment, tmp_path / "first.log"))
        order = {"recipe": str(DATA / "short.yaml"), "line": line, "batch": "K", "who": "Ada", "when_held": "wait"}
        run = prefect.start("manufacture/emulated", **order, controller=shell.url("emulated"))
        until(lambda: turning(shell.ledger()), 120)
        flow = int(prefect.run(run)["infrastructure_pid"].rsplit(":", 1)[-1])
        kill_all(controller, worker, flow)
        done_before = Counter(event["kind"] for event in shell.ledger())

        shell.serve(line, "emulated", "again.log", port)
        assert stand(shell.store, "K").state == "Held"
        shell.stack.enter_context(process([*WORKER, "second"], prefect.environment, tmp_path / "second.log"))
        at_once = {"scheduled_time": WallClock().utc().isoformat()}
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": at_once}
        body: dict[str, Any] = {"state": state, "force": True}
        prefect.post(f"/flow_runs/{run}/set_state", body).raise_for_status()
        until(lambda: prefect.run(run)["state_type"] == "PAUSED")
        assert done_before["install module"] == 1
        restarted = shell.run("line", "restart", "--line", "emulated")
        assert restarted.returncode == 0, restarted.stderr
        ended = prefect.end(run)

    assert ended["state_type"] == "COMPLETED", ended["state"]
    done = Counter(event["kind"] for event in shell.ledger())
    assert {kind: done[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1)


def emulated(shell: Shell, folder: Path) -> str:
    """Instruments in a process of their own; the line file that reaches them."""
    line, ledger = folder / "emulated.yaml", folder / "ledger.jsonl"
    arguments = ["--tcp", "--speed", str(SPEED), "--seed", "3", "--write-line", str(line), "--ledger", str(ledger)]
    shell.start("sim", "serve", "sim", *arguments, log="sim.log")
    until(line.exists, 120)
    return str(line)


def turning(ledger: list[dict[str, Any]]) -> bool:
    """Whether the feed pump has been started."""
    return any(event["kind"] == "feed pump" and event["speed"] > 0 for event in ledger)


def kill_all(controller: subprocess.Popen[bytes], worker: subprocess.Popen[bytes], flow: int) -> None:
    """The worker first, so that nobody is left to report the death of the others."""
    for pid in (worker.pid, flow, controller.pid):
        os.kill(pid, signal.SIGKILL)
    for child in (worker, controller):
        child.wait(30)
