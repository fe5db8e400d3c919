"""Campaigns without an engine: points, results that are kept, points that fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from line import campaign
from line.campaign import Design, Point, chunks, make
from vesiflow.errors import ConfigError

SHORT = str(Path(__file__).parents[2] / "data" / "recipes" / "short.yaml")
VARIED = "procedure[0].tff.operations[2].concentrate.to"


def test_every_recipe_with_every_seed_and_every_sample() -> None:
    plain = Design((SHORT, "tff"), (1, 2), "sim").points()
    assert [(one.recipe, one.seed, one.values) for one in plain] == [
        (SHORT, 1, ()), (SHORT, 2, ()), ("tff", 1, ()), ("tff", 2, ()),
    ]  # fmt: skip
    design = Design((SHORT,), (1, 2), "sim", ("concentrate.to=90..110 mL",), samples=3)
    found = design.points()
    assert len(found) == 6
    assert found == design.points()
    assert {path for one in found for path, _ in one.values} == {VARIED}
    volumes = sorted(float(one.values[0][1].split()[0]) for one in found[:3])
    assert 90 <= volumes[0] < 97 < volumes[1] < 104 < volumes[2] <= 110, "one in each third"


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (Design(("nothing",), (1,), "sim"), "nothing"),
        (Design((SHORT,), (1,), "nowhere"), "unknown line 'nowhere'"),
        (Design((SHORT,), (1,), "sim", ("concentrate.to=1..2 bar",)), "concentrate.to"),
    ],
)
def test_mistakes_are_found_before_anything_runs(design: Design, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        design.points()


def test_a_result_is_kept_under_what_decided_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = Point(SHORT, 1, 1, ((VARIED, "95 mL"),))
    first = make(point, "sim", tmp_path, wire=False)
    assert first["state"] == "Complete"
    assert first[VARIED] == "95 mL"
    monkeypatch.setattr(campaign, "manufacture", lambda *args, **kwargs: pytest.fail("made again"))
    assert make(point, "sim", tmp_path, wire=False) == first
    with pytest.raises(pytest.fail.Exception):
        make(Point(SHORT, 2, 1, point.values), "sim", tmp_path, wire=False)


def test_what_an_interrupted_run_left_is_made_anew(tmp_path: Path) -> None:
    point = Point(SHORT, 1)
    done = make(point, "sim", tmp_path, wire=True)
    assert done["state"] == "Complete"
    (kept,) = (tmp_path / "points").iterdir()
    assert json.loads(kept.read_text()).items() <= done.items()
    kept.unlink()  # as if killed between the batch and its result
    assert make(point, "sim", tmp_path, wire=True) == done


def test_a_point_that_fails_says_why_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = make(Point(SHORT, 1, 1, ((VARIED, "1 mL"),)), "sim", tmp_path, wire=False)
    assert refused["state"] == "not run"
    assert "hold-up" in str(refused["reason"])

    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("x")

    with monkeypatch.context() as patch:
        patch.setattr(campaign, "manufacture", broken)
        row = make(Point(SHORT, 1), "sim", tmp_path, wire=False)
    assert row["reason"] == "internal error: ZeroDivisionError: x"
    assert make(Point(SHORT, 1), "sim", tmp_path, wire=False)["state"] == "Complete"


@pytest.mark.parametrize(("count", "workers", "size", "shares"), [(200, 2, None, 8), (3, 2, None, 3), (10, 1, 4, 3)])
def test_shares(count: int, workers: int, size: int | None, shares: int) -> None:
    points = [Point(SHORT, seed) for seed in range(count)]
    found = chunks(points, workers, size)
    assert len(found) == shares
    assert [one for share in found for one in share] == points
