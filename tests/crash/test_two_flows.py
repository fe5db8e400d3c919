"""Two flows on one batch, each sleeping at times, one of them gone: what one flow alone would have made happen."""

from __future__ import annotations

import pytest

from benchmarks.two_flows import tried


@pytest.mark.parametrize("seed", [2, 3, 4, 7])
def test_two_flows_make_one_batch(seed: int) -> None:
    found = tried(seed)
    assert (found["complete"], found["bad"]) == (1, 0)
