"""A representative part of the catalogue of faults, with other moments and sizes than it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.faults import as_junit
from line.trial import run
from line.trial_result import Result
from sim.faults.files import catalogue
from sim.faults.model import Expectation, Fault, When

PLANT, INSTRUMENT, WIRE = "TFF-01-step", "TFF-07-open", "SER-01"


@pytest.mark.parametrize(
    "name",
    [
        PLANT, INSTRUMENT, WIRE, "TFF-02", "TFF-08", "SEC-12", "EP-05-absent", "EP-06", "LYO-02", "LH-03", "SER-11",
        "ORC-04", "ORC-07", "ORC-08", "ORC-13", "ORC-14", "ORC-16", "ORC-17", "ORC-19", "ORC-20",
    ],
)  # fmt: skip
async def test_noticed_and_made_safe(name: str) -> None:
    result = await run(catalogue()[name])
    assert result.problems == ()


@pytest.mark.parametrize(
    ("name", "when", "settings"),
    [
        ("TFF-02", {"event": "hang bottle", "after": "500 s"}, {"slip": 3.0, "resistance": 0.2}),
        ("TFF-04", {"event": "hang bottle", "after": "200 s"}, {"seconds": 90}),
        ("TFF-11", {"event": "hang bottle", "after": "300 s"}, {"sensor": "tff.permeate_balance", "step": 0.15}),
        ("TFF-07", {"event": "hang bottle", "after": "400 s"}, {"sensor": "tff.feed_pressure"}),
    ],
)
async def test_other_moments_and_sizes(name: str, when: dict[str, object], settings: dict[str, float | str]) -> None:
    case = catalogue()[name]
    fault = case.faults[0].model_copy(update={"when": When.model_validate(when), "settings": settings})
    expect = case.expect.model_copy(update={"within": 600.0})
    result = await run(case.model_copy(update={"faults": (fault,), "expect": expect}))
    assert result.problems == ()


async def test_a_fault_that_is_not_noticed_is_a_failure() -> None:
    case = catalogue()["TFF-02"]
    never = case.faults[0].model_copy(update={"when": When.model_validate({"event": "hang bottle", "after": "9999 h"})})
    assert "the fault never struck" in (await run(case.model_copy(update={"faults": (never,)}))).problems
    harmless = Fault.model_validate(
        {
            "id": "x",
            "level": "plant",
            "what": "tff.fouling",
            "when": {"event": "hang bottle"},
            "settings": {"factor": 1},
        }
    )
    judged = await run(case.model_copy(update={"faults": (harmless,), "expect": Expectation(alarms=("tff.tmp",))}))
    assert "not noticed" in judged.problems
    assert "ended Complete, expected Held" in judged.problems


def test_junit_names_what_failed(tmp_path: Path) -> None:
    text = as_junit([Result("A"), Result("B", problems=("not noticed",))])
    assert 'tests="2" failures="1"' in text
    assert 'message="not noticed"' in text


@pytest.mark.parametrize(
    ("trial", "when", "command", "state"),
    [
        ("tff", {"event": "hang bottle", "after": "7 min"}, "Hold", "Held"),
        ("tff", {"event": "hang bottle", "after": "7 min"}, "Suspend", "Stopped"),
        ("tff", {"event": "fill buffer", "after": "1 min"}, "Stop", "Stopped"),
        ("tff", {"event": "hang bottle", "after": "7 min"}, "Abort", "Aborted"),
        ("sec", {"event": "tube", "count": 3}, "Hold", "Held"),
        ("sec", {"event": "tube", "count": 3}, "Abort", "Aborted"),
        ("electroporation", {"event": "aspirate", "count": 5}, "Abort", "Aborted"),
        ("lyophilization", {"phase": "primary_drying", "after": "1 h"}, "Abort", "Aborted"),
    ],
)
async def test_outputs_are_safe_within_one_scan_of_a_command(
    trial: str, when: dict[str, object], command: str, state: str
) -> None:
    case = next(one for one in catalogue().values() if one.trial == trial and not one.line)
    press = Fault.model_validate(
        {"id": "x", "level": "host", "what": "person.presses", "when": when, "settings": {"command": command}}
    )
    expect = Expectation.model_validate({"state": state, "within": "1 s"})
    result = await run(case.model_copy(update={"faults": (press,), "expect": expect}))
    assert result.problems == ()
