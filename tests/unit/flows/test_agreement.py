"""What a run is called in Prefect while its batch is under way."""

from __future__ import annotations

from typing import Any

import pytest

from flows.agreement import shown
from flows.mirror import Mirror
from line.api import BatchView, PhaseView
from line.prepare import prepare
from line.procedure import Outcome

ASKED = {"action": "approve", "text": "Is it good?", "fields": {"approved": "yes/no"}, "batch": "A"}


def view(state: str, reason: str = "", waits: dict[str, str] | None = None) -> BatchView:
    return BatchView(
        id="A", recipe="tff", state=state, reason=reason, now=0, running=None, progress=0, readings={}, phases=[],
        waits=waits or {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("batch", "prompt", "said"),
    [
        (view("Execute"), None, ("RUNNING", "Running", None)),
        (view("Held", "TMP is high"), None, ("PAUSED", "Held", "TMP is high; see `vesiflow line status`")),
        (view("Holding", "x"), ASKED, ("PAUSED", "Holding", "x; see `vesiflow line status`")),
        (view("Execute"), ASKED, ("RUNNING", "Asks", "Is it good?; see `vesiflow line prompt`")),
        (view("Idle", waits={"tff": "B"}), None, ("RUNNING", "Waiting", "waits for tff (batch B)")),
    ],
)
def test_the_state_says_what_the_line_does(
    batch: BatchView, prompt: dict[str, Any] | None, said: tuple[str, str, str | None]
) -> None:
    state = shown(batch, prompt)
    assert (state.type.value, state.name, state.message) == said
    assert state.state_details.pause_timeout is None  # a hold never ends by itself


@pytest.mark.parametrize(
    ("state", "reason", "ordered"),
    [("stopped", "enough", True), ("stopped", "held: TMP is high", False), ("failed", "motor stalled", False)],
)
def test_only_what_a_person_ended_is_cancelled(state: str, reason: str, ordered: bool) -> None:
    phase = PhaseView(key="1", kind="x", state=state, started=0, ended=1, reason=reason)
    assert Outcome(view("Stopped"), phase).ordered is ordered
    assert not Outcome(view("Complete")).ordered


def test_waiting_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    mirror = Mirror("A", prepare("tff", "sim").recipe)
    monkeypatch.setattr(mirror, "tell", lambda what, payload: told.append(what))
    for seen in (view("Idle", waits={"tff": "B"}), view("Idle", waits={"tff": "B"}), view("Execute"), view("Held")):
        mirror.see(seen)
    assert told == ["waiting", "idle", "execute", "held"]
