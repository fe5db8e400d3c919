"""Watson-Marlow 323Du: codec and behaviour against a strict dialogue."""

from __future__ import annotations

import math

import pytest

from devices.commands import Verdict, declared
from devices.drivers.watson_marlow_323 import (
    DriveState,
    WatsonMarlow323,
    WatsonMarlow323Options,
    decode_running,
    decode_status,
    encode_action,
    encode_running,
    encode_speed,
)
from devices.link import Link
from devices.roles import Pump
from devices.testing.scripted import ScriptError, Step, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply, VesiflowError

ML_MIN = 1e-6 / 60
OPTIONS = WatsonMarlow323Options.model_validate({"tubing": {"volume_per_rev": "1.5 mL"}})


def drive(link: Link, clock: Clock) -> WatsonMarlow323:
    return WatsonMarlow323(link, clock, OPTIONS)


def status(rpm: str, running: int, direction: str = "CW") -> Step:
    return Step(b"1RS\r", f"1RS\r323Du {rpm} {direction} {running} !".encode())


def echoed(text: bytes) -> Step:
    return Step(text, text)


def test_settings_are_two_stop_bits() -> None:
    assert str(WatsonMarlow323.settings) == "9600 8N2"


def test_requests_are_those_of_the_manual() -> None:
    assert encode_speed(1, 110) == b"1SP110\r"
    assert encode_speed(12, 3) == b"12SP3\r"
    assert [encode_action(1, name) for name in ("start", "stop", "clockwise", "counter-clockwise")] == [
        b"1GO\r", b"1ST\r", b"1RR\r", b"1RL\r",
    ]  # fmt: skip
    assert encode_running(1) == b"1ZY\r"


@pytest.mark.parametrize("rpm", [2, 401, -1, True, 88.0, math.nan])
def test_a_speed_out_of_range_or_not_whole_is_never_encoded(rpm: float) -> None:
    with pytest.raises(LimitExceeded):
        encode_speed(1, rpm)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "rpm", "running"),
    [
        (b"323Du 110 CW 1 !", 110, True),
        (b"323Du 100.0 CW 1 !", 100, True),
        (b"\r\n323Du 3 CCW 0 !", 3, False),
        (b"620Du 15.84 620R 9.6MM 220.0 CW P/N 1 123456 1 !", 220, True),
    ],
)
def test_status_records(record: bytes, rpm: float, running: bool) -> None:
    found = decode_status(record)
    assert (found.rpm, found.running) == (rpm, running)


@pytest.mark.parametrize(
    "record",
    [b"", b"!", b"323Du CW 1 !", b"323Du 110 CW 2 !", b"323Du 110 UP 1 !", b"323Du nan CW 1 !", b"323Du 110 CW !",
     b"323Du 110 CW 1", b"Error CW 1 !", b"\xff23Du 110 CW 1 !", b"323Du 1e2 CW 1 !"],
)  # fmt: skip
def test_a_spoilt_record_is_refused(record: bytes) -> None:
    with pytest.raises(BadReply):
        decode_status(record)


def test_running_flag() -> None:
    assert decode_running(b"\r\n1\r") and not decode_running(b"0")
    with pytest.raises(BadReply):
        decode_running(b"2")


def test_connect_identifies_and_moves_nothing() -> None:
    async def talk(link: Link, clock: Clock) -> Link:
        await drive(link, clock).connect()
        return link

    link = play([status("110", 0)], talk)
    assert link.identity is not None and link.identity.model == "323Du"
    assert link.identify is not None and link.gap >= 0.01


def test_flow_is_rounded_to_whole_rpm_and_read_back() -> None:
    async def talk(link: Link, clock: Clock) -> tuple[float, bool]:
        pump = drive(link, clock)
        await pump.set_flow(88.2 * ML_MIN)
        state = await pump.read_pump()
        return state.flow, state.running

    flow, running = play([echoed(b"1SP59\r"), status("59", 0), status("59", 0)], talk)
    assert flow == pytest.approx(88.5 * ML_MIN) and not running


def test_start_sets_direction_first_and_is_idempotent() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        pump = drive(link, clock)
        await pump.start()
        await pump.start()

    play(
        [status("59", 0, "CCW"), echoed(b"1RR\r"), status("59", 0), echoed(b"1GO\r"), status("59", 1), status("59", 1)],
        talk,
    )


def test_stop_reads_back_and_a_head_that_turns_on_is_a_fault() -> None:
    play([echoed(b"1ST\r"), status("59", 0)], lambda link, clock: drive(link, clock).stop())
    with pytest.raises(DeviceFault, match="still turns"):
        play([echoed(b"1ST\r"), status("59", 1)], lambda link, clock: drive(link, clock).stop())


def test_a_flow_below_the_lowest_speed_stops_and_the_next_flow_resumes() -> None:
    async def talk(link: Link, clock: Clock) -> list[float]:
        pump = drive(link, clock)
        flows = []
        await pump.start()
        await pump.set_flow(0.0)
        flows.append((await pump.read_pump()).flow)
        await pump.set_flow(15 * ML_MIN)
        flows.append((await pump.read_pump()).flow)
        return flows

    flows = play(
        [
            status("59", 0), echoed(b"1GO\r"), status("59", 1),
            echoed(b"1ST\r"), status("59", 0), status("59", 0),
            echoed(b"1SP10\r"), status("10", 0), status("10", 0), echoed(b"1GO\r"), status("10", 1), status("10", 1),
        ],
        talk,
    )  # fmt: skip
    assert flows == pytest.approx([0.0, 15 * ML_MIN])


def test_start_at_zero_flow_moves_nothing() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        pump = drive(link, clock)
        await pump.set_flow(1.0 * ML_MIN)
        await pump.start()

    play([status("59", 0), echoed(b"1ST\r"), status("59", 0)], talk)


def test_a_head_that_turned_before_we_came_resumes_after_a_flow_of_zero() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        pump = drive(link, clock)
        await pump.set_flow(0.0)
        await pump.set_flow(15 * ML_MIN)

    steps = [
        status("59", 1), echoed(b"1ST\r"), status("59", 0), echoed(b"1SP10\r"), status("10", 0), status("10", 0),
        echoed(b"1GO\r"), status("10", 1),
    ]  # fmt: skip
    play(steps, talk)


@pytest.mark.parametrize("flow", [-1e-9, 601 * ML_MIN, math.nan, math.inf])
def test_limits_are_refused_before_any_byte(flow: float) -> None:
    with pytest.raises(LimitExceeded):
        play([], lambda link, clock: drive(link, clock).set_flow(flow))


def test_a_speed_that_was_not_taken_over_is_a_fault() -> None:
    with pytest.raises(DeviceFault, match="not taken over"):
        play([echoed(b"1SP59\r"), status("110", 0)], lambda link, clock: drive(link, clock).set_flow(88.5 * ML_MIN))


def test_line_ends_and_noise_before_the_echo_are_survived() -> None:
    state = play(
        [Step(b"1RS\r", b"\r\n\xff\r1RS\r\r\n323Du 110 CW 1 !")], lambda link, clock: drive(link, clock).read_pump()
    )
    assert state.running


def test_an_echo_of_something_else_is_no_answer() -> None:
    with pytest.raises(VesiflowError) as caught:
        play([Step(b"1ST\r", b"1SD\r")], lambda link, clock: drive(link, clock).stop())
    assert isinstance(caught.value, BadReply | NoReply)


def test_judge_accepts_the_rounding_only() -> None:
    act = declared(WatsonMarlow323.set_flow)
    assert act is not None and act.judge is not None and act.evidence == "read_drive"
    at = DriveState(flow=88.5, step=1.5, running=True)
    assert act.judge(None, at, (88.2,)) is Verdict.DONE
    assert act.judge(None, at, (90.0,)) is Verdict.NOT_DONE
    assert act.judge(None, at, (0.0,)) is Verdict.NOT_DONE
    assert act.judge(None, DriveState(0.0, 1.5, False), (2.0,)) is Verdict.DONE


def test_role() -> None:
    async def talk(link: Link, clock: Clock) -> object:
        pump = drive(link, clock)
        for wrong in ({"capability": "balance"}, {"capability": "pump", "channel": 2}, {"capability": "pump", "x": 1}):
            with pytest.raises(ConfigError):
                pump.role(**wrong)
        return pump.role("pump")

    assert isinstance(play([], talk), Pump)


def test_the_script_itself_is_strict() -> None:
    with pytest.raises(ScriptError, match="never sent"):
        play([status("1", 0), status("1", 0)], lambda link, clock: drive(link, clock).read_status())
    with pytest.raises(ScriptError, match="the script says"):
        play([Step(b"1ZY\r", b"0")], lambda link, clock: drive(link, clock).read_status())
    with pytest.raises(ScriptError, match="never read"):
        play([Step(b"1RS\r", b"1RS\r323Du 3 CW 0 !0")], lambda link, clock: drive(link, clock).read_status())
