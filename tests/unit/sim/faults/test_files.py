"""Fault files: units, names and errors with file and line; the catalogue is complete and in order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from line.state import Command
from sim.faults.files import catalogue, find, load
from sim.faults.injectors import HOST, INJECTORS, LEVELS, NEEDED, SETTINGS
from sim.faults.settings import COMMANDS
from vesiflow.documents import DocumentError
from vesiflow.errors import ConfigError

ROOT = Path(__file__).parents[4]
LISTED = json.loads((ROOT / "tests" / "data" / "faults.json").read_text())
GOOD = """
- id: draught
  level: instrument
  what: sensor.drift
  when: {event: hang bottle, count: 2, after: 2 min, within: 30 s, chance: 0.5, lasts: 1 h}
  settings: {sensor: tff.permeate_balance, rate: 0.3 g/min, step: -350 g}
- {id: hot, level: plant, what: shelf.heats, when: {phase: primary_drying}, settings: {rate: 3 K/min}}
- {id: warm, level: instrument, what: sensor.drift, settings: {sensor: lyo.shelf, step: 2 K, high: -20 degC}}
"""
WIRE = "- id: a\n  level: wire\n  what: wire.fault\n  settings: "
DRIFT = "- id: a\n  level: instrument\n  what: sensor.drift\n  settings: "


def written(folder: Path, text: str) -> Path:
    path = folder / "faults.yaml"
    path.write_text(text)
    return path


def test_units_become_inside_units(tmp_path: Path) -> None:
    draught, hot, warm = load(written(tmp_path, GOOD))
    assert draught.settings["rate"] == pytest.approx(5e-6)
    assert draught.settings["step"] == pytest.approx(-0.35)
    assert (draught.when.after, draught.when.within, draught.when.lasts) == (120.0, 30.0, 3600.0)
    assert hot.settings["rate"] == pytest.approx(0.05)
    assert warm.settings == {"sensor": "lyo.shelf", "step": 2.0, "high": -20.0}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("- {id: a, level: plant, what: tff.fowling}", 1, "nothing is called 'tff.fowling'"),
        ("\n- id: a\n  level: plant\n  what: tff.fouling\n  settings: {factr: 2}", 5, "has no such setting"),
        ("- {id: a, level: plant, what: tff.fouling, settings: {every: 3 mL}}", 1, "expected a unit like s"),
        ("- {id: a, level: wire, what: clock.step}", 1, "no fault of level wire"),
        ("- {id: a, level: plant, what: tff.fouling, when: {after: soon}}", 1, "after"),
        ("- {id: a, level: plant, what: pump.slips}\n- {id: a, level: plant, what: pump.slips}", 2, "there twice"),
        ("- {id: a, level: plant, what: pump.slips, when: {chance: 2}}", 1, "less than or equal to 1"),
        ("id: a", 1, "is not a list of faults"),
        ("- {id: a, level: plant, what: pump.slips, surprise: 1}", 1, "unknown key"),
        ("- id: a\n  level: wire\n  what: dryer.leak", 2, "dryer.leak is no fault of level wire; its level is plant"),
        (WIRE + "{at: tff/feed, fault: broken}", 4, "unknown fault 'broken'; allowed are no reply, deaf, late"),
        (WIRE + "{at: tff/feed, fault: deef}", 4, "did you mean 'deaf'?"),
        (WIRE + "{at: tff/feed, fault: late, seconds: -2 s}", 4, "must not be negative (got -2)"),
        (WIRE + "{at: tff/feed, fault: late, times: 0}", 4, "must be above 0 (got 0)"),
        (WIRE + "{at: tff/feed, fault: late, times: yes}", 4, "is not a number"),
        (WIRE + "{fault: late}", 4, "wire.fault needs the setting at"),
        ("- {id: a, level: plant, what: tff.empty, settings: {seconds: 0}}", 1, "must be above 0"),
        ("- {id: a, level: host, what: person.presses, settings: {command: Fly}}", 1, "allowed are Reset, Start, Stop"),
        (DRIFT + "{sensor: tff.permeate_balanc, rate: 1 g/min}", 4, "did you mean 'tff.permeate_balance'?"),
        (DRIFT + "{rate: 1 g/min}", 4, "sensor.drift needs the setting sensor"),
        ("- id: a\n  level: plant\n  what: pump.slips\n  when: {value: tff.feed}", 4, "add above or below"),
        ("- id: a\n  level: plant\n  what: pump.slips\n  when: {above: 1}", 4, "no value that they limit"),
        ("- {id: a, level: plant, what: pump.slips, when: {after: -5 min}}", 1, "greater than or equal to 0"),
        ("- {id: a, level: plant, what: pump.slips, when: {after: .inf}}", 1, "finite"),
        (
            "- {id: a, level: plant, what: pump.slips, when: {event: pulse, phase: pulse}}",
            1,
            "event and phase or value",
        ),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DocumentError) as caught:
        load(path)
    assert f"{path}:{line}: " in str(caught.value)
    assert reason in str(caught.value)


def test_an_unknown_sensor_is_told_once_and_not_as_a_unit(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        load(written(tmp_path, DRIFT + "{sensor: tff.permeate_balanc, rate: 1 g/min}"))
    assert len(caught.value.problems) == 1


def test_a_clock_may_jump_back(tmp_path: Path) -> None:
    (back,) = load(written(tmp_path, "- {id: a, level: host, what: clock.step, settings: {seconds: -1 h}}"))
    assert back.settings["seconds"] == -3600.0


def test_the_commands_are_those_of_the_line() -> None:
    assert list(COMMANDS) == [str(one) for one in Command]


def test_unknown_id() -> None:
    with pytest.raises(ConfigError, match="no such fault"):
        find("TFF-99")


def test_every_listed_fault_is_in_the_catalogue() -> None:
    assert len(LISTED) == 62
    assert {item["id"] for item in LISTED} <= set(catalogue())


def test_every_entry_is_proven_and_uses_known_injectors() -> None:
    for entry in catalogue().values():
        assert sum(map(bool, (entry.trial, entry.check, entry.shown_by))) == 1, entry.id
        for fault in entry.faults:
            assert fault.what in {**INJECTORS, **HOST}


def test_every_injector_has_a_level_and_needs_what_it_knows() -> None:
    assert set(LEVELS) == set(SETTINGS)
    assert all(set(needed) <= set(SETTINGS[name]) for name, needed in NEEDED.items())
