"""What `vesiflow sim serve` refuses, and the line file it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.line_file import line_from_text, load_line
from devices.readdress import readdressed

from .conftest import Cli


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("", "one of --tcp and --pty"),
        ("--tcp --pty", "one of --tcp and --pty"),
        ("--tcp --speed 0", "no speed"),
        ("--tcp --speed nan", "no speed"),
        ("--tcp --speed 1e9", "no speed"),
        ("--tcp --port 80", "no port"),
        ("--tcp --port 65530", "no port"),
        ("--tcp --write-line /tmp", "cannot be written"),
        ("--tcp --ledger /tmp", "cannot be written"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments: str, says: str, cli: Cli) -> None:
    result = cli("sim", "serve", "sim", *arguments.split())
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert len(result.err.splitlines()) == 1


def test_a_line_without_a_plant_cannot_be_served(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "real.yaml"
    path.write_text("name: real\nclock: wall\ninstruments: {}\nroles: {}\n", encoding="utf-8")
    result = cli("sim", "serve", path, "--tcp")
    assert result.code == 2
    assert "line real: nothing stands behind its instruments" in result.err


def test_the_written_line_is_the_same_line_elsewhere() -> None:
    line = load_line("sim")
    where = {spec.at: f"socket://127.0.0.1:{5000 + n}" for n, spec in enumerate(line.instruments.values())}
    written = line_from_text(readdressed(line, where, "emulated", 50.0))
    assert (written.name, written.clock, written.speed, written.simulation) == ("emulated", "scaled", 50.0, None)
    assert written.roles == line.roles
    assert written.safe_state == line.safe_state
    assert {name: spec.at for name, spec in written.instruments.items()} == {
        name: where[spec.at] for name, spec in line.instruments.items()
    }
    assert {name: spec.options for name, spec in written.instruments.items()} == {
        name: spec.options for name, spec in line.instruments.items()
    }
