"""The gateway: limits before the journal, the journal before the act, evidence after it, nothing repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.commands import Kind, command, declared, read
from line.gateway import Gateway
from records.journal import JournalReader, StoreError
from tests.unit.line.bench import Bench, bench
from vesiflow.errors import BadReply, ConfigError, InDoubt, LimitExceeded, NoReply, NotSent, Refused


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def gateway(rig: Bench) -> Gateway:
    return Gateway(rig.line, rig.journal, "b1", "p1", 1)


def outcomes(rig: Bench) -> list[tuple[str, str | None]]:
    with JournalReader(rig.journal.path) as reader:
        return [(intent.verb, intent.outcome and intent.outcome.state) for intent in reader.intents("b1")]


async def test_an_act_is_journaled_before_and_after(rig: Bench) -> None:
    await gateway(rig).role("tff.feed_pump").set_flow(0.5)
    assert rig.pump.flow == 0.5
    assert outcomes(rig) == [("set_flow", "DONE")]


async def test_reads_leave_no_intent(rig: Bench) -> None:
    assert (await gateway(rig).role("tff.feed_pump").read_pump()).flow == 0.0
    assert outcomes(rig) == []


async def test_outside_the_limits_nothing_is_written_or_sent(rig: Bench) -> None:
    with pytest.raises(LimitExceeded, match=r"tff\.feed_pump: set_flow: flow outside the limits of the line"):
        await gateway(rig).role("tff.feed_pump").set_flow(1.5)
    with pytest.raises(LimitExceeded):
        await gateway(rig).role("tff.feed_pump").set_flow(float("nan"))
    assert outcomes(rig) == []
    assert rig.pump.flow == 0.0


async def test_limits_reach_into_records_and_lists_of_records(rig: Bench) -> None:
    @dataclass
    class Program:
        name: str
        flow: float

    @command(Kind.SETPOINT)
    async def upload(programs: list[Program]) -> None:
        rig.pump.flow = programs[0].flow

    how = declared(upload)
    assert how is not None
    with pytest.raises(LimitExceeded, match="flow outside the limits"):
        await gateway(rig).act("tff.feed_pump", upload, how, [Program("a", 0.1), Program("b", 1.5)])
    await gateway(rig).act("tff.feed_pump", upload, how, [Program("a", 0.1)])
    assert rig.pump.flow == 0.1


async def test_lost_reply_but_read_back_shows_it_done(rig: Bench) -> None:
    rig.pump.lose = NoReply("no answer")
    await gateway(rig).role("tff.feed_pump").set_flow(0.5)
    assert outcomes(rig) == [("set_flow", "DONE")]


async def test_lost_request_read_back_shows_it_not_done(rig: Bench) -> None:
    rig.pump.lose, rig.pump.acts = NoReply("no answer"), False
    with pytest.raises(NoReply):
        await gateway(rig).role("tff.feed_pump").set_flow(0.5)
    assert outcomes(rig) == [("set_flow", "NOT_DONE")]


async def test_not_sent_is_not_done(rig: Bench) -> None:
    rig.pump.lose, rig.pump.acts = NotSent("unplugged"), False
    with pytest.raises(NotSent):
        await gateway(rig).role("tff.feed_pump").start()
    assert outcomes(rig) == [("start", "NOT_DONE")]


async def test_counted_by_the_instruments_counter(rig: Bench) -> None:
    pump = gateway(rig).role("tff.feed_pump")
    rig.pump.lose = NoReply("no answer")
    await pump.dose()
    rig.pump.lose, rig.pump.acts = NoReply("no answer"), False
    with pytest.raises(NoReply):
        await pump.dose()
    assert outcomes(rig) == [("dose", "DONE"), ("dose", "NOT_DONE")]
    assert rig.pump.doses == 1


async def test_without_evidence_it_is_in_doubt_and_never_repeated(rig: Bench) -> None:
    rig.pump.lose = NoReply("no answer")
    with pytest.raises(InDoubt, match="unknown whether it happened"):
        await gateway(rig).role("tff.feed_pump").splash()
    assert outcomes(rig) == [("splash", "UNKNOWN")]


async def test_evidence_that_cannot_be_read_is_in_doubt(rig: Bench) -> None:
    pump = gateway(rig).role("tff.feed_pump")
    await pump.dose()

    async def broken() -> int:
        raise NoReply("no answer")

    rig.pump.lose = NoReply("no answer")
    reads = iter([rig.pump.read_count, broken])
    rig.pump.read_count = lambda: next(reads)()  # type: ignore[method-assign]
    with pytest.raises(InDoubt):
        await pump.dose()
    assert outcomes(rig)[-1] == ("dose", "UNKNOWN")


async def test_undeclared_and_missing(rig: Bench) -> None:
    with pytest.raises(TypeError, match="declares no command class"):
        _ = gateway(rig).role("tff.feed_pump").undeclared
    with pytest.raises(ConfigError, match=r"has no role tff\.heater"):
        gateway(rig).role("tff.heater")


def fail(rig: Bench) -> None:
    """The journal's disk has an error: nothing can be written until a restart."""
    rig.journal._fault = StoreError("disk I/O error")


async def test_without_a_journal_nothing_goes_out_but_what_de_energises(rig: Bench) -> None:
    pump = gateway(rig).role("tff.feed_pump")
    await pump.start()
    fail(rig)
    for act in (pump.start, pump.dose, pump.splash, lambda: pump.set_flow(0.1)):
        with pytest.raises(StoreError, match="takes nothing"):
            await act()
    assert (rig.pump.starts, rig.pump.doses, rig.pump.flow) == (1, 0, 0.0)
    await pump.stop()
    assert not rig.pump.running
    assert outcomes(rig) == [("start", "DONE")]
    rig.journal._fault = None
    rig.journal.reopen()
    assert outcomes(rig) == [("start", "DONE"), ("stop", "DONE")]
    assert [intent.late for intent in rig.journal.intents("b1")] == [False, True]


async def test_a_safe_act_without_journal_that_fails_is_owed_as_it_was(rig: Bench) -> None:
    fail(rig)
    rig.pump.lose = NoReply("no answer")
    with pytest.raises(NoReply):
        await gateway(rig).role("tff.feed_pump").stop()
    rig.journal._fault = None
    rig.journal.reopen()
    assert outcomes(rig) == [("stop", "UNKNOWN")]


async def test_an_outcome_that_cannot_be_written_is_owed_and_nothing_goes_on(rig: Bench) -> None:
    def broken() -> None:
        fail(rig)

    rig.pump.flow, rig.pump._do = 0.0, lambda act: (act(), broken())[0]  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await gateway(rig).role("tff.feed_pump").dose()
    assert (rig.pump.doses, outcomes(rig)) == (1, [("dose", None)])
    rig.journal._fault = None
    rig.journal.reopen()
    assert outcomes(rig) == [("dose", "DONE")]


async def test_a_batch_whose_unit_was_granted_again_sends_nothing(rig: Bench) -> None:
    granted = {"tff": 1}
    pump = Gateway(rig.line, rig.journal, "b1", "p1", 1, granted).role("tff.feed_pump")
    await pump.set_flow(0.5)
    granted["tff"] = 2
    with pytest.raises(Refused, match="belongs to another batch"):
        await pump.start()
    assert (rig.pump.starts, outcomes(rig)) == (0, [("set_flow", "DONE")])


async def test_a_garbled_reading_is_asked_for_once_more_and_a_second_one_is_told(rig: Bench) -> None:
    class Noisy:
        asked = 0
        spoilt = 1

        @read
        async def read_mass(self) -> float:
            self.asked += 1
            if self.asked <= self.spoilt:
                raise BadReply("noise")
            return 0.25

    noisy = Noisy()
    rig.line.roles["tff.feed_pump"] = noisy
    role = Gateway(rig.line, rig.journal, "b1", "1-tff/1-pump/1", 0).role("tff.feed_pump")
    assert (await role.read_mass(), noisy.asked) == (0.25, 2)
    noisy.asked, noisy.spoilt = 0, 2
    with pytest.raises(BadReply):
        await role.read_mass()
    assert noisy.asked == 2
