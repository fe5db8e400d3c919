"""The operator: prompts over a link and over the console, answers checked, patience without end."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from devices.drivers.operator import BenchOperator, check_field, decode_answer, encode_prompt
from devices.link import Link
from devices.readings import Answer, Prompt
from devices.roles import Operator
from devices.testing.scripted import Step, play
from vesiflow.clock import Clock, VirtualClock
from vesiflow.errors import BadReply, ConfigError, Refused

PROMPT = Prompt(
    "pool fractions",
    "Pour tubes 12 and 13 into bottle EV1.",
    (("tubes", "12,13"), ("bottle", "EV1")),
    (("volume", "mL"), ("barcode", "text"), ("clean", "yes/no")),
)
FIRST = int(datetime(2026, 1, 5, 8, 0, tzinfo=UTC).timestamp() * 1000)
VALUES = {"volume": 55.2, "barcode": "EV1", "clean": True}
CHECKED = Answer((("volume", "55.2"), ("barcode", "EV1"), ("clean", "yes")), "A. Lee")


def line(**reply: object) -> bytes:
    return json.dumps(reply).encode() + b"\n"


def asked(reply: bytes, after: float = 0.0) -> Answer:
    steps = [Step(encode_prompt(FIRST, PROMPT), reply, after)]
    return play(steps, lambda link, clock: BenchOperator(link, clock).ask(PROMPT), chunk=50)


def test_prompt_is_one_line_of_json() -> None:
    sent = encode_prompt(7, Prompt("approve", "one\ntwo", (), (("ok", "yes/no"),)))
    assert sent.count(b"\n") == 1
    assert json.loads(sent) == {
        "id": 7, "action": "approve", "text": "one\ntwo", "details": {}, "fields": {"ok": "yes/no"},
    }  # fmt: skip


def test_answer_over_the_link() -> None:
    assert asked(line(id=FIRST, values=VALUES, by="A. Lee")) == CHECKED


def test_a_person_may_take_days_and_the_link_stays_clean() -> None:
    async def talk(link: Link, clock: Clock) -> tuple[Answer, bool, float]:
        answer = await BenchOperator(link, clock).ask(PROMPT)
        return answer, link.dirty, clock.now()

    steps = [Step(encode_prompt(FIRST, PROMPT), line(id=FIRST, values=VALUES, by="A. Lee"), 200_000.0)]
    answer, dirty, now = play(steps, talk, chunk=50)
    assert (answer, dirty) == (CHECKED, False)
    assert now >= 200_000.0


def test_lines_about_other_prompts_are_passed_over() -> None:
    other = line(id=FIRST - 1, values={}, by="old") + b"\n" + line(id=True, values={}, by="x")
    assert asked(other + line(id=FIRST, values=VALUES, by="A. Lee")) == CHECKED


@pytest.mark.parametrize("damaged", [b"not json\n", b"\x00\xfe{}\n", b"[1]\n", b'{"id": 1', line(id=FIRST)[:-3]])
def test_a_damaged_line_may_have_been_the_answer(damaged: bytes) -> None:
    with pytest.raises(BadReply, match="check the"):
        asked(damaged)


def test_refusal() -> None:
    with pytest.raises(Refused, match="pool fractions: the operator refuses: bottle broken"):
        asked(line(id=FIRST, refused="bottle broken"))


@pytest.mark.parametrize(
    "reply",
    [
        {"values": VALUES}, {"by": "A"}, {"values": VALUES, "by": ""}, {"values": [], "by": "A"},
        {"values": {**VALUES, "more": "x"}, "by": "A"}, {"values": {"volume": 1}, "by": "A"},
        {"values": {**VALUES, "volume": "much"}, "by": "A"}, {"values": {**VALUES, "volume": float("nan")}, "by": "A"},
        {"values": {**VALUES, "volume": "3 kg"}, "by": "A"}, {"values": {**VALUES, "clean": "maybe"}, "by": "A"},
        {"values": {**VALUES, "barcode": "A\r\nB"}, "by": "A"}, {"values": {**VALUES, "barcode": ""}, "by": "A"},
        {"values": {**VALUES, "barcode": ["A"]}, "by": "A"}, {"values": VALUES, "by": "A\x00"},
    ],
)  # fmt: skip
def test_answers_that_do_not_fit(reply: dict[str, object]) -> None:
    with pytest.raises((BadReply, ConfigError)):
        asked(line(id=FIRST, **reply))


def test_numbers_in_the_unit_of_the_field() -> None:
    assert check_field("volume", "mL", "0.055 L") == "55"
    assert check_field("temperature", "degC", "4") == "4"
    assert check_field("temperature", "degC", "277.15 K") == "4"
    assert check_field("count", "", "50") == check_field("count", "1", "50") == "50"
    assert check_field("particles", "1/mL", "2.5e9") == "2500000000"
    assert check_field("clean", "yes/no", " Yes ") == "yes"
    for value in ("inf", "1e999", "", "4 bananas"):
        with pytest.raises(ConfigError):
            check_field("volume", "mL", value)


def test_decode_tells_garbage_from_another_prompt() -> None:
    assert decode_answer(b"[]", 1, PROMPT) is None
    with pytest.raises(BadReply):
        decode_answer(b"{", 1, PROMPT)


async def others() -> None:
    """Let the other tasks run as far as they get; no time passes."""
    for _ in range(20):
        await asyncio.sleep(0)  # noqa: TID251


def console(talk: object) -> object:
    async def run() -> object:
        clock = VirtualClock()
        operator = BenchOperator(None, clock)
        return await clock.spawn(talk(operator, clock), "test")  # type: ignore[operator]

    return asyncio.run(run())


def test_console_waits_without_time_passing() -> None:
    async def talk(operator: BenchOperator, clock: VirtualClock) -> tuple[Answer, float]:
        assert isinstance(operator.role("operator"), Operator)
        assert (await operator.connect()).model == "operator at the console"
        background = clock.spawn(clock.sleep(10.0), "background")
        task = clock.spawn(operator.ask(PROMPT), "ask")
        await others()
        assert operator.pending() is PROMPT and await operator.read_pending() is PROMPT
        with pytest.raises(ConfigError, match=r"wrong fields \(got none, allowed volume, barcode, clean\)"):
            operator.answer({}, "A. Lee")
        assert not task.done()
        values = {"volume": "55.2", "barcode": "EV1", "clean": "yes"}
        operator.answer(values, "A. Lee")
        with pytest.raises(ConfigError, match="nobody is being asked"):
            operator.answer(values, "A. Lee")
        answer = await clock.join(task)
        when = clock.now()
        await clock.join(background)
        assert operator.pending() is None
        return answer, when

    assert console(talk) == (CHECKED, 0.0)


def test_console_refusal_and_order() -> None:
    async def talk(operator: BenchOperator, clock: VirtualClock) -> list[str]:
        with pytest.raises(ConfigError, match="nobody is being asked"):
            operator.refuse("no", "A. Lee")
        second = Prompt("approve", "Go on?")
        tasks = [clock.spawn(operator.ask(prompt), "ask") for prompt in (PROMPT, second)]
        said = []
        for task in tasks:
            await others()
            prompt = operator.pending()
            assert prompt is not None
            said.append(prompt.action)
            operator.refuse("tired", "A. Lee")
            with pytest.raises(Refused, match=r"A\. Lee refuses: tired"):
                await clock.join(task)
        return said

    assert console(talk) == ["pool fractions", "approve"]


def test_cancelled_question_is_no_longer_pending() -> None:
    async def talk(operator: BenchOperator, clock: VirtualClock) -> Prompt | None:
        task = clock.spawn(operator.ask(PROMPT), "ask")
        await others()
        assert operator.pending() is PROMPT
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return operator.pending()

    assert console(talk) is None
