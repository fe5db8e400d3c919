"""Faults that name what the line or the recipe has not: refused with file, line, and what may have been meant."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sim.config import SENSORS
from sim.faults.director import attach
from sim.faults.files import catalogue, load
from sim.faults.model import Fault
from sim.faults.unknown import refuse_phases
from sim.ledger import EVENTS
from sim.lines import build
from sim.tff_skid import PUMPS
from vesiflow.errors import ConfigError

ROOT = Path(__file__).parents[4]
KINDS = ("tff.concentrate", "electroporation.pulse", "sample")
SLIPS = "- id: a\n  level: plant\n  what: pump.slips\n  when: "


def read(folder: Path, text: str) -> tuple[Fault, ...]:
    path = folder / "faults.yaml"
    path.write_text(text)
    return load(path)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (SLIPS + "{event: pupmp}", 4, "no event 'pupmp'"),
        (SLIPS + "{event: feed pupmp}", 4, "did you mean 'feed pump'?"),
        (SLIPS + "{event: hang botle}", 4, "did you mean 'hang bottle'?"),
        (SLIPS + "{value: tff.volum, below: 1}", 4, "did you mean 'tff.volume'?"),
        ("- {id: a, level: instrument, what: valve.stuck,\n   settings: {at: sec/valve}}", 2, "no address 'sec/valve'"),
        ("- {id: a, level: plant, what: person.away, settings: {action: hang}}", 1, "no action 'hang'"),
    ],
)
def test_what_the_line_has_not_is_refused(text: str, line: int, reason: str, tmp_path: Path) -> None:
    simulated = build({}, lambda: 0.0)
    with pytest.raises(ConfigError) as caught:
        attach(simulated.bench, simulated.plant, read(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'faults.yaml'}:{line}: ")
    assert reason in str(caught.value)


def test_a_phase_that_the_recipe_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_phases(read(tmp_path, SLIPS + "{phase: concentrat}"), KINDS)
    assert str(caught.value) == (
        f"{tmp_path / 'faults.yaml'}:4: [0].when.phase: the recipe has no phase 'concentrat', "
        "did you mean 'concentrate'?; it has concentrate, pulse, sample"
    )


@pytest.mark.parametrize("phase", ["concentrate", "tff.concentrate", "sample"])
def test_a_phase_is_named_by_its_whole_name_or_its_last_word(phase: str, tmp_path: Path) -> None:
    refuse_phases(read(tmp_path, SLIPS + f"{{phase: {phase}}}"), KINDS)


def test_a_fault_of_no_file_is_told_by_its_id() -> None:
    fault = Fault.model_validate({"id": "a", "level": "plant", "what": "pump.slips", "when": {"phase": "elute"}})
    with pytest.raises(ConfigError, match=r"^fault a: the recipe has no phase 'elute'"):
        refuse_phases([fault], KINDS)


def test_all_of_the_catalogue_is_known_to_the_line() -> None:
    simulated = build({}, lambda: 0.0)
    attach(simulated.bench, simulated.plant, [one for entry in catalogue().values() for one in entry.faults])
    assert set(simulated.plant.sensors) == set(SENSORS)


def test_every_kind_that_is_recorded_is_a_known_event() -> None:
    kinds = {f"{name} pump" for name in PUMPS}
    for path in (ROOT / "sim").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record":
                kinds |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    assert kinds == set(EVENTS)
