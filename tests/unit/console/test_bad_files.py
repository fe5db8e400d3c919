"""Every kind of wrong recipe and line file: exit code 2, each problem one line with file and line, nothing written."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from .conftest import Cli

RECIPE = files("protocols").joinpath("recipes/tff.yaml").read_text(encoding="utf-8")
LINE = files("deployments").joinpath("lines/sim.yaml").read_text(encoding="utf-8")

RECIPES = {
    "wrong unit": ("tmp: 2 psi", "tmp: 2 mL", "'2 mL' is in mL, expected a unit like Pa"),
    "bare number": ("tmp: 2 psi", "tmp: 2", "'2' is a bare number"),
    "unknown key": ("shear: 4000 1/s", "shaer: 4000 1/s", "unknown key; did you mean 'shear'?"),
    "out of range": ("tmp: 2 psi", "tmp: 30 psi", "30 psi is outside 0.3 to 20 psi"),
    "no YAML": ("recipe: tff", "recipe: [tff", "did not find expected"),
}
LINES = {
    "two on one port": ("sim://tff/reglo", "sim://tff/feed", "sim://tff/feed is already taken by feed"),
    "role nobody can give": ("{instrument: feed, ", "{instrument: back_pressure, ", "alicat_pcd cannot be a pump"),
    "missing instrument": ("{instrument: feed, ", "{instrument: fed, ", "no instrument 'fed' on this line"),
    "wrong unit of a limit": ("0..300 mL/min", "0..300 psi", "'0 psi' is in psi"),
    "unknown key": ("clock: virtual", "clok: virtual", "clok: unknown key"),
    "unknown driver": ("watson_marlow_323", "watson", "watson"),
}


def refused(cli: Cli, home: Path, where: str, *arguments: object) -> str:
    """What a command says; it must end with 2, name file and line on every line, and have written nothing."""
    result = cli(*arguments)
    assert result.code == 2
    assert result.out == ""
    for line in result.err.splitlines():
        assert re.match(rf"vesiflow {arguments[0]}: \S*{where}:\d+: ", line), line
    assert not home.exists()
    return result.err


@pytest.mark.parametrize("command", ["check", "simulate", "run"])
@pytest.mark.parametrize("kind", RECIPES)
def test_a_wrong_recipe(kind: str, command: str, cli: Cli, tmp_path: Path) -> None:
    right, wrong, says = RECIPES[kind]
    assert right in RECIPE
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE.replace(right, wrong, 1), encoding="utf-8")
    assert says in refused(cli, tmp_path / "vesiflow-home", "mine.yaml", command, path)


@pytest.mark.parametrize("command", ["check", "simulate", "run"])
@pytest.mark.parametrize("kind", LINES)
def test_a_wrong_line(kind: str, command: str, cli: Cli, tmp_path: Path) -> None:
    right, wrong, says = LINES[kind]
    assert right in LINE
    path = tmp_path / "bench.yaml"
    path.write_text(LINE.replace(right, wrong, 1), encoding="utf-8")
    assert says in refused(cli, tmp_path / "vesiflow-home", "bench.yaml", command, "tff", "--line", path)


def test_a_role_that_the_line_has_not(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "bench.yaml"
    path.write_text(re.sub(r"  tff.permeate_balance:.*\n", "", LINE), encoding="utf-8")
    said = refused(cli, tmp_path / "vesiflow-home", "tff.yaml", "run", "tff", "--line", path)
    assert "line 'sim' has no role tff.permeate_balance" in said


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"- a list"])
def test_a_file_that_is_no_recipe(content: bytes, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    refused(cli, tmp_path / "vesiflow-home", "mine.yaml", "simulate", path)
    refused(cli, tmp_path / "vesiflow-home", tmp_path.name, "simulate", tmp_path)
