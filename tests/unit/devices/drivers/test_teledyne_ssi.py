"""Teledyne SSI pump: byte vectors, scale rule, faults, limits."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from devices.commands import Verdict, declared
from devices.drivers.ssi_codec import (
    PSI,
    Faults,
    PressureLimits,
    PumpReport,
    RunState,
    decode,
    decode_done,
    decode_faults,
    decode_flow_compensation,
    decode_identification,
    decode_information,
    decode_named,
    decode_pressure,
    decode_report,
    encode_action,
    encode_compensation,
    encode_flow,
    encode_flow_compensation,
    encode_flow_integer,
    encode_head,
    encode_leak_mode,
    encode_limit,
    encode_read,
    encode_solvent,
)
from devices.drivers.teledyne_ssi import RESET, TeledyneSsi
from devices.link import Link
from devices.roles import ChromatographyPump
from devices.testing.scripted import Step, load_vectors, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded

ML_MIN = 1e-6 / 60
VECTORS = {
    vector.send: vector.reply for vector in load_vectors(Path(__file__).parents[3] / "data/wire/ssi_hplc_pump.json")
}
NO_FAULT = Step(b"RF\r", b"OK,0,0,0/")


def status(flow: str = "1.00", running: int = 0, upper: str = "5000", unit: str = "PSI", lower: str = "0") -> Step:
    return Step(b"CS\r", f"OK,{flow},{upper},{lower},{unit},0,{running},0/".encode())


def pump(link: Link, clock: Clock) -> TeledyneSsi:
    return TeledyneSsi(link, clock)


def test_vectors() -> None:
    assert set(VECTORS) == {
        encode_action("run"), encode_flow(1.0, 2), encode_read("pressure"), encode_read("status"),
        encode_read("faults"), encode_action("force fault"), RESET,
    }  # fmt: skip
    assert decode(VECTORS[b"RU\r"] or b"") == [] and VECTORS[RESET] is None
    assert decode_pressure(VECTORS[b"PR\r"] or b"") == 100.0
    assert decode_report(VECTORS[b"CS\r"] or b"") == PumpReport(1.0, 2, 5000.0, 0.0, "PSI", "0", True)
    assert decode_faults(VECTORS[b"RF\r"] or b"") == Faults(False, True, False)


@pytest.mark.parametrize(
    ("flow", "decimals", "request_"),
    [(0.75, 2, b"FL075\r"), (9.99, 2, b"FL999\r"), (10.0, 2, b"FO1000\r"), (12.5, 1, b"FL125\r"),
     (40.0, 1, b"FO0400\r"), (0.75, 3, b"FM0750\r"), (9.999, 3, b"FM9999\r")],
)  # fmt: skip
def test_scale_rule(flow: float, decimals: int, request_: bytes) -> None:
    assert encode_flow(flow, decimals) == request_


@pytest.mark.parametrize(
    ("flow", "decimals"),
    [(10.01, 2), (40.1, 1), (10.0, 3), (0.004, 2), (0.0, 2), (-1, 2), (math.nan, 2), (math.inf, 1)],
)
def test_a_flow_the_head_cannot_write(flow: float, decimals: int) -> None:
    with pytest.raises(LimitExceeded):
        encode_flow(flow, decimals)


def test_other_requests() -> None:
    assert encode_limit("upper", 435.9) == b"UP0435\r" and encode_limit("lower", 0) == b"LP0000\r"
    assert encode_compensation(1000) == b"PC10\r"
    assert encode_flow_integer(1.0, 3) == b"FI1000\r" and encode_flow_integer(1.0, 2) == b"FI100\r"
    with pytest.raises(ConfigError):
        encode_flow(1.0, 4)
    with pytest.raises(LimitExceeded):
        encode_limit("upper", 6001)


def test_other_replies() -> None:
    assert decode_named(b"OK,MF:12.00/", "maximum flow") == 12.0
    assert decode_identification(b"OK,v3.1 LabAlliance/").firmware == "v3.1 LabAlliance"
    info = decode_information(b"OK,1.00,1,10,S10S,0,1,0,0,1,0,0,1,0,0,0,0,0/")
    assert info == (True, Faults(stall=False, upper=True, lower=False))
    mx = decode_identification(b"OK,191016 Version 1.0.7/")
    assert (mx.model, mx.firmware) == ("191016", "1.0.7")
    with pytest.raises(BadReply):
        decode_named(b"OK,MP:6000/", "maximum flow")


@pytest.mark.parametrize(
    "reply",
    [b"OK/", b"OK,1.00,5000,0,PSI,0,1/", b"OK,1,5000,0,PSI,0,1,0/", b"OK,1.00,5000,0,FOO,0,1,0/",
     b"OK,1.00,5000,0,PSI,0,2,0/", b"OK,nan,5000,0,PSI,0,1,0/", b"\xff,1.00,5000,0,PSI,0,1,0/"],
)  # fmt: skip
def test_spoilt_status(reply: bytes) -> None:
    with pytest.raises(BadReply):
        decode_report(reply)


def test_connect_clears_the_input_first() -> None:
    steps = [Step(RESET), Step(b"ID\r", b"OK,v3.1 LabAlliance/"), status()]
    identity = play(steps, lambda link, clock: pump(link, clock).connect())
    assert identity.vendor == "Teledyne SSI"


@pytest.mark.parametrize(
    ("shown", "request_", "after"),
    [("1.00", b"FL075\r", "0.75"), ("1.0", b"FL008\r", "0.8"), ("1.000", b"FM0750\r", "0.750")],
)
def test_set_flow_by_the_heads_digits(shown: str, request_: bytes, after: str) -> None:
    steps = [status(shown), Step(request_, b"OK/"), status(after)]
    play(steps, lambda link, clock: pump(link, clock).set_flow(0.75 * ML_MIN))


def test_a_flow_that_was_not_taken_over() -> None:
    with pytest.raises(DeviceFault, match="not taken over"):
        play(
            [status(), Step(b"FL075\r", b"OK/"), status()],
            lambda link, clock: pump(link, clock).set_flow(0.75 * ML_MIN),
        )


def test_an_error_clears_the_input_before_anything_else() -> None:
    with pytest.raises(DeviceFault, match="Er/"):
        play(
            [status(), Step(b"FL075\r", b"Er/"), Step(RESET)],
            lambda link, clock: pump(link, clock).set_flow(0.75 * ML_MIN),
        )


@pytest.mark.parametrize("flow", [-1e-9, math.nan, math.inf, 1.0])
def test_flows_refused_before_any_byte(flow: float) -> None:
    with pytest.raises(LimitExceeded):
        play([], lambda link, clock: pump(link, clock).set_flow(flow))


def test_start_checks_faults_and_is_idempotent() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        device = pump(link, clock)
        await device.start()
        await device.start()

    play([status(), NO_FAULT, Step(b"RU\r", b"OK/"), status(running=1), status(running=1)], talk)
    with pytest.raises(DeviceFault, match="upper pressure limit"):
        play([status(), Step(b"RF\r", b"OK,0,1,0/")], lambda link, clock: pump(link, clock).start())


def test_stop_and_zero_flow() -> None:
    play([Step(b"ST\r", b"OK/"), status()], lambda link, clock: pump(link, clock).stop())
    with pytest.raises(DeviceFault, match="still runs"):
        play([Step(b"ST\r", b"OK/"), status(running=1)], lambda link, clock: pump(link, clock).stop())

    async def talk(link: Link, clock: Clock) -> None:
        device = pump(link, clock)
        await device.start()
        await device.set_flow(0.0)
        await device.set_flow(1.0 * ML_MIN)

    steps = [
        status(running=1), status(running=1), Step(b"ST\r", b"OK/"), status(), status(), Step(b"FL100\r", b"OK/"),
        status(), status(), NO_FAULT, Step(b"RU\r", b"OK/"), status(running=1),
    ]  # fmt: skip
    play(steps, talk)


def test_a_fault_shows_in_every_reading() -> None:
    stalled = Step(b"RF\r", b"OK,1,0,0/")
    with pytest.raises(DeviceFault, match="stall"):
        play([stalled], lambda link, clock: pump(link, clock).read_pump())
    with pytest.raises(DeviceFault, match="stall"):
        play([stalled], lambda link, clock: pump(link, clock).read_pressure())


@pytest.mark.parametrize(("unit", "pascal"), [("PSI", 100 * PSI), ("BAR", 1e7), ("MPA", 1e8), ("KGC", 9806650.0)])
def test_pressure_in_the_pumps_unit(unit: str, pascal: float) -> None:
    steps = [NO_FAULT, status(unit=unit), Step(b"CC\r", b"OK,100,1.00/")]
    assert play(steps, lambda link, clock: pump(link, clock).read_pressure()).value == pytest.approx(pascal)


def test_pressure_limit() -> None:
    steps = [status(), Step(b"UP0435\r", b"OK/"), status(upper="435")]
    play(steps, lambda link, clock: pump(link, clock).set_pressure_limit(30e5))
    bar = [status(unit="BAR", upper="350"), Step(b"UP0435\r", b"OK/"), status(unit="BAR", upper="30")]
    play(bar, lambda link, clock: pump(link, clock).set_pressure_limit(30e5))
    with pytest.raises(DeviceFault, match="not taken over"):
        play([*steps[:2], status()], lambda link, clock: pump(link, clock).set_pressure_limit(30e5))
    for pressure in (6100 * PSI, 10.0, -1e5, math.nan):
        with pytest.raises(LimitExceeded):
            play([], lambda link, clock, p=pressure: pump(link, clock).set_pressure_limit(p))  # type: ignore[misc]


@pytest.mark.parametrize(("lower", "request_", "upper"), [("0", b"UP0100\r", "100"), ("25", b"UP0125\r", "125")])
def test_below_its_span_the_pump_trips_as_low_as_it_can(lower: str, request_: bytes, upper: str) -> None:
    async def talk(link: Link, clock: Clock) -> PressureLimits:
        device = pump(link, clock)
        await device.set_pressure_limit(3e5)
        return await device.read_limits()

    after = status(upper=upper, lower=lower)
    limits = play([status(lower=lower), Step(request_, b"OK/"), after, after], talk)
    assert limits.upper == pytest.approx(float(upper) * PSI)
    assert limits.trips_at(3e5) and not limits.trips_at(30e5)


def test_judges() -> None:
    flow, start = declared(TeledyneSsi.set_flow), declared(TeledyneSsi.start)
    assert flow is not None and flow.judge is not None and start is not None and start.judge is not None
    at = RunState(flow=0.75 * ML_MIN, step=0.01 * ML_MIN, running=False)
    assert flow.judge(None, at, (0.754 * ML_MIN,)) is Verdict.DONE
    assert flow.judge(None, at, (0.76 * ML_MIN,)) is Verdict.NOT_DONE
    assert start.judge(None, at, ()) is Verdict.NOT_DONE


def test_role() -> None:
    async def talk(link: Link, clock: Clock) -> object:
        with pytest.raises(ConfigError):
            pump(link, clock).role("valve")
        return pump(link, clock).role("chromatography_pump")

    assert isinstance(play([], talk), ChromatographyPump)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (encode_head(2), b"HT2\r"),
        (encode_flow_compensation(98.5), b"UC0985\r"),
        (encode_flow_compensation(115.0), b"UC1150\r"),
        (encode_leak_mode(2), b"LM2\r"),
        (encode_solvent(3), b"SS3\r"),
        (encode_action("factory reset"), b"RE\r"),
    ],
)
def test_bench_settings_of_the_grammar(request_: bytes, expected: bytes) -> None:
    assert request_ == expected


def test_bench_settings_out_of_range_are_never_encoded() -> None:
    for call in (
        lambda: encode_head(7), lambda: encode_leak_mode(3), lambda: encode_flow_compensation(84.9),
        lambda: encode_solvent(-1), lambda: encode_flow_compensation(math.nan),
    ):  # fmt: skip
        with pytest.raises(LimitExceeded):
            call()


def test_acknowledgements_with_and_without_the_value_taken() -> None:
    decode_done(b"OK/")
    decode_done(b"OK,LM:1/")
    with pytest.raises(DeviceFault):
        decode_done(b"Er/")
    with pytest.raises(BadReply):
        decode_done(b"OK,1,2/")
    assert decode_flow_compensation(b"OK,UC:10000/") == 100.0
