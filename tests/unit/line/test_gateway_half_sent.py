"""A method of several steps whose cable goes in the middle: not "nothing was sent", but what the evidence says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from line.gateway import Gateway
from records.journal import JournalReader
from tests.unit.line.bench import Bench, bench
from vesiflow.errors import InDoubt, LimitExceeded, NotSent, VesiflowError


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def linked(rig: Bench) -> SimpleNamespace:
    """Counters of a link for the pump."""
    counters = SimpleNamespace(sent=0)
    rig.line.instruments["pump"].link = SimpleNamespace(counters=counters)
    return counters


def state(rig: Bench) -> str | None:
    with JournalReader(rig.journal.path) as reader:
        (intent,) = reader.intents("b1")
        return intent.outcome and intent.outcome.state


@pytest.mark.parametrize("error", [NotSent("unplugged"), LimitExceeded("took another value")])
async def test_half_sent_and_done(rig: Bench, error: VesiflowError, monkeypatch: pytest.MonkeyPatch) -> None:
    counters, pump = linked(rig), rig.pump
    act = pump._do
    monkeypatch.setattr(pump, "_do", lambda work: (setattr(counters, "sent", counters.sent + 1), act(work)))
    pump.lose = error
    await Gateway(rig.line, rig.journal, "b1", "p1", 1).role("tff.feed_pump").set_flow(0.5)
    assert (pump.flow, state(rig)) == (0.5, "DONE")


async def test_half_sent_and_nothing_tells(rig: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    counters, pump = linked(rig), rig.pump
    act = pump._do
    monkeypatch.setattr(pump, "_do", lambda work: (setattr(counters, "sent", counters.sent + 1), act(work)))
    pump.lose = NotSent("unplugged")
    with pytest.raises(InDoubt):
        await Gateway(rig.line, rig.journal, "b1", "p1", 1).role("tff.feed_pump").splash()
    assert state(rig) == "UNKNOWN"


async def test_nothing_sent_is_not_done(rig: Bench) -> None:
    linked(rig)
    rig.pump.lose, rig.pump.acts = NotSent("unplugged"), False
    with pytest.raises(NotSent):
        await Gateway(rig.line, rig.journal, "b1", "p1", 1).role("tff.feed_pump").set_flow(0.5)
    assert state(rig) == "NOT_DONE"
