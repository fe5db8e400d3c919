"""Spoilt answers through every driver at a small count; `benchmarks/fuzz.py` does it with 20 000 and more."""

from __future__ import annotations

import pytest

from devices.testing.barrage import barrage
from devices.testing.session import Session, converse
from tests.conformance.counterparts import COUNTERPARTS
from vesiflow.errors import BadReply

FRAMES = 250
SLOW = {"plr": 50}  # PyLabRobot plans and books every transfer
SEED = 20_260_105


@pytest.mark.parametrize("key", COUNTERPARTS)
def test_no_spoilt_answer_does_harm(key: str) -> None:
    frames = SLOW.get(key, FRAMES)
    outcome = barrage(key, COUNTERPARTS[key], frames, SEED)
    assert outcome.spoilt >= frames
    assert sum(outcome.errors.values()) > 0 and outcome.calls > outcome.waiting


def test_a_damaged_limit_that_pylabrobot_asserts_on_is_a_bad_reply() -> None:
    """Found by 20 000 frames: `3000` arrives as `300` when PyLabRobot asks for the limit a second time."""

    async def talk(session: Session) -> None:
        shaker, limits = session.role("thermoshaker"), [b"3000\r\n", b"300\r\n"]
        await shaker.clamp(True)
        session.wire.spoil = lambda said: [(0.0, limits.pop(0) if said == b"3000\r\n" else said)]
        with pytest.raises(BadReply, match="out of range"):
            await shaker.shake(500 / 60)
        assert limits == []

    converse("qinstruments_bioshake", COUNTERPARTS["qinstruments_bioshake"], talk)
