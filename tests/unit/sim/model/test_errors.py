"""Bad input: one line that names file, key and reason."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.model.evaluate import evaluate
from sim.model.validation import cases
from vesiflow.errors import ConfigError

FOLDER = Path(__file__).parents[3] / "data" / "cases"
GOOD = {(case.unit, case.calculation): case.content for case in cases(FOLDER)}
MISSING = object()


def told(tmp_path: Path, unit: str, content: Any, name: str = "gel.yaml") -> str:
    """The line that a wrong case is answered with."""
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    with pytest.raises(ConfigError) as caught:
        evaluate(unit, path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{name}: ")
    assert caught.value.exit_code == 2
    return line.removeprefix(f"{name}: ")


def changed(unit: str, calculation: str, key: str, value: Any) -> dict[str, Any]:
    """A good case with one value replaced; dots and [i] go inside."""
    content = copy.deepcopy(GOOD[unit, calculation])
    *parents, last = key.replace("[", ".").replace("]", "").split(".")
    at: Any = content
    for part in parents:
        at = at[int(part) if isinstance(at, list) else part]
    if value is MISSING:
        del at[last]
    else:
        at[int(last) if isinstance(at, list) else last] = value
    return content


def test_the_line_is_exactly_this(tmp_path: Path) -> None:
    line = told(tmp_path, "tff", changed("tff", "gel_flux", "start_volume", "-1 L"))
    assert line == "start_volume: must be greater than 0 (got -1 L)"
    line = told(tmp_path, "tff", changed("tff", "run", "species[1].sieving", 1.4), "run.yaml")
    assert line == "species[1].sieving: must be between 0 and 1 (got 1.4)"


@pytest.mark.parametrize(
    ("unit", "calculation", "key", "value", "reason"),
    [
        ("tff", "shear", "feed_flow", "0 mL/min", "must be greater than 0"),
        ("tff", "shear", "feed_flow", 100, "wrong dimension"),
        ("tff", "shear", "feed_flow", "100 mL", "wrong dimension"),
        ("tff", "shear", "feed_flow", "fast", "is not a number"),
        ("tff", "shear", "feed_flow", True, "is not a number"),
        ("tff", "shear", "feed_flow", None, "is not a number"),
        ("tff", "shear", "feed_flow", [1], "is not a number"),
        ("tff", "shear", "feed_flow", "1e999 mL/min", "is not a finite number"),
        ("tff", "shear", "feed_flow", float("nan"), "is not a finite number"),
        ("tff", "shear", "feed_flow", 10**400, "is not a finite number"),
        ("tff", "shear", "feed_flow", "5 furlongs/blink", "has a unit nobody knows"),
        ("tff", "shear", "fibre_count", 0, "must be at least 1"),
        ("tff", "shear", "fibre_count", 1.5, "must be a whole number"),
        ("tff", "shear", "fibre_count", "many", "is not a number"),
        ("tff", "shear", "viscosity", MISSING, "is missing"),
        ("tff", "concentration", "end_volume", "1 L", "must be less than start_volume"),
        ("tff", "concentration", "start_concentration", "-1 g/L", "must be at least 0"),
        ("tff", "concentration", "start_concentration", "1 s", "wrong dimension"),
        ("tff", "concentration", "start_concentration", True, "is not a number"),
        ("tff", "concentration", "start_concentration", "much", "is not a number"),
        ("tff", "concentration", "species", 3, "must be a text"),
        ("tff", "diafiltration", "diavolumes", -1, "must be at least 0"),
        ("tff", "diafiltration", "sieving", "120 percent", "must be between 0 and 1"),
        ("tff", "discontinuous_diafiltration", "dilution_ratio", 1, "must be greater than 1"),
        ("tff", "gel_flux", "start_concentration", "150 g/L", "must stay below gel_concentration"),
        ("tff", "gel_flux", "start_concentration", "20 g/L", "must stay below gel_concentration"),
        ("tff", "gel_flux", "start_concentration", "0 g/L", "must be greater than 0"),
        ("tff", "gel_flux", "rejection", -0.1, "must be between 0 and 1"),
        ("tff", "resistance_in_series", "fouling_resistance", "-1 1/m", "must be at least 0"),
        ("tff", "hermia", "mechanism", "clogging", "must be one of complete, standard, intermediate, cake"),
        ("tff", "hermia", "time", "-1 h", "must be at least 0"),
        ("tff", "osmotic", "osmotic_coefficients", [], "must not be empty"),
        ("tff", "osmotic", "osmotic_coefficients[1]", "0.6 Pa*L/g", "wrong dimension"),
        ("tff", "osmotic", "osmotic_coefficients[0]", "-1 Pa*L/g", "must be at least 0"),
        ("tff", "osmotic", "osmotic_coefficients", "36 Pa*L/g", "must be a list"),
        ("tff", "run", "gel_species", "sugar", "must be one of the species"),
        ("tff", "run", "species", [], "must not be empty"),
        ("tff", "run", "species", "EV", "must be a list"),
        ("tff", "run", "species[2].name", "EV", "must be unique"),
        ("tff", "run", "species[0].charge", 1, "unknown key"),
        ("tff", "run", "species[1].concentration", "0 g/L", "must be greater than 0"),
        ("tff", "run", "species[1].concentration", "149 g/L", "must stay below gel_concentration"),
        ("tff", "run", "species[1].concentration", "1 1/L", "wrong dimension"),
        ("tff", "run", "end_volume", "3 L", "must be less than start_volume"),
        ("sec", "grm", "bed_porosity", 1, "must be strictly between 0 and 1"),
        ("sec", "grm", "species[0].accessibility", 1.01, "must be between 0 and 1"),
        ("sec", "grm", "species[0].pore_diffusivity", "0 m^2/s", "must be greater than 0"),
        ("sec", "edm", "partition_coefficient", -0.1, "must be between 0 and 1"),
        ("sec", "edm", "peclet", 0, "must be greater than 0"),
        ("sec", "edm", "fraction_count", 10**9, "must be at most"),
        ("electroporation", "exponential", "resistance", MISSING, "is missing"),
        ("electroporation", "exponential", "start_temperature", "-300 degC", "must be greater than -273.15 degC"),
        ("electroporation", "exponential", "start_temperature", "0 K", "must be greater than -273.15 degC"),
        ("electroporation", "square", "pulse_count", "2.5", "must be a whole number"),
        ("electroporation", "membrane", "angle", 60, "has no unit"),
        ("electroporation", "loading_ceiling", "bilayer", "75 nm", "must be less than half of diameter"),
        ("lyophilization", "primary_drying", "vial.area", "0 cm^2", "must be greater than 0"),
        ("lyophilization", "primary_drying", "vial.colour", "red", "unknown key"),
        ("lyophilization", "primary_drying", "vial", 3, "must be a mapping"),
        ("lyophilization", "primary_drying", "product.solid_content", "1.6 g/mL", "must be between 0 and 1.5 g/mL"),
        ("lyophilization", "primary_drying", "shelf.ramp", "1 degC/min", "a ramp is in K/min"),
        ("lyophilization", "primary_drying", "shelf.ramp", "0 K/min", "must be greater than 0"),
        ("lyophilization", "primary_drying", "shelf.init", MISSING, "is missing"),
        ("lyophilization", "primary_drying", "shelf.setpoints[0]", "-400 degC", "must be greater than -273.15 degC"),
        ("lyophilization", "primary_drying", "shelf.durations", ["1 h"] * 5, "must have as many entries as setpoints"),
        ("lyophilization", "primary_drying", "chamber_pressure.setpoints[0]", "0 torr", "must be greater than 0"),
        ("lyophilization", "point", "dry_layer", "1 cm", "must not be more than fill_height"),
        ("lyophilization", "point", "chamber_pressure", "5 torr", "nothing sublimes"),
        ("lyophilization", "point", "product.solid_content", "1 g/mL", "unknown key"),
        ("lyophilization", "freezing", "freezing_temperature", "-41 degC", "must be above shelf_temperature"),
        ("lyophilization", "freezing", "nucleation_temperature", "-1 degC", "not above freezing_temperature"),
        ("lyophilization", "freezing", "nucleation_temperature", "-40 degC", "must be above shelf_temperature"),
        ("lyophilization", "secondary_drying", "time", "-1 h", "must be at least 0"),
        ("lyophilization", "pirani", "water_fraction", 1.2, "must be between 0 and 1"),
        ("lyophilization", "equipment_capability", "slope", "0 kg/h/torr", "must be greater than 0"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(
    tmp_path: Path, unit: str, calculation: str, key: str, value: Any, reason: str
) -> None:
    line = told(tmp_path, unit, changed(unit, calculation, key, value))
    assert line.startswith(f"{key}: ")
    assert reason in line


def test_nucleation_must_lie_below_the_start(tmp_path: Path) -> None:
    line = told(tmp_path, "lyophilization", changed("lyophilization", "freezing", "start_temperature", "-7 degC"))
    assert line.startswith("nucleation_temperature: must be below start_temperature")


def test_a_recipe_that_ends_too_early(tmp_path: Path) -> None:
    content = changed("lyophilization", "primary_drying", "shelf.durations", ["120 min"])
    content["shelf"]["setpoints"] = ["20 degC"]
    content["chamber_pressure"]["durations"] = ["30 min"]
    assert told(tmp_path, "lyophilization", content) == "shelf: not dry at the end of the recipe"


def test_a_ramp_that_never_arrives_dries_nothing(tmp_path: Path) -> None:
    content = changed("lyophilization", "primary_drying", "shelf.ramp", "1e-4 K/min")
    line = told(tmp_path, "lyophilization", content)
    assert line == "shelf: not dry at the end of the recipe"


def test_pressure_above_that_of_the_ice_never_dries(tmp_path: Path) -> None:
    content = copy.deepcopy(GOOD["lyophilization", "primary_drying"])
    content["shelf"] |= {"init": "-45 degC", "setpoints": ["-44 degC"], "durations": ["100000 h"]}
    assert told(tmp_path, "lyophilization", content) == "shelf: not dry at the end of the recipe"


def test_ice_that_would_melt_is_refused(tmp_path: Path) -> None:
    content = changed("lyophilization", "primary_drying", "product.R0", "500 cm^2*h*torr/g")
    content["shelf"] |= {"setpoints": ["80 degC"], "durations": ["1000 h"]}
    assert told(tmp_path, "lyophilization", content).startswith("shelf: the ice melts")


def test_a_run_without_protein_has_no_purity(tmp_path: Path) -> None:
    content = copy.deepcopy(GOOD["tff", "run"])
    content["gel_species"] = "salt"
    content["species"][1]["concentration"] = "0 g/L"
    line = told(tmp_path, "tff", content)
    assert line.startswith("species[1].concentration: no protein is left at the end")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("calculation: shear\ncalculation: tmp\n", "calculation: stands twice"),
        ("a: {b: 1, b: 2}\n", "a.b: stands twice"),
        ("a:\n- {b: 1, b: 2}\n", "a[0].b: stands twice"),
        ("", "-: is not a mapping of keys to values"),
        ("- 1\n", "-: is not a mapping of keys to values"),
        ("just text", "-: is not a mapping of keys to values"),
        ("feed_flow: 1 L/h\n", "calculation: is missing"),
        ("calculation: 7\n", "calculation: must be one of shear"),
        ("calculation: grm\n", "calculation: grm is a calculation of sec, not of tff"),
        ("calculation: [\n", "-: is not YAML: "),
        ("a: b: c\n", "-: is not YAML: "),
        ("a: !!python/object:os.system x\n", "-: is not YAML: "),
        ("? [1, 2]\n: 3\n", "-: is not YAML: "),
        ("a: 1\n---\nb: 2\n", "-: is not YAML: "),
        ("calculation: tmp\nfeed_presure: 1 psi\n", "feed_presure: unknown key, did you mean feed_pressure?"),
        ("calculation: tmp\n1: 2\n", "1: unknown key"),
        ("calculation: optimal_diafiltration\ngel_concentration: &a [*a]\n", "gel_concentration: is not a number"),
    ],
)
def test_a_file_that_is_no_case(tmp_path: Path, text: str, line: str) -> None:
    found = told(tmp_path, "tff", text)
    assert found.startswith(line)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.yaml: -: no such file$"):
        evaluate("tff", tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match=r": -: cannot be read: is a directory$"):
        evaluate("tff", tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(ConfigError, match=r"^binary\.yaml: -: is not YAML: "):
        evaluate("tff", binary)
    with pytest.raises(ConfigError, match=r"unknown unit hplc"):
        evaluate("hplc", binary)


@pytest.mark.parametrize(
    ("written", "number"),
    [("5e9", 5e9), (5e9, 5e9), ("1e-6", 1e-6), (".5", 0.5), ("8 percent", 8.0), ("2.5 g/L", 2.5), ("3 umol/L", 3.0)],
)
def test_numbers_that_yaml_reads_as_text(tmp_path: Path, written: Any, number: float) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(changed("tff", "concentration", "start_concentration", written)))
    result = evaluate("tff", path)
    start, sieving = number, float(GOOD["tff", "concentration"]["sieving"])
    assert result["C_final"] == pytest.approx(start * result["VCF"] ** (1.0 - sieving))


def test_units_of_another_size_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(GOOD["lyophilization", "secondary_drying"]))
    known = evaluate("lyophilization", path)
    other = {"temperature": "313.15 K", "time": "360 min", "initial_moisture": 0.08}
    path.write_text(yaml.safe_dump(GOOD["lyophilization", "secondary_drying"] | other))
    assert evaluate("lyophilization", path) == pytest.approx(known)


def test_a_layer_that_is_all_of_the_height_in_another_unit_is_dry(tmp_path: Path) -> None:
    content = changed("lyophilization", "point", "fill_height", "0.7468845497955996 cm")
    content["dry_layer"] = f"{0.7468845497955996 * 10} mm"
    path = tmp_path / "point.yaml"
    path.write_text(yaml.safe_dump(content))
    assert evaluate("lyophilization", path)["Tsub_C"] == evaluate("lyophilization", path)["Tbot_C"]
