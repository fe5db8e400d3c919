"""The controller as a service in a process of its own, killed and started again; the plant's ledger is the judge."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from line.connect import service
from line.prepare import prepare
from line.service import find
from line.stand import stand
from records.store import Store
from vesiflow.errors import NoReply

from .conftest import DATA, free_port, process, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("line service")]

SHORT = str(DATA / "short.yaml")
SPEED = 60
ONCE = ("install module", "hang bottle", "empty permeate", "place bottle", "weigh bottle")


@dataclass
class Shell:
    """Commands in processes of their own, with one data folder."""

    home: Path

    def __post_init__(self) -> None:
        self.stack = ExitStack()
        self.environment = os.environ | {"VESIFLOW_HOME": str(self.home / "data")}
        self.store = Store(self.home / "data")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "console", *arguments],
            env=self.environment, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def start(self, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "console", *arguments]
        return self.stack.enter_context(process(command, self.environment, self.home / log))

    def serve(self, line: str, name: str, log: str, port: int | None = None) -> subprocess.Popen[bytes]:
        """`line serve`, once it answers."""
        child = self.start("line", "serve", line, "--port", str(port or free_port()), log=log)
        until(lambda: child.poll() is not None or find(self.store, name) is not None, 120)
        assert child.poll() is None, (self.home / log).read_text()
        until(lambda: self.run("line", "status", "--line", name).returncode == 0, 60)
        return child

    def url(self, name: str) -> str:
        found = find(self.store, name)
        assert found is not None
        return found.url

    def ledger(self) -> list[dict[str, Any]]:
        path = self.home / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    found = Shell(tmp_path)
    with found.stack:
        yield found


def kill(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait(30)


async def begin(url: str, line: str, batch: str) -> None:
    """Take a batch in and start its first phase; nobody waits for it."""
    async with service(url) as client:
        recipe = prepare(SHORT, line).recipe
        await client.create(batch, recipe, "test")
        await client._call("PUT", f"/batches/{batch}/phases/{next(recipe.phases()).key}")


async def drive_until_it_dies(url: str, line: str, batch: str) -> None:
    """Every phase in order, as a flow does, until the service is gone."""
    async with service(url) as client:
        recipe = prepare(SHORT, line).recipe
        await client.create(batch, recipe, "test")
        for phase in recipe.phases():
            await client.run_phase(batch, phase.key)


def test_a_simulated_plant_dies_with_its_service(shell: Shell, tmp_path: Path) -> None:
    line = tmp_path / "asking.yaml"
    packaged = Path(__file__).parents[2] / "deployments" / "lines" / "sim.yaml"
    text = packaged.read_text(encoding="utf-8").replace("name: sim", "name: asking")
    line.write_text(text.replace('"sim://bench/operator"', "console"), encoding="utf-8")
    first = shell.serve(str(line), "asking", "first.log")
    asyncio.run(begin(shell.url("asking"), str(line), "b1"))
    until(lambda: "asked:" in shell.run("line", "prompt").stdout, 60)
    second = shell.run("line", "serve", str(line), "--port", str(free_port()))
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert f"owned by process {first.pid}" in second.stderr

    kill(first)
    assert shell.run("line", "status", "--line", "asking").returncode == 1
    shell.serve(str(line), "asking", "second.log")
    assert "batch b1 is Aborted: the simulated plant of this batch died" in (tmp_path / "second.log").read_text()
    assert stand(shell.store, "b1").state == "Aborted"
    resumed = shell.run("resume", "b1", "--yes")
    assert (resumed.returncode, resumed.stderr.count("\n")) == (1, 1)
    assert "the simulated plant of this batch died with its process" in resumed.stderr


def test_a_batch_survives_the_kill_of_its_controller_and_nothing_is_repeated(shell: Shell, tmp_path: Path) -> None:
    line = str(tmp_path / "emulated.yaml")
    ledger = str(tmp_path / "ledger.jsonl")
    arguments = ["--tcp", "--speed", str(SPEED), "--seed", "3", "--write-line", line, "--ledger", ledger]
    shell.start("sim", "serve", "sim", *arguments, log="sim.log")
    until(lambda: Path(line).exists(), 120)
    with Path(line).open("a", encoding="utf-8") as file:  # a section left over from a simulated line changes nothing
        file.write("\nsimulation: {}\n")
    controller = shell.serve(line, "emulated", "controller.log")
    with pytest.raises(NoReply):
        asyncio.run(_killed_in_mid_phase(shell, controller, line))
    before = len(shell.ledger())

    nobody = shell.run("resume", "b1", "--line", line)
    assert (nobody.returncode, nobody.stderr.count("\n")) == (2, 1)
    assert "nobody to ask" in nobody.stderr
    assert len(shell.ledger()) == before
    running = shell.serve(line, "emulated", "again.log")
    other = shell.run("resume", "b1", "--recipe", "tff", "--yes")  # its line file is the one that is served
    assert (other.returncode, other.stderr.count("\n")) == (2, 1) and "recipe" in other.stderr, other.stderr
    running.terminate()
    running.wait(30)
    resumed = shell.run("resume", "b1", "--line", line, "--yes", "--who", "Ada")
    assert resumed.returncode == 0, resumed.stderr + resumed.stdout
    assert "the controller was restarted" in resumed.stdout
    assert stand(shell.store, "b1").state == "Complete"
    done = Counter(event["kind"] for event in shell.ledger())
    assert {kind: done[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1)

    again = shell.run("resume", "b1", "--line", line, "--yes")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "is Complete" in again.stderr


async def _killed_in_mid_phase(shell: Shell, controller: subprocess.Popen[bytes], line: str) -> None:
    driving = asyncio.create_task(drive_until_it_dies(shell.url("emulated"), line, "b1"))

    def pumping() -> bool:
        return any(event["kind"] == "feed pump" and event["speed"] > 0 for event in shell.ledger())

    await asyncio.to_thread(until, pumping, 120)
    kill(controller)
    await driving
