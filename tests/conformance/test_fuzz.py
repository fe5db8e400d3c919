"""Spoilt answers through every driver at a small count; `benchmarks/fuzz.py` does it with 20 000 and more."""

from __future__ import annotations

import pytest

from devices.testing.barrage import barrage
from tests.conformance.counterparts import COUNTERPARTS

FRAMES = 250
SLOW = {"plr": 50}  # PyLabRobot plans and books every transfer
SEED = 20_260_105


@pytest.mark.parametrize("key", COUNTERPARTS)
def test_no_spoilt_answer_does_harm(key: str) -> None:
    frames = SLOW.get(key, FRAMES)
    outcome = barrage(key, COUNTERPARTS[key], frames, SEED)
    assert outcome.spoilt >= frames
    assert sum(outcome.errors.values()) > 0 and outcome.calls > outcome.waiting
