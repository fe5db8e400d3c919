"""Ismatec Reglo ICC: byte vectors of the manual through the codec."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from devices.drivers import ismatec_codec as codec
from devices.testing.scripted import load_vectors
from vesiflow.errors import BadReply, DeviceFault, LimitExceeded, VesiflowError

VECTORS = {
    vector.send: vector for vector in load_vectors(Path(__file__).parents[1] / "data/wire/ismatec_reglo_icc.json")
}

SENT = {
    codec.encode_action(2, "start"): "*",
    codec.encode_action(4, "time"): "*",
    codec.encode_action(2, "start calibration"): "*",
    codec.encode_set(1, "cycles", 23): "*",
    codec.encode_set(1, "tubing", 0.13): "*",
    codec.encode_set(1, "back-steps", 0): "*",
    codec.encode_set(2, "channel addressing", 1): "*",
}
READ = {
    codec.encode_read(1, "direction"): ("direction", "K"),
    codec.encode_read(0, "events"): ("events", 0),
    codec.encode_read(0, "protocol"): ("protocol", 2),
    codec.encode_read(4, "speed"): ("speed", 12.30),
    codec.encode_read(4, "flow"): ("flow", 32.5),
    codec.encode_read(2, "volume"): ("volume", 0.0013),
    codec.encode_read(0, "channels"): ("channels", 3),
    codec.encode_read(1, "rollers"): ("rollers", 12),
    codec.encode_set(4, "calibration target", 100.0): ("calibration target", 100.0),
    codec.encode_read(1, "failure"): ("failure", "R 1386E-1"),
}


def test_every_vector_is_covered() -> None:
    assert set(VECTORS) == set(SENT) | set(READ) | {None}


@pytest.mark.parametrize("request_", SENT)
def test_status_vectors(request_: bytes) -> None:
    reply = VECTORS[request_].reply
    assert reply == SENT[request_].encode() and codec.frame(reply) == 1 and codec.fits("status", reply)


@pytest.mark.parametrize("request_", READ)
def test_data_vectors(request_: bytes) -> None:
    name, value = READ[request_]
    reply = VECTORS[request_].reply
    assert reply is not None and codec.frame(reply) == len(reply) and codec.frame(reply[:-1]) is None
    assert codec.decode(name, reply) == value


def test_event_vector() -> None:
    reply = VECTORS[None].reply
    assert reply is not None and codec.frame(reply) == len(reply)
    assert codec.decode_event(reply) == codec.Event(2, cause="complete")
    report = codec.decode_event(b"^U3|A|0000000012|0000001500|0002\r\n")
    assert (report.channel, report.state, report.seconds_left, report.volume_done, report.cycles_left) == (
        3, "pumping", 12.0, 1.5, 2,
    )  # fmt: skip
    with pytest.raises(BadReply):
        codec.decode_event(b"^X9|A\r\n")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (codec.encode_set(3, "speed", 45.75), b"3S004575\r"),
        (codec.encode_set(2, "flow", 2.75), b"2f2750+0\r"),
        (codec.encode_set(2, "volume", 0.0013), b"2v1300-3\r"),
        (codec.encode_set(1, "run time", 150), b"1xT00001500\r"),
        (codec.encode_set(1, "pause time", 3596400), b"1xP35964000\r"),
        (codec.encode_set(1, "tubing", 3.17), b"1+0317\r"),
        (codec.encode_set(1, "calibration direction", "J"), b"1xRJ\r"),
        (codec.encode_set(1, "calibration measured", 99.96), b"1xV9996+1\r"),
        (codec.encode_set(1, "calibration time", 30), b"1xW00000300\r"),
        (codec.encode_set(1, "rate source", 1), b"1xf1\r"),
        (codec.encode_predict(1, 10, flow=2.75), b"1xv1000+1|2750+0\r"),
        (codec.encode_predict(1, 10, rpm=45.75), b"1xw1000+1|004575\r"),
        (codec.encode_action(1, "volume and pause"), b"1Q\r"),
        (codec.encode_action(1, "clockwise"), b"1J\r"),
        (codec.encode_action(1, "pause"), b"1xI\r"),
        (codec.encode_read(1, "max flow"), b"1!\r"),
        (codec.encode_read(1, "foot switch"), b"1C\r"),
    ],
)
def test_requests_from_the_grammar(request_: bytes, expected: bytes) -> None:
    assert request_ == expected


@pytest.mark.parametrize(("value", "text"), [(0, "0000+0"), (9.9996, "1000+1"), (0.0999996, "1000-1"), (35, "3500+1")])
def test_volume_type_2_carries(value: float, text: str) -> None:
    assert codec.volume2(value) == text


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 1e10, 1e-10])
def test_volumes_that_cannot_be_written(value: float) -> None:
    with pytest.raises(LimitExceeded):
        codec.volume2(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tubing", 1.0),
        ("speed", 1e5),
        ("run time", -1),
        ("cycles", 10000),
        ("events", 2),
        ("calibration direction", "J\r"),
    ],
)
def test_arguments_out_of_range_are_never_encoded(name: str, value: float | str) -> None:
    with pytest.raises(VesiflowError):
        codec.encode_set(1, name, value)


@pytest.mark.parametrize(
    ("name", "reply", "value"),
    [
        ("tubing", b"3.17 mm\r\n", 3.17),
        ("total", b"12.5 mL\r\n", 12.5),
        ("total", b"812 uL\r\n", 0.812),
        ("total", b"1.2 L\r\n", 1200.0),
        ("run time", b"1500\r\n", 150.0),
        ("run state", b"+", True),
        ("foot switch", b"-", False),
        ("max flow", b"0.281 ml/min\r\n", 0.281),
        ("max flow", b"4300E+1\r\n", 43.0),
        ("revolutions", b"0000001234\r\n", 1234),
        ("volume since reset", b"0000000017\r\n", 17.0),
        ("version", b"REGLO ICC 0208 306\r\n", "REGLO ICC 0208 306"),
        ("failure", b"C\r\n", "C"),
        ("mode", b"M\r\n", "M"),
    ],
)
def test_replies_from_the_grammar(name: str, reply: bytes, value: object) -> None:
    assert codec.decode(name, reply) == value


@pytest.mark.parametrize(
    ("name", "reply"),
    [("flow", b"3250\r\n"), ("flow", b"nanE+1\r\n"), ("flow", b"3250E+\r\n"), ("mode", b"Z\r\n"), ("run state", b"*"),
     ("channels", b"\xb2\r\n"), ("tubing", b"mm\r\n"), ("total", b"1.5 gal\r\n"), ("speed", b"1e9\r\n")],
)  # fmt: skip
def test_spoilt_replies_are_refused(name: str, reply: bytes) -> None:
    with pytest.raises(BadReply):
        codec.decode(name, reply)


def test_refusal_is_a_fault_of_its_own() -> None:
    with pytest.raises(DeviceFault):
        codec.decode("flow", b"#")


def test_pump_addresses() -> None:
    assert codec.encode_address(2) == b"@2\r"
    for wrong in (0, 9):
        with pytest.raises(VesiflowError):
            codec.encode_address(wrong)
