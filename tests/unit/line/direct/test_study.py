"""Samples of a recipe: spread over the ranges, made or refused, one bad sample never ends the study."""

from __future__ import annotations

import os

import pytest

from line.direct import sweep
from line.direct.study import Study, make
from line.direct.sweep import points, run
from protocols.load import load
from protocols.vary import variation
from vesiflow.errors import VesiflowError

SHELF = "primary_drying.temperature=-34..-20 degC"


def study(*texts: str, recipe: str = "lyophilization", samples: int = 4, **rest: object) -> Study:
    master = load(recipe)
    return Study(recipe, "sim", tuple(variation(master, text) for text in texts), samples, **rest)  # type: ignore[arg-type]


def test_points_fill_the_ranges_evenly() -> None:
    filled = points(study(SHELF, "fill.vials=10..19", samples=10))
    assert sorted(int((t + 34) / 1.4) for t, _ in filled) == list(range(10))
    assert sorted(vials for _, vials in filled) == list(range(10, 20))


def test_sobol_rounds_up_to_a_power_of_two() -> None:
    assert len(points(study(SHELF, samples=5, method="sobol"))) == 8


@pytest.mark.parametrize("method", ["lhs", "sobol"])
def test_the_seed_decides(method: str) -> None:
    assert points(study(SHELF, method=method, seed=3)) == points(study(SHELF, method=method, seed=3))
    assert points(study(SHELF, method=method, seed=3)) != points(study(SHELF, method=method, seed=4))


def test_a_warm_shelf_is_refused_or_collapses() -> None:
    refused = make(study(SHELF), (1, (-20.0,)))
    assert refused.outcome == "refused"
    assert "collapse" in refused.reason
    assert refused.failed_at.endswith("primary_drying.temperature")
    made = make(study(SHELF, unchecked=True), (1, (-5.0,)))
    assert made.outcome == "complete"
    assert (made.deviations or 0) > 0
    good = make(study(SHELF), (1, (-28.0,)))
    assert good.outcome == "complete"
    assert good.results["recovery"] > made.results["recovery"] + 3.0
    assert (good.duration_h or 0.0) > (made.duration_h or 0.0)


@pytest.mark.slow
def test_two_cores_give_the_rows_of_one() -> None:
    one = study(SHELF, samples=4)
    assert list(run(one, 2)) == list(run(one, 1))


def _die(study: Study, point: tuple[int, tuple[float, ...]]) -> None:
    os._exit(1)


@pytest.mark.skipif(not sweep.FORK, reason="a worker that is started anew does not know this test")
def test_a_worker_that_dies_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "make", _die)
    with pytest.raises(VesiflowError, match="explore: a worker process died; is there enough memory"):
        list(run(study(SHELF), 2))
