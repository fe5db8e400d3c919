"""Line files: everything wrong is named at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.line_file import LineFileError, line_from_text, load_line
from vesiflow.errors import ConfigError

GOOD = """\
name: bench-1
instruments:
  feed:   {driver: watson_marlow_323, at: "sim://tff/feed", tubing: {volume_per_rev: 1.5 mL}}
  pumps:  {driver: ismatec_reglo_icc, at: "sim://tff/reglo"}
roles:
  tff.feed_pump:   {instrument: feed, limits: {flow: 0..300 mL/min}}
  tff.buffer_pump: {instrument: pumps, channel: 2, limits: {flow: 0..35 mL/min}}
safe_state:
  tff: {feed_pump: stop}
"""


def test_the_packaged_line_is_good() -> None:
    line = load_line("sim")
    assert line.clock == "virtual"
    assert line.profile.tff is not None
    assert line.profile.tff.reservoir == pytest.approx(2.3e-3)
    assert line.profile.sec is not None
    assert line.profile.sec.column_volume == pytest.approx(490.9e-6, rel=1e-3)
    assert line.roles["tff.feed_pump"].limits["flow"] == pytest.approx((0.0, 300e-6 / 60))


def test_a_good_line() -> None:
    line = line_from_text(GOOD)
    assert line.roles["tff.buffer_pump"].options == {"channel": 2}
    assert line.clock == "wall"
    assert line.digest == line_from_text(GOOD).digest


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0..300 mL/min", "0..300 psi", "line.yaml:6: roles.tff.feed_pump.limits.flow: '0 psi' is in psi"),
        ("0..300 mL/min", "300..0 mL/min", "the lower end is above the upper end"),
        ("flow: 0..300", "torque: 0..300", "line.yaml:6: roles.tff.feed_pump.limits.torque: unknown limit"),
        ("instrument: feed,", "instrument: food,", "line.yaml:6: roles.tff.feed_pump: no instrument 'food'"),
        ("tff.feed_pump:  ", "tff.fed_pump:  ", "line.yaml:6: roles.tff.fed_pump: unknown role"),
        ("tff.feed_pump:  ", "tff.pressures:  ", "watson_marlow_323 cannot be a pressure_sensors"),
        (
            "sim://tff/reglo",
            "sim://tff/feed",
            "line.yaml:4: instruments.pumps.at: sim://tff/feed is already taken by feed",
        ),
        ("driver: ismatec_reglo_icc", "driver: reglo", "line.yaml:4: instruments.pumps.driver: unknown driver 'reglo'"),
        (
            "volume_per_rev: 1.5 mL",
            "volume_per_rev: 1.5 psi",
            "instruments.feed.tubing.volume_per_rev: '1.5 psi' is in psi",
        ),
        ("volume_per_rev: 1.5 mL", "volume: 1.5 mL", "instruments.feed.tubing.volume: unknown key"),
        (
            "{feed_pump: stop}",
            "{permeate_valve: close}",
            "line.yaml:9: safe_state.tff.permeate_valve: this line has no role",
        ),
        ("name: bench-1", "name: bench-1\nclock: sundial", "line.yaml:2: clock: must be wall, virtual"),
        ("name: bench-1", "name: ../../etc", "line.yaml:1: name:"),
        ("name: bench-1", "name: bench-1\ncolour: blue", "line.yaml:2: colour: unknown key"),
        ("name: bench-1", "name: &a bench-1", "anchors and aliases are not allowed"),
        ("name: bench-1", "name: !!python/object:os.system x", "tags are not allowed"),
        ("safe_state:", "name: twice\nsafe_state:", "line.yaml:8: name: key twice"),
        ("roles:", "roles: [", "line.yaml:"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    with pytest.raises(LineFileError) as caught:
        line_from_text(GOOD.replace(old, new, 1))
    assert expected in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_problems_at_once() -> None:
    text = GOOD.replace("0..300 mL/min", "0..300 psi").replace("driver: ismatec_reglo_icc", "driver: reglo")
    with pytest.raises(LineFileError) as caught:
        line_from_text(text)
    assert [problem.line for problem in caught.value.problems] == [4, 6]


def test_unknown_and_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown line 'nowhere'; packaged lines: sim"):
        load_line("nowhere")
    with pytest.raises(LineFileError, match=r"missing\.yaml:1: -: No such file or directory"):
        load_line(tmp_path / "missing.yaml")


@pytest.mark.parametrize(("robot", "among"), [
    ("{driver: plr, at: none, backend: star_chatterbox}", True), ("{driver: plr, at: none, backend: star}", False),
    ("{driver: plr, at: 'sim://bench/robot'}", True), ("{driver: plr, at: 'socket://10.0.0.9:4001'}", False),
])  # fmt: skip
def test_a_robot_that_only_pretends_stands_among_no_real_instruments(robot: str, among: bool) -> None:
    people = "  people: {driver: operator, at: console}\n"
    text = GOOD.replace("sim://tff/feed", "/dev/ttyUSB0").replace("sim://tff/reglo", "/dev/ttyUSB1")
    text = text.replace("roles:\n", f"  robot: {robot}\n{people}roles:\n")
    if among:
        with pytest.raises(LineFileError, match=r"instruments\.robot\.at: a simulated instrument among real ones"):
            line_from_text(text)
    else:
        assert not line_from_text(text).instruments["robot"].simulated


def test_a_chatterbox_may_stand_alone_with_people() -> None:
    text = """\
name: dry-run
instruments:
  robot: {driver: plr, at: none, backend: chatterbox}
  people: {driver: operator, at: console}
roles:
  lyophilization.liquid_handler: {instrument: robot}
  line.operator: {instrument: people}
"""
    assert line_from_text(text).instruments["robot"].simulated
