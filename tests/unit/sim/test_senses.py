"""Every sensor of the line is imperfect in the way its data sheet says, and seeded."""

from __future__ import annotations

from statistics import fmean, stdev

import pytest

from devices.line_file import load_line
from sim.config import SENSORS, Sensor, sensor_unit
from sim.lines import checked_config
from sim.plant import Plant
from sim.senses import Senses
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse


def test_the_packaged_line_says_what_every_instrument_does() -> None:
    """The values in the file are the defaults: whoever copies the line sees and changes all of them."""
    config = checked_config(load_line("sim").simulation or {})
    assert set(config.sensors) == set(SENSORS)
    for name, default in SENSORS.items():
        assert config.sensor(name).model_dump() == pytest.approx(default.model_dump()), name


def senses(seed: int = 1, **sensors: object) -> tuple[Plant, Senses]:
    plant = Plant(checked_config({"sensors": sensors}, seed), lambda: 0.0)
    return plant, Senses(plant)


def test_every_sensor_has_data_sheet_values() -> None:
    _, all_ = senses()
    assert set(all_.names) == set(SENSORS)
    for name in all_.names:
        spec = SENSORS[name]
        assert spec.noise or spec.relative_noise, name
        assert spec.gain or spec.bias or spec.resolution, name
        assert spec.lag > 0.0, name
        assert spec.low > float("-inf"), name
        assert parse(f"1 {sensor_unit(name)}", sensor_unit(name)) == 1.0


@pytest.mark.parametrize("name", sorted(SENSORS))
def test_each_reads_with_its_noise_and_repeats_by_its_seed(name: str) -> None:
    unlike = {"noise": 1.0, "resolution": 0.0, "relative_noise": 0.0, "low": -1e9, "high": 1e9}
    made = [senses(seed, **{name: unlike})[1][name] for seed in (3, 3, 4)]
    readings = [[sensor() for _ in range(200)] for sensor in made]
    assert readings[0] == readings[1]
    assert readings[0] != readings[2]
    assert 0.7 < stdev(readings[0]) < 1.4


def test_how_often_one_is_read_changes_no_other() -> None:
    _, first = senses()
    _, second = senses()
    for _ in range(10):
        first["sec.uv"]()
    assert [first["tff.pcd"]() for _ in range(5)] == [second["tff.pcd"]() for _ in range(5)]


def test_a_line_file_changes_single_values_with_units() -> None:
    config = checked_config({"sensors": {"tff.feed_pressure": {"noise": "5 mbar", "drift": "36 mbar/h"}}})
    spec = config.sensor("tff.feed_pressure")
    assert spec.noise == pytest.approx(500.0)
    assert spec.drift == pytest.approx(1.0)
    assert spec.bias == SENSORS["tff.feed_pressure"].bias
    assert config.sensor("lyo.shelf") == SENSORS["lyo.shelf"]


@pytest.mark.parametrize(
    ("sensors", "reason"),
    [
        ({"tff.feed_presure": {}}, "no sensor called 'tff.feed_presure'"),
        ({"tff.feed_pressure": {"noise": "5 K"}}, "expected a unit like Pa"),
        ({"tff.feed_pressure": {"nois": 5}}, "nois"),
        ({"tff.feed_pressure": {"noise": -1}}, "greater than or equal to 0"),
    ],
)
def test_wrong_values_are_refused(sensors: object, reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        checked_config({"sensors": sensors})
    assert reason in str(error.value)


def test_a_clipped_reading_is_flagged() -> None:
    _, all_ = senses(**{"tff.pcd": {"low": 100.0, "noise": 0.0}})
    assert all_["tff.pcd"]() == 100.0
    assert all_["tff.pcd"].clipped


def test_without_errors_a_sensor_shows_the_truth() -> None:
    plant, all_ = senses(**{"lyo.shelf": dict(Sensor().model_dump())})
    assert fmean(all_["lyo.shelf"]() for _ in range(3)) == plant.dryer.bath
