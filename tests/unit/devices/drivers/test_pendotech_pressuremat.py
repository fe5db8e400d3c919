"""PendoTECH PressureMAT: published rows, strict dialogue, and every way a row can be bad."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from devices.drivers.pendotech_pressuremat import (
    POLL,
    PressureMat,
    PressureMatOptions,
    Row,
    checksum,
    decode_frames,
    decode_row,
)
from devices.link import Link
from devices.readings import Quality, Reading
from devices.testing.scripted import Step, load_vectors, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, NoReply

PSI = 6894.757293168
VECTORS = load_vectors(Path(__file__).parents[3] / "data/wire/pendotech_pressuremat.json")
ROWS = [vector.reply.decode() for vector in VECTORS if vector.kind == "row" and vector.reply]


def row(sensor: int, value: str) -> bytes:
    number = value.rjust(11)
    body = f",00000.0{2 * sensor - 1},4,        0.0,        0.0,{number},{number},01734,X,X,X,X,X,"
    return f"AZ{body}{checksum(body)}".encode()


def framed(*rows: bytes, between: bytes = b"\r\n") -> bytes:
    return b"\x10\x02" + between.join(rows) + b"\x10\x03"


GOOD = framed(row(1, "12.3"), row(2, "10.1"), row(3, "-0.5"), row(4, "0.0"))


def pressures(*replies: bytes, chunk: int = 16) -> Mapping[str, Reading]:
    return play(
        [Step(POLL, reply) for reply in replies], lambda link, clock: PressureMat(link, clock).read_pressures(), chunk
    )


def test_poll_vector() -> None:
    assert [vector.send for vector in VECTORS if vector.send] == [POLL]


def test_published_rows() -> None:
    assert [decode_row(text) for text in ROWS] == [Row(2, 0.2), Row(4, 0.0)]
    composed = "AZ,00000.01,4,        0.0,        0.0,       12.3,       12.3,01734,X,X,X,X,X,F6"
    assert decode_row(composed) == Row(1, 12.3)
    assert len(composed) == 80


def test_published_frame() -> None:
    (frame,) = [vector.reply for vector in VECTORS if vector.kind == "frame"]
    assert frame is not None and decode_frames(frame) == [Row(3, -0.5)]


@pytest.mark.parametrize("between", [b"\r\n", b"", b"\x10\x03\x10\x02", b"\x00\x1e"])
def test_any_separator_of_rows(between: bytes) -> None:
    data = framed(row(4, "4.0"), row(1, "1.0"), row(3, "3.0"), between=between)
    assert decode_frames(data) == [Row(4, 4.0), Row(1, 1.0), Row(3, 3.0)]


def test_readings_are_pascal_by_name() -> None:
    found = pressures(GOOD, chunk=1)
    assert {name: reading.value for name, reading in found.items()} == pytest.approx(
        {"feed": 12.3 * PSI, "retentate": 10.1 * PSI, "permeate": -0.5 * PSI}
    )


def test_one_frame_per_row() -> None:
    found = pressures(framed(row(3, "3.0")) + framed(row(1, "1.0")) + framed(row(2, "2.0")))
    assert found["retentate"].value == pytest.approx(2 * PSI)


@pytest.mark.parametrize(
    "spoilt",
    [row(2, "10.1").replace(b"10.1", b"10.7"), row(2, "10.1")[:-1] + b"!", row(2, "10.1")[:-5], row(2, "-----"),
     row(2, "1e3"), row(2, "nan")],
)  # fmt: skip
def test_a_spoilt_row_is_polled_again_and_then_a_bad_reading(spoilt: bytes) -> None:
    bad_frame = framed(row(1, "12.3"), spoilt, row(3, "-0.5"))
    found = pressures(bad_frame, bad_frame, bad_frame)
    assert found["retentate"].quality is Quality.FAULT and not found["retentate"].usable
    assert found["feed"].usable
    assert pressures(bad_frame, GOOD)["retentate"].usable


def test_a_missing_row_is_absent_and_never_zero() -> None:
    short = framed(row(1, "12.3"), row(3, "-0.5"))
    found = pressures(short, short, short)
    assert found["retentate"].quality is Quality.ABSENT and found["retentate"].value != 0.0


def test_the_unit_of_the_line_file_counts() -> None:
    async def talk(link: Link, clock: Clock) -> Mapping[str, Reading]:
        options = PressureMatOptions(unit="bar", channels={"inlet": 4})
        return await PressureMat(link, clock, options).read_pressures()

    found = play([Step(POLL, framed(row(4, "1.5")))], talk)
    assert found["inlet"].value == pytest.approx(1.5e5)


def test_silence_is_no_reply() -> None:
    with pytest.raises(NoReply, match="bench"):
        pressures(b"", b"", b"")


def test_connect_needs_a_readable_row() -> None:
    async def talk(link: Link, clock: Clock) -> str:
        return (await PressureMat(link, clock).connect()).model

    assert play([Step(POLL, GOOD)], talk, 16) == "PressureMAT"
    spoilt = framed(row(1, "x"), row(2, "x"), row(3, "x"))
    with pytest.raises(BadReply, match="no readable row"):
        play([Step(POLL, spoilt)], talk, 16)


@pytest.mark.parametrize("channels", [{"feed": 5}, {"feed": 1, "retentate": 1}, {}])
def test_channels_must_exist_once(channels: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        PressureMatOptions(channels=channels)


def test_role() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        with pytest.raises(ConfigError):
            PressureMat(link, clock).role("balance")

    play([], talk)
