"""What must hold while a unit rests: alarms of held units, on the simulated plant, and none where all is well."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from devices.readings import Quality, Reading, bad
from line.alarm_table import rationale
from line.kept import BLIND, Kept, RestWatch, of_line
from line.phases import PHASES
from line.phases.at_rest import primary_drying
from line.phases.freeze_drying import DRY
from line.procedure import Procedure
from line.state import OVER, Command, State
from line.trial_line import trial
from line.troubled import Scene, Troubled, troubled
from line.watch import read_of
from records.store import Store
from sim.faults.model import Fault
from sim.plant import Plant

BATCH = "b1"


class Advice:
    """Collects what would be on, with what it says."""

    def __init__(self) -> None:
        self.on: dict[str, Mapping[str, Any]] = {}

    def __call__(self, alarm: str, bad: bool, what: str, **details: Any) -> None:
        if bad:
            self.on[alarm] = details
        else:
            self.on.pop(alarm, None)


def looked(watch: RestWatch, **readings: Reading | float | None) -> None:
    for tag, found in readings.items():
        watch.see(tag, Reading(found, 0.0) if isinstance(found, float) else found)
    watch.judge()


def test_limits_are_absolute_or_beside_what_other_tags_read() -> None:
    advice = Advice()
    rows = [Kept("t", "a", "high", high=10.0), Kept("t", "b", "beside", high=3.0, beside=("s", "t"))]
    watch = RestWatch(rows, advice)
    looked(watch, t=5.0, s=1.0)
    assert not advice.on
    looked(watch, t=8.5, s=1.0)  # 3.5 above where it began, 7.5 above s
    assert advice.on == {"b": {"value": 8.5, "limit": 8.0, "unit": "", "tag": "t"}}
    looked(watch, t=10.5, s=9.0)
    assert advice.on == {"a": {"value": 10.5, "limit": 10.0, "unit": "", "tag": "t"}}


def test_the_worst_of_an_alarm_decides_and_a_sensor_above_its_range_is_above_every_limit() -> None:
    advice = Advice()
    watch = RestWatch([Kept("x", "a", "x", high=1.0), Kept("y", "a", "y", high=1.0)], advice)
    looked(watch, x=0.0, y=bad(Quality.OVER, 0.0))
    assert advice.on["a"]["value"] == math.inf
    looked(watch, x=0.0, y=0.0)
    assert not advice.on


def test_a_sensor_that_says_nothing_is_no_good_news() -> None:
    advice = Advice()
    watch = RestWatch([Kept("x", "a", "x", high=1.0)], advice)
    looked(watch, x=2.0)
    looked(watch, x=None)
    assert set(advice.on) == {"a", BLIND}, "what was bad stays bad until a value says otherwise"
    looked(watch, x=0.5)
    assert not advice.on


def test_limits_of_the_line_hold_at_rest_too() -> None:
    assert of_line({"tff.feed_pressure": (-1.0, 2.0)})[0].alarm == "line.limit"


async def held(
    folder: Path, kind: str, hold: Mapping[str, object], faults: Sequence[Mapping[str, object]], hours: float,
    spoil: Callable[[Plant], object] = lambda plant: None,
) -> tuple[dict[str, str], list[str]]:  # fmt: skip
    """A short batch of `kind` held when `hold` says, looked after again `hours` later: alarms raised with their tags,
    and what `vesiflow line alarms` is told then."""
    line, recipe, _ = trial(kind)
    press: Mapping[str, object] = {
        "id": "hold", "level": "host", "what": "person.presses", "when": hold, "settings": {"command": "Hold"},
    }  # fmt: skip
    scripts = [Fault.model_validate(one) for one in (press, *faults)]
    scenes: list[Scene] = []
    async with troubled(line, Store(folder), scripts, 1, scenes.append) as found:
        host = found.host
        host.controller.create(BATCH, recipe, "anna")
        technician = host.clock.spawn(_technician(found, hours, lambda: spoil(scenes[0].plant)), "technician")
        await Procedure(host.client, recipe, BATCH, "anna").run()
        shown = await technician
        raised = host.controller.journal.events(BATCH, ["alarm.raised"])
        return {str(one.data["name"]): str(one.data["tag"]) for one in raised}, shown


async def _technician(found: Troubled, hours: float, spoil: Callable[[], object]) -> list[str]:
    controller, clock = found.host.controller, found.host.clock
    while controller.batch(BATCH).state is not State.HELD:
        assert controller.batch(BATCH).state not in OVER, "never held"
        await clock.sleep(20.0)
    try:
        spoil()
        await clock.sleep(hours * 3600.0)
        assert controller.batch(BATCH).state is State.HELD
        return [alarm.row.name for alarm in controller.alarms.standing()]
    finally:
        await controller.command(BATCH, Command.STOP, "anna", "enough")


DRYING = {"phase": "primary_drying", "after": "30 min"}
LATER = {"phase": "primary_drying", "after": "40 min"}


def fault(level: str, what: str, when: Mapping[str, object], **settings: object) -> Mapping[str, object]:
    return {"id": what, "level": level, "what": what, "when": when, "settings": settings}


@pytest.mark.parametrize(
    ("kind", "hold", "hours"),
    [
        ("lyophilization", DRYING, 1.0),
        ("lyophilization", {"phase": "freeze", "after": "30 min"}, 1.0),
        ("lyophilization", {"phase": "evacuate", "after": "5 min"}, 1.0),
        ("tff", {"event": "hang bottle", "after": "7 min"}, 1.0),
        ("sec", {"event": "tube", "count": 3}, 1.0),
        ("electroporation", {"event": "move plate"}, 0.5),
    ],
)
async def test_a_unit_that_rests_well_raises_nothing(
    tmp_path: Path, kind: str, hold: Mapping[str, object], hours: float
) -> None:
    assert await held(tmp_path, kind, hold, [], hours) == ({}, [])


@pytest.mark.parametrize(
    ("kind", "hold", "troubles", "hours", "expected"),
    [
        ("lyophilization", DRYING, [fault("plant", "shelf.heats", LATER)], 1.0,
         {"lyo.shelf": "lyophilization.shelf", "lyo.product": "lyophilization.product_edge"}),
        ("lyophilization", DRYING, [
            fault("plant", "dryer.leak", LATER, leak=3.0), fault("wire", "power.cycle", LATER, at="lyo/shelf"),
            fault("plant", "condenser.warms", LATER, temperature=-20),
            fault("wire", "wire.fault", LATER, at="lyo/product_centre", fault="unplugged"),
        ], 0.5,
         {"lyo.vacuum_lost": "lyophilization.capacitance", "lyo.pressure": "lyophilization.capacitance",
          "lyo.gap": "lyophilization.shelf_runs", "lyo.condenser": "lyophilization.condenser", "line.blind": ""}),
        ("tff", {"event": "hang bottle", "after": "7 min"},
         [fault("plant", "tff.empty", {"event": "hang bottle", "after": "17 min"}, seconds=600)], 0.5,
         {"tff.leak": "tff.retentate_mass"}),
        ("sec", {"event": "tube", "count": 3},
         [fault("instrument", "sensor.value", {"event": "tube", "count": 3, "after": "5 min"}, sensor="sec.pressure",
                value=6e5)], 0.5,
         {"sec.pressure": "sec.pressure"}),
    ],
)  # fmt: skip
async def test_a_unit_that_does_not_rest_well_calls_somebody(
    tmp_path: Path, kind: str, hold: Mapping[str, object], troubles: Sequence[Mapping[str, object]], hours: float,
    expected: Mapping[str, str],
) -> None:  # fmt: skip
    raised, shown = await held(tmp_path, kind, hold, troubles, hours)
    assert expected.items() <= raised.items()
    assert set(expected) <= set(shown), "as `vesiflow line alarms` shows them"


async def test_a_pulse_that_nobody_asked_for(tmp_path: Path) -> None:
    def press(plant: Plant) -> None:
        plant.people.act("press GO", {"program": f"VF1{BATCH}", "column": 1}, {})

    raised, shown = await held(tmp_path, "electroporation", {"event": "move plate"}, [], 0.2, press)
    assert raised == {"ep.held_pulse": "electroporation.pulse_logs"}
    assert shown == ["ep.held_pulse"]


def test_every_limit_at_rest_has_its_row_and_a_sensor_that_is_looked_at() -> None:
    found = 0
    for kind in ("tff", "sec", "electroporation", "lyophilization"):
        line, recipe, _ = trial(kind)
        assert line.safe_state
        for phase in recipe.phases():
            run: Any = type("Run", (), {"phase": phase, "facts": {"lyophilization.condenser_cold": -50.0}})()
            run.memory = type("Memory", (), {"steps": {}})()
            for kept in PHASES[phase.kind].at_rest(run, phase.params):
                assert rationale(kept.alarm).response
                assert kept.tag in read_of(phase.unit)
                found += 1
    assert found > 30


def test_a_vial_without_ice_is_not_watched_for_collapse() -> None:
    _, recipe, _ = trial("lyophilization")
    phase = next(one for one in recipe.phases() if one.kind.endswith("primary_drying"))
    run: Any = type("Run", (), {"facts": {}})()
    for steps, left in (({}, 2), ({DRY["edge"]: 1.0}, 1), (dict.fromkeys(DRY.values(), 1.0), 0)):
        run.memory = type("Memory", (), {"steps": steps})()
        params: Any = phase.params
        assert sum(kept.alarm == "lyo.product" for kept in primary_drying(run, params)) == left
