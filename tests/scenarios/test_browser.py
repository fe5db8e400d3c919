"""The operator's page of a line that wants a token, in a real browser: log in, act, log out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from line.access import VARIABLE
from records.journal_reader import JournalReader

from .browser import Browser, browser, installed
from .test_line_service import Shell, begin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("line service"),
    pytest.mark.skipif(installed() is None, reason="Chromium is not installed"),
]

TOKEN = "canary-Zq7-not-to-be-seen"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    found = Shell(tmp_path)
    with found.stack:
        yield found


def asking(folder: Path) -> Path:
    """The packaged line, its operator asked at the controller."""
    packaged = Path(__file__).parents[2] / "deployments" / "lines" / "sim.yaml"
    text = packaged.read_text(encoding="utf-8").replace("name: sim", "name: asking")
    path = folder / "asking.yaml"
    path.write_text(text.replace('"sim://bench/operator"', "console"), encoding="utf-8")
    return path


def test_a_technician_logs_in_holds_the_batch_and_logs_out(shell: Shell, tmp_path: Path) -> None:
    line = asking(tmp_path)
    shell.serve(str(line), "asking", "line.log")
    asyncio.run(begin(shell.url("asking"), str(line), "b1"))
    page = shell.url("asking") + "/"
    with browser(tmp_path) as tab:
        tab.go(page)
        assert tab.run("document.querySelector('#token') !== null")
        assert tab.run("document.body.innerText.includes('b1')") is False
        log_in(tab, "a-token-that-is-another-one")
        tab.until("document.body.innerText.includes('this is not the token of the line')")
        log_in(tab, TOKEN)
        tab.until("document.body.innerText.includes('b1') && document.querySelector('#link').className === 'live'")
        assert tab.run("document.cookie") == "", "no script reads the session"
        assert tab.run("fetch('/line').then((answer) => answer.status)") == 401, "the session opens the page only"
        tab.fill("#who", "Ada")
        tab.fill("form.command input[name=reason]", "a look")
        tab.press("form.command button[value=Hold]")
        tab.until("document.querySelector('.state.holding, .state.held') !== null")
        tab.fill("form.ask input[name='field.barcode']", "HF300-235")
        tab.press("form.ask button")
        tab.until("document.querySelector('.state.held') !== null")
        for width in (1280, 390):
            tab.picture(tmp_path / f"page-{width}.png", width)
            assert tab.run("document.documentElement.scrollWidth") <= width
        tab.press("form.logout button")
        tab.until("document.querySelector('#token') !== null")
        tab.picture(tmp_path / "login-390.png", 390)
        tab.go(page)
        assert tab.run("document.querySelector('#token') !== null")
    with JournalReader(shell.store.journal("asking")) as journal:
        for kind in ("batch.state", "prompt.answered"):
            assert any("Ada" in entry.data.values() for entry in journal.events("b1", [kind])), kind
    assert TOKEN not in (tmp_path / "line.log").read_text()


def log_in(tab: Browser, token: str) -> None:
    tab.fill("#token", token)
    tab.press("form.login button")
