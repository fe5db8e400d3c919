"""docs/how-to/work-with-one-instrument.md: every command of the page is run, what it shows is what it prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from console import scan
from devices.line_file import load_line

from .conftest import Cli

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "work-with-one-instrument.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[list[str], str]]:
    """(words, what the page shows below it)."""
    found = []
    for block in BLOCKS:
        for part in block.split("$ ")[1:]:
            command, _, shown = part.partition("\n")
            found.append((shlex.split(command), shown))
    return found


def test_the_page_runs(
    cli: Cli, served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    port = load_line(served).instruments["permeate"].at
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scan, "serial_ports", lambda: [])  # not this machine's
    (tmp_path / "bench.yaml").write_text(served.read_text())
    for words, shown in commands():
        if words[0] == "pytest":
            paths = [tmp_path / name for name in words[1:]]
            pytester.runpytest_inprocess(*paths, "-p", "no:cacheprovider").assert_outcomes(passed=len(paths))
            continue
        result = cli(*(port if word == "/dev/ttyUSB0" else word for word in words[1:]))
        assert (result.code, result.err) == (0, ""), words
        assert shown.strip() in result.out.replace(port, "/dev/ttyUSB0"), words


def test_the_page_names_all_commands_for_one_instrument() -> None:
    for name in ("line scan", "line check", "device", "capture"):
        assert any(" ".join(words[1:3]).startswith(name) for words, _ in commands()), name
