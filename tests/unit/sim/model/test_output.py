"""What people see of a result: rows with units, pictures, the command's standard output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from console.model import model
from sim.model.curves import CURVES
from sim.model.evaluate import CALCULATIONS, evaluate
from sim.model.plot import plot
from sim.model.table import described, rows
from sim.model.validation import cases
from vesiflow.errors import ConfigError

FOLDER = Path(__file__).parents[3] / "data" / "cases"
GOOD = {(case.unit, case.calculation): case.content for case in cases(FOLDER)}


def written(tmp_path: Path, unit: str, calculation: str) -> Path:
    path = tmp_path / f"{calculation}.yaml"
    path.write_text(yaml.safe_dump(GOOD[unit, calculation]))
    return path


@pytest.mark.parametrize(
    ("key", "label", "unit"),
    [
        ("wall_shear_1_s", "wall shear", "1/s"),
        ("max_flux_kg_h_m2", "max flux", "kg/h/m2"),
        ("charge_C", "charge", "C"),
        ("max_Tbot_C", "max Tbot", "degC"),
        ("hydraulic_permeability_LMH_bar", "hydraulic permeability", "L/m2/h/bar"),
        ("V_at_5ms", "V at 5ms", "V"),
        ("log_reduction", "log reduction", ""),
    ],
)
def test_labels_and_units_come_from_the_key(key: str, label: str, unit: str) -> None:
    assert described(key) == (label, unit)


def test_rows_hold_every_number(tmp_path: Path) -> None:
    result = evaluate("sec", written(tmp_path, "sec", "grm"))
    found = rows(result)
    assert len(found) == sum(7 + len(species["fraction_mass"]) for species in result.values())
    assert ("EV: first moment", result["EV"]["first_moment_s"], "s") in found


@pytest.mark.parametrize(("unit", "calculation"), list(CURVES))
def test_every_curve_is_drawn(tmp_path: Path, unit: str, calculation: str) -> None:
    target = tmp_path / "curve.svg"
    plot(unit, written(tmp_path, unit, calculation), target)
    assert b"<svg" in target.read_bytes()


def test_only_a_definition_has_no_curve(tmp_path: Path) -> None:
    known = {(unit, name) for unit, calculations in CALCULATIONS.items() for name in calculations}
    assert known - set(CURVES) == {("tff", "tmp")}
    with pytest.raises(ConfigError, match="tmp has no curve to plot"):
        plot("tff", written(tmp_path, "tff", "tmp"), tmp_path / "curve.svg")


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    case = written(tmp_path, "tff", "shear")
    with pytest.raises(ConfigError, match=r"a plot ends in \.svg"):
        plot("tff", case, tmp_path / "curve.docx")
    with pytest.raises(ConfigError, match="cannot be written: no such file or directory"):
        plot("tff", case, tmp_path / "nowhere" / "curve.svg")


def test_the_command_prints_one_object_or_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = written(tmp_path, "tff", "shear")
    model("tff", case, json=True)
    assert json.loads(capsys.readouterr().out) == evaluate("tff", case)
    model("tff", case, plot=tmp_path / "shear.png")
    assert "9506.86" in capsys.readouterr().out
    assert (tmp_path / "shear.png").stat().st_size > 1000
