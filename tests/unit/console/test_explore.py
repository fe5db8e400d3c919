"""`vesiflow explore` and `vesiflow optimise`: tables, pictures, and one line for what cannot be done."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from console.cli import execute

SHELF = "primary_drying.temperature=-30..-26 degC"


def test_a_study_is_a_table_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, plot = tmp_path / "t.csv", tmp_path / "p.svg"
    arguments = ["--vary", SHELF, "--samples", "2", "--cores", "1", "--out", str(out), "--plot", str(plot)]
    assert execute(["explore", "lyophilization", *arguments]) == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["outcome"] for row in rows] == ["complete", "complete"]
    column = next(name for name in rows[0] if name.endswith("primary_drying.temperature [degC]"))
    assert all(-30.0 <= float(row[column]) <= -26.0 for row in rows)
    assert all(30.0 < float(row["duration [h]"]) < 120.0 for row in rows)
    assert plot.read_text(encoding="utf-8").startswith("<?xml")
    assert "2 batches: 2 complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--vary", "nothing=1..2"], "is no path of this recipe"),
        (["--vary", "primary_drying.temperature=-30..-26 mL"], "expected a unit like degC"),
        (["--vary", "primary_drying.temperature=-26..-30 degC"], "lower end is above"),
        (["--vary", SHELF, "--vary", SHELF], "is varied twice"),
        (["--vary", SHELF, "--samples", "0"], "out of range"),
        (["--vary", SHELF, "--cores", "0"], "must be at least 1"),
        (["--vary", SHELF, "--seed", "-1"], "must not be negative"),
        (["--vary", SHELF, "--out", "table.txt"], ".csv or .parquet"),
        (["--vary", SHELF, "--plot", "picture.bmp"], "a plot ends in"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["explore", "lyophilization", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("vesiflow explore: ")
    assert reason in said.err


def test_the_optimum_is_faster_and_keeps_its_margin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "space.svg"
    assert execute(["optimise", "lyophilization", "lyophilization", "--margin", "2 K", "--plot", str(plot)]) == 0
    said = capsys.readouterr().out
    row = next(line for line in said.splitlines() if "primary drying of centre vials" in line)
    hours = [float(number) for number in re.findall(r"(\d+\.\d) h", row)]
    assert hours[1] < hours[0]
    assert "- primary_drying: {temperature: " in said
    assert plot.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["sec"], "has no primary_drying"),
        (["lyophilization", "--margin", "2 mL"], "expected a unit like K"),
        (["lyophilization", "--margin=-2 K"], "out of range"),
        (["lyophilization", "--margin", "20 K"], "no programme keeps the product below its limit"),
        (["lyophilization", "--plot", "space.txt"], "a plot ends in"),
    ],
)
def test_what_cannot_be_optimised_is_one_line(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["optimise", "lyophilization", *arguments]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert reason in said.err
