"""The freeze dryer: a cold recipe dries without collapse in a day or more, a warm one collapses, valves are valves."""

from typing import Any

import pytest

HOUR = 3600.0
TORR = 133.322


def shelf(rig: Any, temperature: float, rate: float, hours: float) -> None:
    """Ramp at `rate` K/min to `temperature` and stay there until `hours` have passed, polled every minute."""
    dryer = rig.plant.dryer
    start, begin = dryer.setpoint, rig.t
    while rig.t - begin < hours * HOUR:
        rig.t += 60.0
        way = rate / 60.0 * (rig.t - begin)
        gap = temperature - start
        dryer.set_shelf(temperature if way >= abs(gap) else start + (way if gap > 0 else -way), rig.t)
        dryer.advance(rig.t)


def loaded(rig: Any, vials: int = 20) -> Any:
    dryer = rig.plant.dryer
    rig.ask("load vials", vials=vials)
    dryer.set_shelf(20.0, rig.t)
    dryer.run_shelf(True, rig.t)
    return dryer


def vacuum(rig: Any, pressure: float) -> None:
    rig.plant.dryer.thresholds = lambda: (0.98 * pressure, 1.02 * pressure)
    rig.plant.dryer.switch(2, True, rig.t)


def dry(rig: Any, limit: float = 80.0) -> float:
    """Hours until every vial is dry."""
    begin = rig.t
    while any(lot.state.phase != "dry" for lot in rig.plant.dryer.lots):
        assert rig.t - begin < limit * HOUR
        shelf(rig, rig.plant.dryer.setpoint, 1.0, 1.0)
    return (rig.t - begin) / HOUR


@pytest.fixture
def frozen(rig: Any) -> Any:
    loaded(rig)
    shelf(rig, -45.0, 0.5, 4.5)
    return rig


def test_freezing_supercools_and_then_follows_the_shelf(rig: Any) -> None:
    dryer = loaded(rig)
    shelf(rig, -45.0, 0.5, 1.0)
    phases = {lot.state.phase for lot in dryer.lots}
    assert phases <= {"liquid", "freezing", "frozen"}
    shelf(rig, -45.0, 0.5, 3.5)
    assert {lot.state.phase for lot in dryer.lots} == {"frozen"}
    assert dryer.product(edge=True) == pytest.approx(-45.0, abs=0.5)
    assert dryer.chamber.condenser < -60.0


def test_the_packaged_recipe_dries_slowly_and_well(frozen: Any) -> None:
    rig, dryer = frozen, frozen.plant.dryer
    vacuum(rig, 0.06 * TORR)
    shelf(rig, -45.0, 1.0, 1.0)
    assert dryer.chamber.pressure == pytest.approx(0.06 * TORR, rel=0.03)
    shelf(rig, -25.0, 0.2, 4.0)
    assert dryer.chamber.pirani / dryer.chamber.pressure > 1.2
    assert dryer.product(edge=False) < dryer.product(edge=True) < -29.0
    assert dry(rig) > 20.0
    shelf(rig, -25.0, 1.0, 1.0)
    assert dryer.chamber.pirani / dryer.chamber.pressure < 1.05
    assert max(lot.state.collapsed for lot in dryer.lots) < 0.01
    shelf(rig, 25.0, 0.1, 15.0)
    dryer.switch(2, False, rig.t)
    assert rig.ask("stopper vials", vials=20)["count"] == 20
    assert rig.ask("unload vials", vials=20)["count"] == 20
    fields = {"moisture": "percent", "recovery": "percent", "particles": "1/mL", "potency": "percent"}
    found = rig.ask("sample", fields, bottle="vials", point="vials")
    assert 0.5 < found["moisture"] < 3.0
    assert found["recovery"] > 80.0
    assert found["particles"] == pytest.approx(2.5e10 * 0.9, rel=0.35)
    assert len(dryer.dried) == 19
    assert rig.closed()


def test_the_classic_warm_recipe_collapses(frozen: Any) -> None:
    rig, dryer = frozen, frozen.plant.dryer
    vacuum(rig, 0.15 * TORR)
    shelf(rig, -45.0, 1.0, 1.0)
    shelf(rig, 20.0, 1.0, 10.0)
    dry(rig)
    assert min(lot.state.collapsed for lot in dryer.lots) > 0.1
    rig.ask("unload vials", vials=20)
    assert dryer.dried[0].recovery < 0.8


def test_ice_left_behind_melts_and_ruins_the_vial(frozen: Any) -> None:
    rig, dryer = frozen, frozen.plant.dryer
    rig.ask("unload vials", vials=20)
    assert dryer.dried[0].collapsed == 1.0
    assert dryer.dried[0].recovery < 0.7
    assert rig.closed()


def test_open_vials_take_up_water(frozen: Any) -> None:
    rig, dryer = frozen, frozen.plant.dryer
    vacuum(rig, 0.06 * TORR)
    shelf(rig, -25.0, 0.2, 3.0)
    dry(rig)
    shelf(rig, 25.0, 0.1, 14.0)
    inside = max(lot.state.moisture for lot in dryer.lots) / 100.0
    rig.ask("unload vials", vials=20)
    assert dryer.dried[0].moisture > inside + 0.01


def test_isolation_shows_the_leak_and_the_vent_lets_nitrogen_in(rig: Any) -> None:
    dryer = loaded(rig)
    vacuum(rig, 8.0)
    shelf(rig, 20.0, 1.0, 1.0)
    assert dryer.chamber.pressure < 2000.0
    dryer.switch(2, False, rig.t)
    low = dryer.chamber.pressure
    rig.t += 90.0
    dryer.advance(rig.t)
    assert low < dryer.chamber.pressure < low + 5000.0
    dryer.switch(3, True, rig.t)
    rig.t += 600.0
    dryer.advance(rig.t)
    assert dryer.chamber.pressure > 80e3


def test_an_idle_dryer_costs_nothing_and_shows_the_room(rig: Any) -> None:
    dryer = rig.plant.dryer
    rig.t += 1000 * HOUR
    dryer.advance(rig.t)
    assert dryer.idle
    assert dryer.product(edge=False) == dryer.shelf == 21.0
    with pytest.raises(ValueError, match="no freeze-dried vials"):
        dryer.take_vial()


def test_more_vials_than_places_are_not_loaded(new_rig: Any) -> None:
    rig = new_rig(lyophilization={"places": 5})
    assert rig.ask("load vials", vials=8)["count"] == 5
    assert rig.plant.dryer.count == 5
    assert rig.closed()
