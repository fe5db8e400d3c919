"""A line that only says other things is told apart from one that says nothing; a given-up question is not forgotten."""

import asyncio

import pytest

from devices.link import Link, until
from devices.testing.scripted import ScriptedTransport, Step, play
from vesiflow.clock import Clock, VirtualClock
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


def test_late_answer_to_a_cancelled_question_is_never_the_next_one() -> None:
    async def run() -> bytes:
        clock = VirtualClock()
        transport = ScriptedTransport([Step(b"Q\r", b"old\r", 0.5), Step(b"R\r", b"new\r")], clock, chunk=9)
        link = Link(transport, clock, "bench", quiet=1.0)

        async def act() -> bytes:
            first = clock.spawn(link.query(b"Q\r", until(b"\r")), "first")
            await clock.sleep(0.1)
            first.cancel()
            await asyncio.wait([first])
            assert link.dirty
            return await link.query(b"R\r", until(b"\r"))

        return await clock.spawn(act(), "test")

    assert asyncio.run(run()) == b"new\r"
