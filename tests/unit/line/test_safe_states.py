"""Hold, stop and abort from any state reach safe outputs: a part of `python -m benchmarks.safe_states`."""

from __future__ import annotations

import pytest

from benchmarks.safe_states import OVER_BEFORE, Case, cases, judged
from line.state import Command, State

BACKFILL = "1-lyophilization/9-backfill/1"
EVERY = {"tff": 37, "sec": 25, "electroporation": 31, "lyophilization": 103}
"""Of the cases of a unit: no multiple of the orders and states, so that all of them are met."""


@pytest.mark.parametrize("unit", EVERY)
async def test_every_order_makes_the_outputs_safe(unit: str) -> None:
    chosen = list(cases((unit,)))[:: EVERY[unit]]
    found = {case: await judged(case) for case in chosen}
    assert {case: problem for case, problem in found.items() if problem not in ("", OVER_BEFORE)} == {}
    assert sum(problem == "" for problem in found.values()) >= 5


async def test_a_held_backfill_shuts_the_vent() -> None:
    case = Case("lyophilization", BACKFILL, 5.0, State.EXECUTE, Command.HOLD)
    assert await judged(case) == ""
    kept = {"safe_state": {"lyophilization": {"vacuum": "keep"}}}
    assert "not safe" in await judged(case, kept), "the judge is the plant"


def test_the_cases_are_enumerated() -> None:
    found = list(cases())
    assert len(found) == len(set(found)) > 1500
    assert {case.state for case in found} >= {State.EXECUTE, State.HELD, State.UNHOLDING, State.ABORTING}
