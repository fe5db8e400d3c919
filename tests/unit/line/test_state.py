"""The PackML table against the standard's own list: 35 legal pairs, 118 refused, 11 completions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from line.state import COMPLETIONS, TRANSITIONS, Command, State, after
from vesiflow.errors import Refused

ORACLE = json.loads((Path(__file__).parents[2] / "data" / "packml_transitions.json").read_text())
LEGAL = {
    (item["from"], item["event"].removesuffix("Command")): item["to"]
    for item in ORACLE["transitions"]
    if item["event"].endswith("Command")
}


def test_every_pair_is_as_the_standard_says() -> None:
    assert {(str(s), str(c)): str(t) for (s, c), t in TRANSITIONS.items()} == LEGAL
    assert len(TRANSITIONS) == 35


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("command", Command)
def test_pair(state: State, command: Command) -> None:
    target = LEGAL.get((str(state), str(command)))
    if target is not None:
        assert after(state, command) == target
    else:
        assert [str(state), f"{command}Command"] in ORACLE["illegal_pairs"]
        with pytest.raises(Refused, match=f"{command} is not possible while {state}; possible now:"):
            after(state, command)


def test_completions() -> None:
    listed = {item["from"]: item["to"] for item in ORACLE["transitions"] if item["event"].endswith("StateComplete")}
    assert {str(s): str(t) for s, t in COMPLETIONS.items()} == listed
