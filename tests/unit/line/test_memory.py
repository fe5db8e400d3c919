"""What a phase has behind it: folded from the journal, the same in every life of the controller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from line.memory import Memory
from records.journal import Journal
from vesiflow.clock import VirtualClock


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite", VirtualClock(), code_version="test", boot_id="boot") as made:
        yield made


def begun(journal: Journal, key: str = "1-tff/1-load/1") -> Memory:
    memory = Memory(journal, "b1", key)
    memory.begin()
    return memory


def answered(memory: Memory, action: str, details: dict[str, object], **values: str) -> str:
    name = memory.prompt(action, details)
    memory.journal.event("prompt.answered", "b1", key=memory.key, prompt=name, action=action, values=values, by="anna")
    return name


def test_steps_survive(journal: Journal) -> None:
    begun(journal).step("tared", 3.0)
    assert begun(journal).steps == {"tared": 3.0}
    assert begun(journal, "1-tff/2-concentrate/1").steps == {}, "of this phase only"


def test_an_answer_is_found_again_whatever_was_measured_meanwhile(journal: Journal) -> None:
    answered(begun(journal), "fill buffer", {"buffer": "PBS", "volume": 1.0}, lot="L1")
    memory = begun(journal)
    assert memory.answer(memory.prompt("fill buffer", {"buffer": "PBS", "volume": 1.0001})) == {"lot": "L1"}
    assert memory.answer(memory.prompt("fill buffer", {"buffer": "PBS", "volume": 1.0})) is None, "asked a second time"
    assert memory.answer(memory.prompt("fill buffer", {"buffer": "water", "volume": 1.0})) is None


def test_a_column_is_never_taken_for_another(journal: Journal) -> None:
    answered(begun(journal), "press GO", {"program": "P", "column": 1})
    memory = begun(journal)
    assert memory.answer(memory.prompt("press GO", {"program": "P", "column": 2})) is None


def test_a_refused_answer_is_asked_for_again_under_another_name(journal: Journal) -> None:
    memory = begun(journal)
    first = answered(memory, "chill plate", {}, temperature="9")
    answered(memory, "move plate", {"to": "deck"})
    memory.refuse(first)
    for found in (begun(journal), begun(journal)):
        second = found.prompt("chill plate", {})
        assert second != first, "a person who remembers the first name would not do it again"
        assert found.answer(second) is None
        assert found.answer(found.prompt("move plate", {"to": "deck"})) is not None, "the others stand"


def test_anew_forgets_everything(journal: Journal) -> None:
    memory = begun(journal)
    first = answered(memory, "fill buffer", {"buffer": "PBS"}, lot="L1")
    memory.step("filled")
    memory.anew()
    again = begun(journal)
    assert again.steps == {}
    assert again.prompt("fill buffer", {"buffer": "PBS"}) != first
