"""The emulated robot's state machine beside the one of the package `opentrons`, which real robots run.

Every word of up to four events is told to both; status, and what is refused with which words, must be the same. The
package runs in a process of its own, as its import takes seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

from sim.opentrons.run_state import NotAllowed, RunState

EVENTS = ("play", "pause", "stop", "resume", "setup", "fixit", "open", "close", "error", "end")
WORDS = [word for length in range(1, 5) for word in product(EVENTS, repeat=length)]
ENGINE = Path(__file__).with_name("opentrons_engine.py")

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(find_spec("opentrons") is None, reason="vesiflow[opentrons] is not installed"),
]


def ours(word: tuple[str, ...]) -> list[str]:
    """Status after every event, with the refusal's words where there was one."""
    state, said = RunState(), []
    for event in word:
        refusal = ""
        try:
            if event in ("setup", "fixit"):
                state.may_queue(event)
            elif event in ("open", "close"):
                state.door(event == "open")
            elif event == "error":
                if state.moves:
                    state.recover("failed")
            elif event == "end":
                if state.moves:
                    state.end("succeeded")
            elif event == "resume":
                state.resume(fixing=False)
            else:
                getattr(state, event)()
        except NotAllowed as error:
            refusal = str(error)
        said.append(f"{state.status} {refusal}".strip())
    return said


def test_every_word_of_events_means_the_same_to_both() -> None:
    ended = subprocess.run(
        [sys.executable, str(ENGINE)], input=json.dumps(WORDS), capture_output=True, text=True, timeout=240, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    theirs = json.loads(ended.stdout)
    wrong = [(word, mine, real) for word, real in zip(WORDS, theirs, strict=True) if (mine := ours(word)) != real]
    assert len(theirs) == len(WORDS) > 10_000
    assert not wrong, wrong[:5]
