"""Plate, pulser and robot: what was pipetted is pulsed once, arcs are told, loading is honest."""

from typing import Any

import pytest

from sim.physics.electroporation import Settings

COLUMN = "ABCDEFGH"
PULSE = Settings(voltage=200.0, gap=2e-3, capacitance=125e-6, parallel=100.0)


def robot(rig: Any, op: str, resource: str, wells: list[str], volume: float | None = None) -> None:
    extra = {} if volume is None else {"volume_ul": volume}
    channels = [{"channel": i, "resource": resource, "well": w, **extra} for i, w in enumerate(wells)]
    rig.t += rig.plant.deck.act(op, channels, rig.t)


def column(number: int) -> list[str]:
    return [f"{row}{number}" for row in COLUMN]


def transfer(rig: Any, source: str, volume: float, number: int, tips: str) -> None:
    robot(rig, "pick_up_tips", tips, column(number))
    robot(rig, "aspirate", source, ["A1"] * 8, volume)
    robot(rig, "dispense", "plate", column(number), volume)
    robot(rig, "drop_tips", "trash", ["A1"] * 8)


def prepared(rig: Any, bottle: str = "exchange") -> Any:
    rig.ask("place on deck", bottle=bottle, position="sample")
    rig.ask("prepare cargo", cargo="siRNA", concentration=0.02, volume=1.2e-6, position="cargo")
    rig.ask("place plate", plate="P1")
    for number in (1, 2):
        transfer(rig, "sample", 90.0, number, "tips_300_1")
        transfer(rig, "cargo", 10.0, number, "tips_50_1")
    rig.ask("chill plate", temperature=4.0, duration=600.0)
    rig.ask("move plate", to="electroporator")
    return rig.plant.station


def test_a_column_of_eight_wells_is_one_load(rig: Any) -> None:
    station = prepared(rig)
    station.column = 1
    ((voltage, tau, load),) = station.fire(PULSE, rig.t)
    assert voltage == pytest.approx(200, rel=0.03)
    assert load < 100.0  # eight wells beside the 100 ohm resistor
    assert tau == pytest.approx(load * 125e-6, rel=0.15)
    well = station.plate.wells["A1"].content
    assert 0.0 < well.amount("cargo_protected") < 1e-4 * well.amount("cargo_apparent")
    assert 0.85 < well.intactness < 0.99
    untouched = station.plate.wells["A2"].content
    assert untouched.amount("cargo_protected") == 0.0
    (event,) = rig.plant.ledger.of("pulse")
    assert event.details["wells"] == tuple(column(1))
    assert not event.details["arc"]
    assert rig.closed()


def test_a_second_pulse_costs_again(rig: Any) -> None:
    station = prepared(rig)
    station.fire(PULSE, rig.t)
    once = station.plate.wells["A1"].content.intactness
    station.fire(PULSE, rig.t + 30.0)
    assert station.plate.wells["A1"].content.intactness < once - 0.02
    assert len(rig.plant.ledger.of("pulse")) == 2


def test_salt_arcs_and_the_sample_is_lost(rig: Any) -> None:
    station = prepared(rig, bottle="polished")  # still in PBS
    long = Settings(voltage=200.0, gap=2e-3, length=0.02, count=2)
    log = station.fire(long, rig.t)
    assert log[-1][0] < 100.0
    assert rig.plant.ledger.of("pulse")[0].details["arc"]
    assert station.plate.wells["A1"].content.particles == 0.0
    assert station.plate.wells["A2"].content.particles > 0.0
    assert rig.closed()


def test_an_empty_column_or_a_plate_elsewhere_is_an_open_circuit(rig: Any) -> None:
    station = prepared(rig)
    station.column = 5
    ((_, _, load),) = station.fire(PULSE, rig.t)
    assert load == pytest.approx(100.0, rel=1e-3)
    rig.ask("move plate", to="deck")
    station.column = 1
    before = station.plate.wells["A1"].content
    station.fire(PULSE, rig.t)
    assert station.plate.wells["A1"].content is before


def test_a_plate_warms_up_again(rig: Any) -> None:
    station = prepared(rig)
    cold = station.temperature(rig.t)
    assert cold < 5.0
    assert cold < station.temperature(rig.t + 300.0) < station.temperature(rig.t + 3000.0) < 22.0


def test_the_probe_reads_the_bottle_it_stands_in(rig: Any) -> None:
    assert rig.plant.station.conductivity() == 0.0
    rig.ask("dip probe", bottle="exchange")
    assert 0.01 < rig.plant.station.conductivity() < 0.2


@pytest.mark.parametrize(
    ("op", "resource", "wells", "volume", "reason"),
    [
        ("aspirate", "sample", ["A1"], 10.0, "has no tip"),
        ("pick_up_tips", "plate", ["A1"], None, "no tip rack"),
        ("drop_tips", "trash", ["A1"], None, "has no tip"),
    ],
)
def test_what_a_robot_cannot_do(
    rig: Any, op: str, resource: str, wells: list[str], volume: float | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        robot(rig, op, resource, wells, volume)


def test_tips_are_used_once_and_hold_no_more_than_they_hold(rig: Any) -> None:
    rig.ask("place on deck", bottle="exchange", position="sample")
    robot(rig, "pick_up_tips", "tips_50_1", ["A1"])
    with pytest.raises(ValueError, match="already has a tip"):
        robot(rig, "pick_up_tips", "tips_50_1", ["B1"])
    with pytest.raises(ValueError, match="do not fit"):
        robot(rig, "aspirate", "sample", ["A1"], 90.0)
    with pytest.raises(ValueError, match="nothing stands at 'nowhere'"):
        robot(rig, "aspirate", "nowhere", ["A1"], 10.0)
    robot(rig, "drop_tips", "trash", ["A1"])
    with pytest.raises(ValueError, match="no tip at tips_50_1:A1"):
        robot(rig, "pick_up_tips", "tips_50_1", ["A1"])
    rig.plant.deck.fill_racks()
    robot(rig, "pick_up_tips", "tips_50_1", ["A1"])


def test_an_empty_trough_gives_air(rig: Any) -> None:
    rig.ask("prepare cargo", cargo="siRNA", concentration=0.02, volume=1e-6, position="cargo")
    rig.ask("place plate", plate="P1")
    robot(rig, "pick_up_tips", "tips_1000_1", ["A1"])
    for _ in range(3):
        robot(rig, "aspirate", "cargo", ["A1"], 900.0)
        robot(rig, "dispense", "plate", ["A1"], 900.0)
    assert rig.plant.ledger.of("aspirate")[-1].details["air"]
    assert rig.plant.station.plate.wells["A1"].volume <= 160e-9  # the rest ran over
    assert rig.closed()
