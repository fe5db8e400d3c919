"""A few seeds of `python -m benchmarks.dst`: deaths, pauses, spoilt answers and people; the plant's ledger judges."""

from __future__ import annotations

import pytest

from benchmarks.dst import simulated

SEEDS = {
    4: "two deaths while vials are filled",
    5: "the controller dies in the middle of a rinse and is away for 57 s",
    6: "two deaths between a robot and an electroporator",
    9: "a column in the middle of an elution",
}


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_repeated_and_nothing_lost(seed: int) -> None:
    _, found, bad = simulated(seed)
    assert bad == []
    assert found.deaths, "the seed shows nothing any more"


def test_a_seed_replays_exactly() -> None:
    first, again = (simulated(7)[1] for _ in range(2))
    assert first.deaths and (first.trace, first.deaths, first.end) == (again.trace, again.deaths, again.end)
