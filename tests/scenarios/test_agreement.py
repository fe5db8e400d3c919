"""Prefect shows what the line does: waits and questions; what Prefect says by mistake changes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import pytest

from line.client import LineClient
from line.connect import service
from line.memory import ANSWERED
from line.service import find
from records.journal_reader import JournalReader
from records.store import Store
from vesiflow.clock import WallClock

from .conftest import DATA, Prefect, free_port, process, until

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

T = TypeVar("T")
SHORT = str(DATA / "short.yaml")


@dataclass
class Desk:
    """A served line whose operator answers at the console, and Prefect beside it."""

    prefect: Prefect
    file: Path
    url: str

    def order(self, batch: str) -> str:
        """Order a batch; the run's id."""
        order = {"recipe": SHORT, "line": str(self.file), "controller": self.url, "batch": batch, "who": "form"}
        return self.prefect.start("manufacture/sim", **order)

    def ask(self, work: Callable[[LineClient], Awaitable[T]]) -> T:
        async def asked() -> T:
            async with service(self.url) as client:
                return await work(client)

        return asyncio.run(asked())

    def shows(self, run: str, kind: str, name: str) -> str:
        """Wait until a run has this state; its message."""

        def so() -> bool:
            seen.append(self.prefect.run(run)["state"])
            return (seen[-1]["type"], seen[-1]["name"]) == (kind, name)

        seen: list[dict[str, Any]] = []
        try:
            until(so, 90)
        except TimeoutError as error:
            raise AssertionError(f"not {name}: {seen[-1]}") from error
        return str(seen[-1]["message"])

    def set(self, run: str, **state: object) -> None:
        """Set a run's state by force, as the API lets anybody."""
        body = {"state": state, "force": True}
        self.prefect.post(f"/flow_runs/{run}/set_state", body).raise_for_status()

    def journal(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        with JournalReader(Store(self.prefect.home / "data").journal("desk")) as reader:
            return [(entry.batch, dict(entry.data)) for entry in reader.events(None, [kind])]


@pytest.fixture
def desk(prefect: Prefect, tmp_path: Path) -> Iterator[Desk]:
    text = files("deployments").joinpath("lines/sim.yaml").read_text(encoding="utf-8")
    file = tmp_path / "desk.yaml"
    file.write_text(
        text.replace("name: sim", "name: desk").replace("sim://bench/operator", "console"), encoding="utf-8"
    )
    command = [sys.executable, "-m", "console", "line", "serve", str(file), "--port", str(free_port())]
    with process(command, prefect.environment, tmp_path / "serve.log"):
        store = Store(prefect.home / "data")
        until(lambda: find(store, "desk") is not None)
        found = find(store, "desk")
        assert found is not None
        yield Desk(prefect, file, found.url)


def test_prefect_follows_the_line_whatever_becomes_of_the_run(desk: Desk) -> None:
    prefect = desk.prefect
    first = desk.order("A")
    assert desk.shows(first, "RUNNING", "Asks").startswith("Mount membrane module HF300-235 and scan it")

    # the process dies; the run is tried again and finds its batch where it stands
    pid = int(prefect.run(first)["infrastructure_pid"].rsplit(":", 1)[-1])
    os.kill(pid, signal.SIGKILL)
    until(lambda: prefect.run(first)["state_type"] == "CRASHED")
    assert desk.ask(lambda client: client.batch("A")).state == "Execute"
    at_once = {"scheduled_time": WallClock().utc().isoformat()}
    desk.set(first, type="SCHEDULED", name="AwaitingRetry", state_details=at_once)

    # a second order waits in line, a double click on it makes no third batch
    second, again = desk.order("B"), desk.order("B")
    assert desk.shows(second, "RUNNING", "Waiting") == "waits for tff (batch A)"
    assert desk.shows(again, "RUNNING", "Waiting") == "waits for tff (batch A)"
    assert prefect.cli("line", "status", "--line", "desk").stdout.count("waits for tff (batch A)") == 1
    desk.shows(first, "RUNNING", "Asks")

    # Crashed by mistake: nothing happens on the line, and the run is shown as it is
    desk.set(first, type="CRASHED")
    desk.shows(first, "RUNNING", "Asks")

    # answered through Prefect, by a named person; an answer to another question is refused
    say = {"line": "desk", "who": "anna", "controller": desk.url}
    wrong = prefect.start("answer/sim", **say, action="approve", values={"approved": "yes"})
    right = prefect.start("answer/sim", **say, action="install module", values={"barcode": "HF300-235"})
    assert "approve: line desk asks " in prefect.end(wrong)["state"]["message"]
    assert prefect.end(right)["state_type"] == "COMPLETED"
    (told,) = [data for batch, data in desk.journal(ANSWERED) if batch == "A" and data["action"] == "install module"]
    assert (told["by"], told["values"]) == ("anna", {"barcode": "HF300-235"})

    assert [batch for batch, _ in desk.journal("batch.created")] == ["A", "B"]
    assert len([1 for batch, data in desk.journal("phase.started") if data["key"].startswith("1-tff/1-")]) == 1
