"""Ismatec Reglo ICC: behaviour against a strict dialogue."""

from __future__ import annotations

import math

import pytest

from devices.commands import Verdict, declared
from devices.drivers.ismatec_channel import RegloChannel
from devices.drivers.ismatec_reglo_icc import RegloIcc, RegloIccOptions
from devices.link import Link
from devices.roles import BoundedPump, Pump
from devices.testing.scripted import Step, play
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, DeviceFault, LimitExceeded, VesiflowError

ML_MIN = 1e-6 / 60
HELLO = [
    Step(b"1~1\r", b"*"), Step(b"0xE0\r", b"*"), Step(b"0#\r", b"REGLO ICC 0208 306\r\n"),
    Step(b"0xS\r", b"0412\r\n"), Step(b"0xA\r", b"4\r\n"),
]  # fmt: skip


def channel(link: Link, clock: Clock, **options: object) -> Pump:
    role = RegloIcc(link, clock, RegloIccOptions.model_validate(options)).role("pump", channel=2)
    assert isinstance(role, Pump)
    return role


def test_connect_identifies_checks_the_serial_number_and_sets_differing_tubing_only() -> None:
    async def talk(link: Link, clock: Clock) -> Link:
        options = RegloIccOptions.model_validate({"serial_number": "0412", "tubing": {1: "3.17 mm", 2: "2.79 mm"}})
        await RegloIcc(link, clock, options).connect()
        return link

    tubing = [
        Step(b"1+\r", b"3.17 mm\r\n"), Step(b"2+\r", b"3.17 mm\r\n"), Step(b"2+0279\r", b"*"),
        Step(b"2+\r", b"2.79 mm\r\n"),
    ]  # fmt: skip
    identity = play([*HELLO, *tubing], talk).identity
    assert identity is not None
    assert (identity.model, identity.firmware, identity.serial_number) == ("REGLO ICC", "0208", "0412")


def test_another_serial_number_is_refused_by_name() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        await RegloIcc(link, clock, RegloIccOptions(serial_number="9999")).connect()

    with pytest.raises(ConfigError, match="0412"):
        play(HELLO[:-1], talk)


STANDS, RUNS, STOP = Step(b"2E\r", b"-"), Step(b"2E\r", b"+"), Step(b"2I\r", b"*")
HALT = [STOP, STANDS]
TIMED = [
    Step(b"2xM\r", b"L\r\n"), STOP, Step(b"2N\r", b"*"), Step(b"2xf1\r", b"*"), Step(b"2xT00000200\r", b"*"),
    Step(b"2xM\r", b"N\r\n"),
]  # fmt: skip
FREE = {"run_limit": None}


def test_set_flow_selects_time_mode_with_the_flow_as_rate_compares_and_reads_back() -> None:
    steps = [STANDS, *HALT, *TIMED, Step(b"2f2750+0\r", b"2750E+0\r\n"), Step(b"2f\r", b"2750E+0\r\n")]
    play(steps, lambda link, clock: channel(link, clock).set_flow(2.75 * ML_MIN))


def test_without_a_limit_the_flow_changes_while_the_channel_turns() -> None:
    steps = [
        Step(b"2xM\r", b"L\r\n"), STOP, Step(b"2M\r", b"*"), Step(b"2xM\r", b"M\r\n"),
        Step(b"2f2750+0\r", b"2750E+0\r\n"), Step(b"2f\r", b"2750E+0\r\n"),
    ]  # fmt: skip
    play(steps, lambda link, clock: channel(link, clock, **FREE).set_flow(2.75 * ML_MIN))


def test_an_accepted_value_that_differs_is_a_fault() -> None:
    steps = [Step(b"2xM\r", b"M\r\n"), Step(b"2f8000+1\r", b"3500E+1\r\n"), Step(b"2f\r", b"3500E+1\r\n")]
    with pytest.raises(DeviceFault, match=r"bench channel 2: set flow.*35"):
        play(steps, lambda link, clock: channel(link, clock, **FREE).set_flow(80 * ML_MIN))


def test_start_only_when_stopped_with_its_direction() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        pump = channel(link, clock, direction={2: "CCW"})
        await pump.start()
        await pump.start()

    steps = [
        STANDS, *TIMED, Step(b"2xD\r", b"J\r\n"), Step(b"2K\r", b"*"), Step(b"2xD\r", b"K\r\n"),
        Step(b"2H\r", b"*"), RUNS, RUNS,
    ]  # fmt: skip
    play(steps, talk)


def test_a_start_that_cannot_be_names_the_cause() -> None:
    steps = [STANDS, Step(b"2xM\r", b"M\r\n"), Step(b"2H\r", b"-"), Step(b"2xe\r", b"R 1386E-1\r\n")]
    with pytest.raises(DeviceFault, match="flow is 0 or above the maximum"):
        play(steps, lambda link, clock: channel(link, clock, **FREE).start())


def test_zero_flow_stops_and_the_next_flow_resumes() -> None:
    async def talk(link: Link, clock: Clock) -> list[tuple[float, bool]]:
        pump = channel(link, clock, **FREE)
        await pump.start()
        await pump.set_flow(0.0)
        at_zero = await pump.read_pump()
        await pump.set_flow(10 * ML_MIN)
        return [(at_zero.flow, at_zero.running)]

    flow = [Step(b"2f1000+1\r", b"1000E+1\r\n"), Step(b"2f\r", b"1000E+1\r\n")]
    steps = [
        RUNS, *HALT, STANDS, Step(b"2f\r", b"2750E+0\r\n"), Step(b"2xM\r", b"M\r\n"), *flow, STANDS,
        Step(b"2xM\r", b"M\r\n"), Step(b"2H\r", b"*"), RUNS,
    ]  # fmt: skip
    assert play(steps, talk) == [(0.0, False)]


def test_a_renewal_is_a_stop_and_a_start_and_may_be_said_twice() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        pump = channel(link, clock)
        assert isinstance(pump, BoundedPump)
        await pump.renew()  # nothing was started
        await pump.start()
        await pump.renew()  # too early
        await clock.sleep(15.0)
        await pump.renew()

    begin = [Step(b"2H\r", b"*"), RUNS]
    play([STANDS, *TIMED, *begin, RUNS, STOP, *begin], talk)
    play([STANDS, *TIMED, *begin, RUNS, Step(b"2I\r"), STOP, *begin], talk)


def test_a_volume_is_read_back_before_anything_turns() -> None:
    select = [
        Step(b"2xM\r", b"N\r\n"), STOP, Step(b"2O\r", b"*"), Step(b"2xf1\r", b"*"), Step(b"2xM\r", b"O\r\n"),
        Step(b"2v3000+0\r", b"3000E+0\r\n"),
    ]  # fmt: skip

    async def talk(link: Link, clock: Clock) -> None:
        pump = channel(link, clock)
        assert isinstance(pump, BoundedPump)
        await pump.dispense(3e-6)

    play([*HALT, *select, Step(b"2v\r", b"3000E+0\r\n"), Step(b"2H\r", b"*"), RUNS], talk)
    with pytest.raises(DeviceFault, match=r"takes another volume .*3 mL.*2.0 mL"):
        play([*HALT, *select, Step(b"2v\r", b"2000E+0\r\n")], talk)


def test_a_dispense_is_judged_by_the_count_of_the_pump() -> None:
    how = declared(RegloChannel.dispense)
    assert how is not None and how.judge is not None and how.evidence == "read_total"
    verdicts = [how.judge(5e-6, after, (3e-6,)) for after in (5e-6, 6e-6, 0.0)]
    assert verdicts == [Verdict.NOT_DONE, Verdict.DONE, Verdict.UNKNOWN]


def test_stop_reads_back_and_keeps_events_that_come_between() -> None:
    async def talk(link: Link, clock: Clock) -> list[str]:
        pump = RegloIcc(link, clock)
        await pump.role("pump", channel=2).stop()
        return [event.cause for event in pump.events]

    assert play([Step(b"2I\r", b"^X2|1\r\n*"), Step(b"2E\r", b"-")], talk) == ["stop key"]
    with pytest.raises(DeviceFault, match="still runs"):
        play([Step(b"2I\r", b"*"), Step(b"2E\r", b"+")], talk)


def test_a_refused_command_is_a_fault_and_silence_is_not() -> None:
    with pytest.raises(DeviceFault, match="refuses"):
        play([Step(b"2I\r", b"#")], lambda link, clock: channel(link, clock).stop())
    with pytest.raises(VesiflowError, match="no answer"):
        play([Step(b"2I\r")], lambda link, clock: channel(link, clock).stop())


def test_a_reply_of_another_kind_is_foreign() -> None:
    async def talk(link: Link, clock: Clock) -> tuple[float, int]:
        flow = (await channel(link, clock).read_pump()).flow
        return flow, link.counters.foreign

    flow, foreign = play([Step(b"2E\r", b"4\r\n+"), Step(b"2f\r", b"M\r\n3250E+1\r\n")], talk)
    assert flow == pytest.approx(32.5 * ML_MIN) and foreign == 2


@pytest.mark.parametrize("flow", [-1e-9, math.nan, math.inf, 1.0])
def test_limits_are_refused_before_any_byte(flow: float) -> None:
    with pytest.raises(LimitExceeded):
        play([], lambda link, clock: channel(link, clock).set_flow(flow))


@pytest.mark.parametrize("number", [None, 0, 5, True])
def test_a_pump_needs_its_channel(number: int | None) -> None:
    async def talk(link: Link, clock: Clock) -> None:
        RegloIcc(link, clock).role("pump", channel=number)

    with pytest.raises(ConfigError, match="channel"):
        play([], talk)
