"""The controller dies and is started again; the plant's ledger tells that nothing was repeated and nothing lost.

A selection with fixed seeds; `python -m benchmarks.crash` goes everywhere.
"""

from __future__ import annotations

import pytest

from benchmarks.crash.judge import Deeds, differences
from benchmarks.crash.sweep import Trial, at_random, judged, spread, whole
from benchmarks.crash.trial import RECIPES

BORDERS, BYTES, RANDOM = 6, 2, 6
WITH_ROBOT = ("crash-loading", "crash-vials")  # loading its deck takes longer than the rest


@pytest.mark.parametrize("recipe", RECIPES)
def test_nothing_is_repeated_and_nothing_lost(recipe: str) -> None:
    places = list(enumerate(whole(recipe).places, 1))
    borders = [Trial(recipe, (number,)) for number, name in places if name.startswith("journal")]
    bytes_ = [Trial(recipe, (number,)) for number, name in places if not name.startswith("journal")]
    assert len(borders) >= 50, "the places are counted wrongly"
    less = 2 if recipe in WITH_ROBOT else 0
    for trial in spread(borders, BORDERS - less) + spread(bytes_, BYTES):
        found = judged(trial)
        assert found.good, f"{trial}: {found}"


@pytest.mark.parametrize("kind", ["ot2", "flex"])
def test_deaths_while_a_robot_is_spoken_to(kind: str) -> None:
    """At exchanges with an Opentrons robot, which goes on by itself: one run is taken up, no second one is made."""
    recipe = f"crash-loading@{kind}"
    places = [(n, name) for n, name in enumerate(whole(recipe).places, 1) if name.startswith("http")]
    acts = [n for n, name in places if " POST " in name or " PATCH " in name]
    assert len(acts) == 16, "uploads, runs, plays and releases of two orders, before and after"
    looks = spread([Trial(recipe, (n,)) for n, name in places if " GET " in name], 4)
    for trial in [*(Trial(recipe, (n,)) for n in acts), *looks]:
        found = judged(trial)
        assert found.good and found.end == "Complete", f"{trial}: {found}"


def test_deaths_on_the_way_back() -> None:
    for trial in at_random(RANDOM, seed=2):
        found = judged(trial)
        assert found.good, f"{trial}: {found}"


def test_the_judge_sees_a_repetition_and_a_loss() -> None:
    """A judge that always agrees would make all of this worthless."""
    once = Deeds({"pulse column 1, 8 wells": 1}, {"bottle pool: volume": 1e-5})
    assert differences(once, once) == ([], [])
    twice = Deeds({"pulse column 1, 8 wells": 2}, {"bottle pool: volume": 1.2e-5})
    repeated, lost = differences(once, twice)
    assert repeated == ["pulse column 1, 8 wells: 2 instead of 1", "bottle pool: volume: 1.2e-05 instead of 1e-05"]
    assert differences(twice, once)[1] != [] and lost == []
