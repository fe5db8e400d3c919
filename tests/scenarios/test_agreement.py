"""Prefect shows what the line does: waits and questions; what Prefect says by mistake changes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
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
    url: str

    def order(self, batch: str) -> str:
        """Order a batch by the line's name, which is all a person knows of it; the run's id."""
        return self.prefect.start("manufacture/sim", recipe=SHORT, line="desk", batch=batch, who="form")

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

    def say(self, command: str, batch: str, reason: str) -> None:
        """A command at the line, as a person types it."""
        done = self.prefect.cli("line", command, "--line", "desk", "--batch", batch, "--reason", reason, "--who", "eve")
        assert done.returncode == 0, done.stderr

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of Prefect's own."""
        command = [sys.executable, "-m", "prefect", *arguments]
        return subprocess.run(
            command, env=self.prefect.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def resume(self, run: str, **values: str) -> dict[str, Any]:
        """Press Resume in Prefect's page, with a form filled in; what Prefect says to it."""
        said: dict[str, Any] = self.prefect.post(f"/flow_runs/{run}/resume", {"run_input": values}).json()
        return said

    def form(self, run: str) -> dict[str, Any]:
        """The form that Resume opens, as Prefect's page gets it."""
        self.shows(run, "PAUSED", "Asks")
        details = self.prefect.run(run)["state"]["state_details"]
        assert details["pause_timeout"] is None, "a question never expires"
        key = details["run_input_keyset"]["schema"]
        schema: dict[str, Any] = self.prefect.http.get(f"/flow_runs/{run}/input/{key}").raise_for_status().json()
        return schema

    def answers(self, batch: str) -> list[tuple[str, str, dict[str, str]]]:
        """(action, who, values) of every question of a batch that was answered."""
        told = [data for name, data in self.journal(ANSWERED) if name == batch]
        return [(data["action"], data["by"], data["values"]) for data in told]

    def journal(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        with JournalReader(Store(self.prefect.home / "data").journal("desk")) as reader:
            return [(entry.batch, dict(entry.data)) for entry in reader.events(None, [kind])]


@pytest.fixture
def desk(prefect: Prefect, tmp_path: Path) -> Iterator[Desk]:
    text = files("deployments").joinpath("lines/sim.yaml").read_text(encoding="utf-8")
    file = tmp_path / "desk.yaml"
    for ours in (
        ("name: sim", "name: desk"),
        ("clock: virtual", "clock: {scaled: 20}"),
        ("sim://bench/operator", "console"),
    ):
        text = text.replace(*ours)
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "console", "line", "serve", str(file), "--port", str(free_port())]
    with process(command, prefect.environment, tmp_path / "serve.log"):
        store = Store(prefect.home / "data")
        until(lambda: find(store, "desk") is not None)
        found = find(store, "desk")
        assert found is not None
        made = prefect.cli("deploy", "--line", file.name, "--server", prefect.url, cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        assert f"+ variable vesiflow_line_desk\n    file: '{file}'\n    controller: '{found.url}'\n" in made.stdout
        assert "prefect worker start --pool line-desk" in made.stdout, "nobody is told that a worker is missing"
        yield Desk(prefect, found.url)


MOUNT = "Mount membrane module HF300-235 and scan it"


def test_prefect_follows_the_line_whatever_becomes_of_the_run(desk: Desk) -> None:
    prefect = desk.prefect
    first = desk.order("A")
    assert desk.shows(first, "PAUSED", "Asks").startswith(MOUNT)

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
    desk.shows(first, "PAUSED", "Asks")

    # Crashed by mistake: nothing happens on the line, and the run is shown as it is
    desk.set(first, type="CRASHED")
    desk.shows(first, "PAUSED", "Asks")

    # a hold is shown, and Resume in Prefect is no word to the line
    desk.say("hold", "A", "a smell")
    assert desk.shows(first, "PAUSED", "Held").startswith("a smell")
    held = prefect.run(first)["state_id"]
    desk.resume(first)
    until(lambda: prefect.run(first)["state_id"] != held)
    desk.shows(first, "PAUSED", "Held")
    assert desk.ask(lambda client: client.batch("A")).state == "Held"
    desk.say("restart", "A", "the window is open")
    desk.shows(first, "PAUSED", "Asks")

    # answered in Prefect's form by a named person; what does not fit it is refused and changes nothing
    assert set(desk.form(first)["properties"]) == {"who", "barcode"}
    for wrong in ({}, {"who": "anna"}, {"who": " ", "barcode": "HF300-235"}, {"who": "anna", "approved": "yes"}):
        assert desk.resume(first, **wrong)["status"] == "REJECT"
    asked = desk.ask(lambda client: client.prompt())
    assert desk.resume(first, who="anna", barcode="HF300-235")["status"] == "ACCEPT"
    until(lambda: desk.ask(lambda client: client.prompt()) != asked)
    assert desk.answers("A") == [("install module", "anna", {"barcode": "HF300-235"})]

    # the next question is answered at the line; its form goes with it
    assert list(desk.form(first)["properties"]) == ["who"]
    desk.ask(lambda client: client.answer({}, "bert"))
    until(lambda: len(desk.answers("A")) == 2)
    assert desk.answers("A")[1][1] == "bert"

    # aborted at the line: the unit is safe and given back, and who waited for it begins
    desk.say("abort", "A", "it smokes")
    ended = prefect.end(first)
    assert ended["state_type"] == "CANCELLED"
    assert ended["state"]["message"].endswith(" stopped: it smokes")
    assert desk.ask(lambda client: client.batch("A")).state == "Aborted"
    assert desk.shows(second, "PAUSED", "Asks").startswith(MOUNT)

    # cancelled by Prefect's command line while it asks: the line stops, and so does everybody who ordered the batch
    cancelled = desk.tool("flow-run", "cancel", second)
    assert cancelled.returncode == 0, cancelled.stderr
    assert prefect.end(second)["state_type"] == prefect.end(again)["state_type"] == "CANCELLED"
    line = desk.ask(lambda client: client.line())
    assert (line["batches"]["B"], line["units"]["tff"]) == ("Stopped", "Idle")

    assert [batch for batch, _ in desk.journal("batch.created")] == ["A", "B"]
    started = [batch for batch, data in desk.journal("phase.started") if data["key"].startswith("1-tff/1-")]
    assert started == ["A", "B"], "nothing was begun twice"
