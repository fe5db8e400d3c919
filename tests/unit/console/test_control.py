"""`vesiflow line status | hold | ... | resume` against a service in a thread, and without one."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from devices.line_file import LineFile, load_line
from line.api import create_app
from line.connect import service
from line.host import hosted
from line.prepare import prepare
from line.service import Service, announced
from records.store import Store

from .conftest import SHORT, Cli

POSSIBLE = "possible now: abort, hold, stop, suspend"
CONSOLE_BENCH = 'people:        {driver: operator, at: "console"}'


@pytest.fixture
def line(tmp_path: Path) -> LineFile:
    """The simulated line, its operator answering through the service: batches wait for a person at once."""
    text = load_line("sim").text.replace('people:        {driver: operator, at: "sim://bench/operator"}', CONSOLE_BENCH)
    assert CONSOLE_BENCH in text
    path = tmp_path / "bench.yaml"
    path.write_text(text, encoding="utf-8")
    return load_line(path)


@contextmanager
def served(line: LineFile) -> Iterator[str]:
    """A controller service in a thread of its own, announced like a real one; its URL."""
    ready, done, where = threading.Event(), threading.Event(), []

    async def work() -> None:
        store = Store()
        async with hosted(line, store, seed=1) as here:
            server = uvicorn.Server(
                uvicorn.Config(create_app(here.controller), port=0, log_level="error", lifespan="off")
            )
            task = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.wait({task}, timeout=0.02)
            where.append(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
            with announced(store.line(line.name), Service(line.name, where[0], os.getpid(), line.file)):
                ready.set()
                await asyncio.to_thread(done.wait)
            server.should_exit = server.force_exit = True
            await task

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    assert ready.wait(60)
    try:
        yield where[0]
    finally:
        done.set()
        thread.join(60)


def begin(url: str, line: LineFile, batch: str) -> None:
    """Take a batch in and start its first phase, which asks the operator for a module."""

    async def work() -> None:
        async with service(url) as client:
            recipe = prepare(str(SHORT), line.file).recipe
            await client.create(batch, recipe, "test")
            first = asyncio.create_task(client.run_phase(batch, next(recipe.phases()).key))
            while await client.prompt() is None:
                assert not first.done()
            first.cancel()
            await asyncio.wait({first})

    asyncio.run(work())


def test_a_batch_is_watched_answered_and_commanded(line: LineFile, cli: Cli) -> None:
    with served(line) as url:
        assert cli("line", "status").out.endswith("no batch\n")
        begin(url, line, "b1")
        found = json.loads(cli("line", "status", "--json").out)
        assert [(item["id"], item["state"]) for item in found["batches"]] == [("b1", "Execute")]
        shown = cli("line", "status", "--line", "sim").out
        assert "1-tff/1-install_module/1" in shown
        assert "answer with: vesiflow line answer barcode=<text> --line sim\n" in shown
        asked = cli("line", "prompt").out
        assert "answer with: vesiflow line answer barcode=<text>" in asked
        assert "cutoff: 300 kDa" in asked

        wrong = cli("line", "answer", "code=1", "--who", "Ada")
        assert (wrong.code, len(wrong.err.splitlines())) == (2, 1)
        assert "wrong fields (got code, allowed barcode)" in wrong.err
        early = cli("line", "restart", "--who", "Ada").err
        assert early == f"vesiflow line restart: not possible while Execute; {POSSIBLE}\n"
        assert cli("line", "hold", "--who", "Ada", "--reason", "lunch").out == "b1: Holding\n"
        refused = cli("line", "clear", "--batch", "b1", "--who", "Ada")
        assert (refused.code, refused.err.count("\n")) == (1, 1)
        assert refused.err.startswith("vesiflow line clear: not possible while Hold")
        assert cli("line", "answer", "barcode=HF300-235", "--who", "Ada").out == "answered as Ada\n"
        assert cli("line", "doubts").out == "nothing is in doubt\n"
        assert cli("line", "stop", "--who", "Ada").out.startswith("b1: Stop")

        entries = [text.split(" ", 4) for text in cli("line", "events").out.splitlines()]
        assert {"batch.created", "prompt.asked", "prompt.answered", "batch.state"} <= {entry[2] for entry in entries}
        assert next(entry for entry in entries if "lunch" in entry[4])[2:4] == ["batch.state", "b1"]


def test_a_service_that_ends_while_a_person_is_asked_stops_the_batch(line: LineFile, cli: Cli) -> None:
    with served(line) as url:
        begin(url, line, "b1")
    listed = cli("batch", "list").out
    assert "Stopped" in listed


def test_an_alarm_is_seen_shelved_and_acknowledged(line: LineFile, cli: Cli) -> None:
    with served(line) as url:
        assert cli("line", "alarms").out == "no alarms\n"
        begin(url, line, "b1")
        cli("line", "answer", "barcode=WRONG", "--who", "Ada")
        shown = cli("line", "alarms").out
        name = next(word for word in shown.split() if word.endswith("@b1"))
        assert "found WRONG" in " ".join(shown.split())
        for wrong in (["nobody@b1", "--who", "Ada"], [name, "--who", " "]):
            refused = cli("line", "acknowledge", *wrong)
            assert (refused.code in (1, 2), refused.err.count("\n")) == (True, 1)
        shelved = cli("line", "shelve", name, "--who", "Ada", "--reason", "known", "--duration", "10 furlong")
        assert (shelved.code, "--duration" in shelved.err) == (2, True)
        seen = cli("line", "acknowledge", name, "--who", "Ada", "--comment", "right module is on its way")
        assert seen.out == f"{name}: Acknowledged\n"
        assert cli("line", "acknowledge", name, "--who", "Ada", "--comment", "twice").code == 1
        cli("line", "stop", "--who", "Ada")


def test_a_unit_alone_is_commanded_and_a_batch_by_its_name(line: LineFile, cli: Cli) -> None:
    with served(line) as url:
        assert cli("line", "abort", "--unit", "sec", "--who", "Ada", "--reason", "leak").out.startswith("sec: Abort")
        begin(url, line, "b1")
        both = cli("line", "hold", "b1", "--unit", "tff", "--who", "Ada")
        assert (both.code, "not both" in both.err) == (2, True)
        assert cli("line", "stop", "b1", "--who", "Ada").out.startswith("b1: Stop")
        assert "sec Aborted" in cli("line", "status").out
