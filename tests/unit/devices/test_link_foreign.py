"""A line that only says other things is told apart from one that says nothing."""

import pytest

from devices.link import Link, until
from devices.testing.scripted import Step, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, NoReply


async def _ask(link: Link, clock: Clock) -> bytes:
    return await link.query(b"Q\r", until(b"\r"), accept=lambda reply: reply == b"A\r")


def test_answer_to_another_question_is_a_bad_reply() -> None:
    with pytest.raises(BadReply, match="not to the question"):
        play([Step(b"Q\r", b"other\r")], _ask)


def test_only_blank_lines_are_no_reply() -> None:
    with pytest.raises(NoReply):
        play([Step(b"Q\r", b"\r\r")], _ask)


def test_right_answer_after_a_foreign_line() -> None:
    assert play([Step(b"Q\r", b"other\rA\r")], _ask) == b"A\r"
