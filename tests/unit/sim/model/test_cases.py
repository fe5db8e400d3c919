"""Every validation case, through an input file and `evaluate`, within its tolerance."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from sim.model.evaluate import evaluate
from sim.model.validation import Case, cases, converted, limits, verdicts

FOLDER = Path(__file__).parents[3] / "data" / "cases"
CASES = cases(FOLDER)


def test_the_contract_reaches_every_calculation_and_case() -> None:
    found = Counter((case.unit, case.calculation) for case in CASES)
    contract = json.loads((FOLDER / "contract.json").read_text())
    assert set(found) == {(unit, name) for unit, known in contract.items() for name in known}
    assert len(CASES) == 53


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.unit}-{case.calculation}-{case.name}")
def test_case(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(case.content))
    result = evaluate(case.unit, path)
    json.dumps(result, allow_nan=False)
    outside = [verdict for verdict in verdicts(case, result) if verdict.used > 1.0]
    assert not outside


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.unit}-{case.calculation}-{case.name}")
def test_outputs_are_those_of_the_contract(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(case.content))
    result = evaluate(case.unit, path)
    outputs = json.loads((FOLDER / "contract.json").read_text())[case.unit][case.calculation]["outputs"]
    listed = {top for top in (key.split(".")[0] for key in outputs) if "<" not in top}
    assert listed <= set(result)
    if case.calculation == "edm":
        assert set(result) == listed


def test_mass_in_fractions_closes() -> None:
    grm = next(case for case in CASES if case.calculation == "grm")
    for species in grm.expected.values():
        assert sum(species["fraction_mass"]) == pytest.approx(1.0, abs=grm.tolerance["mass_balance_abs"])


def test_a_case_key_without_a_rule_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rule for V9_L"):
        converted({"V0_L": 1.0, "V9_L": 2.0}, {"V0_L": {"key": "start_volume", "unit": "L"}})


def test_the_nearest_tolerance_wins() -> None:
    tolerance = {"rel": 0.5, "abs": 3.0, "t50_rel": 0.01, "temperature_abs_C": 0.1, "t_max_flux_abs_h": 0.15}
    assert limits(tolerance, "t50_h", 10.0) == [0.1]
    assert limits(tolerance, "max_Tbot_C", -14.0) == [0.1]
    assert limits(tolerance, "t_max_flux_h", 1.0) == [0.15]
    assert limits(tolerance, "charge_C", 2.0) == [3.0, 1.0]
    assert limits({}, "anything", 2.0) == [0.002]
