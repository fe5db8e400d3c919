"""The command line: help, exit codes, one line per error, nothing heavy before it is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import console.recipe
from console.commands import COMMANDS, Command
from vesiflow import __version__

from .conftest import Cli

HEAVY = ("prefect", "pint", "numpy", "pydantic", "scipy", "rich", "cyclopts", "fastapi", "httpx", "asyncio")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys; from console.cli import execute; assert execute({arguments!r}) == 0;"
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_help_names_every_command(cli: Cli) -> None:
    result = cli("--help")
    assert result.code == 0
    for item in COMMANDS:
        assert f"  {item.name} " in result.out


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"vesiflow {__version__}\n"


@pytest.mark.parametrize("item", COMMANDS, ids=lambda item: item.name)
def test_every_command_explains_itself_with_an_example(item: Command, cli: Cli) -> None:
    result = cli(*item.name.split(), "--help")
    assert result.code == 0
    assert f"Usage: vesiflow {item.name}" in result.out
    assert f"Example: {item.example}" in " ".join(result.out.split())
    assert item.example.startswith(f"vesiflow {item.name}")


@pytest.mark.parametrize(
    ("arguments", "prefix", "says"),
    [
        ("nonsense", "vesiflow", "Unknown command"),
        ("simulate", "vesiflow simulate", "RECIPE"),
        ("simulate tff --seed x", "vesiflow simulate", "--seed"),
        ("simulate tff --sed 3", "vesiflow simulate", "--seed"),
        ("simulate nope", "vesiflow simulate", "'nope' is neither a file nor a packaged recipe"),
        ("simulate exosom", "vesiflow simulate", "did you mean 'exosome'"),
        ("simulate tff --line nope", "vesiflow simulate", "unknown line 'nope'"),
        ("simulate tff --volume 3", "vesiflow simulate", "'3' is a bare number"),
        ("run tff --volume=-1L", "vesiflow run", "must be greater than 0"),
        ("batch show nope", "vesiflow batch show", "nope"),
        ("recipe show nope", "vesiflow recipe show", "nope"),
        ("line check nope", "vesiflow line check", "unknown line"),
        ("line serve sim --port 0", "vesiflow line serve", "port"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: str, prefix: str, says: str, cli: Cli, tmp_path: Path
) -> None:
    result = cli(*arguments.split())
    assert result.code == 2
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith(f"{prefix}: ")
    assert says in result.err
    assert not (tmp_path / "vesiflow-home").exists()


def test_all_problems_of_a_recipe_each_on_its_line(cli: Cli, tmp_path: Path) -> None:
    result = cli("check", "bad_tff")
    assert result.code == 2
    lines = result.err.splitlines()
    assert len(lines) > 5
    assert all(re.match(r"vesiflow check: bad_tff\.yaml:\d+: ", line) for line in lines)
    assert not (tmp_path / "vesiflow-home").exists()


def test_a_bug_is_one_line_and_a_file_with_the_traceback(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> None:
        raise RuntimeError("two pumps, one tube")

    monkeypatch.setattr(console.recipe, "list_", broken)
    result = cli("recipe", "list")
    assert result.code == 1
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("vesiflow recipe list: internal error: RuntimeError: two pumps, one tube")
    path = Path(result.err.split()[-1])
    assert path.is_relative_to(tmp_path / "vesiflow-home" / "crashes")
    assert "Traceback (most recent call last)" in path.read_text(encoding="utf-8")


def test_line_check_asks_every_instrument(cli: Cli) -> None:
    result = cli("line", "check", "sim")
    assert result.code == 0
    assert "all 22 instruments answer" in result.out
    assert "TPG362" in result.out
