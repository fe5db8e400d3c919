"""Alicat PCD: codec and behaviour against a strict dialogue."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from devices.drivers.alicat_pcd import (
    AlicatPcd,
    AlicatPcdOptions,
    Column,
    decode_columns,
    decode_firmware,
    decode_frame,
    decode_full_scale,
    decode_loop,
    decode_manufacture,
    decode_source,
    encode,
    encode_setpoint,
    pressure_unit,
)
from devices.link import Link
from devices.readings import PressureControl, Quality
from devices.testing.scripted import Step, load_vectors, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded

PSI = 6894.757293168
VECTORS = load_vectors(Path(__file__).parents[3] / "data/wire/alicat_pcd.json")
MADE = (
    b"A  M00 ALICAT SCIENTIFIC\rA  M04 Model Number PCD-30PSIG-D\rA  M05 Serial Number 521641\r"
    b"A  M09 Software Revision 10v20.0-R24\r"
)
HEAD = b"A D00 ID_ NAME______________________ TYPE_______ WIDTH NOTES___________________\r"


def table(*rows: tuple[int, str, str, str, str]) -> bytes:
    lines = [f"A D{n:02d} {s:03d} {name:<26} {kind:<11} {width:>5} {notes}".rstrip() + "\r"
             for n, (s, name, kind, width, notes) in enumerate(rows, 1)]  # fmt: skip
    return HEAD + "".join(lines).encode() + b"\r"


PCD = table(
    (700, "Unit ID", "string", "1", ""),
    (6, "Gauge Press", "s decimal", "7/2", "010 02 PSIG"),
    (38, "Gauge Press Setpt", "s decimal", "7/2", "010 02 PSIG"),
    (701, "*Error", "string", "3", "ADC"),
    (702, "*Status", "string", "3", "HLD"),
)
HELLO = [Step(b"A??M*\r", MADE), Step(b"A??D*\r", PCD), Step(b"ALSS\r", b"A S\r")]


async def connected(link: Link, clock: Clock) -> AlicatPcd:
    controller = AlicatPcd(link, clock)
    await controller.connect()
    return controller


def frame(text: bytes) -> Step:
    return Step(b"A\r", text)


def setting(pressure: float, *steps: Step) -> None:
    async def talk(link: Link, clock: Clock) -> None:
        await (await connected(link, clock)).set_pressure(pressure)

    play([*HELLO, *steps], talk)


def reading(text: bytes) -> PressureControl:
    async def talk(link: Link, clock: Clock) -> PressureControl:
        return await (await connected(link, clock)).read_pressure()

    return play([*HELLO, frame(text)], talk)


def test_vectors() -> None:
    poll, hold, wrong = VECTORS
    assert poll.send == encode("A", "poll") and hold.send == encode("A", "hold closed")
    flow_controller = [Column(n, "", None if n == 703 else 2, "", False) for n in (2, 3, 4, 5, 37, 703)]
    assert poll.reply is not None
    assert decode_frame(poll.reply.decode(), "A", flow_controller).fields[2] == "+014.62"
    with pytest.raises(DeviceFault, match="does not understand"):
        play([*HELLO, frame(wrong.reply or b"")], lambda link, clock: _read(link, clock))


async def _read(link: Link, clock: Clock) -> None:
    await (await connected(link, clock)).read_pressure()


def test_requests() -> None:
    assert encode_setpoint("A", 8.5, 2) == b"AS8.50\r"
    assert encode("B", "full scale", " 6") == b"BFPF 6\r"
    assert encode("A", "columns") == b"A??D*\r" and encode("A", "cancel hold") == b"AC\r"


@pytest.mark.parametrize("argument", ["49408", "-1", ".5", "\rAHC", " 1 2"])
def test_the_legacy_integer_set_point_and_second_commands_are_never_sent(argument: str) -> None:
    with pytest.raises(ConfigError):
        encode("A", "poll", argument)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e9])
def test_set_points_that_are_no_number(value: float) -> None:
    with pytest.raises(LimitExceeded):
        encode_setpoint("A", value, 2)


def test_columns_are_read_from_the_instrument() -> None:
    columns = decode_columns(PCD.decode().split("\r"))
    assert [(c.statistic, c.decimals, c.unit, c.status) for c in columns] == [
        (6, 2, "PSIG", False), (38, 2, "PSIG", False), (701, None, "ADC", True), (702, None, "HLD", True),
    ]  # fmt: skip
    with pytest.raises(BadReply):
        decode_columns(["A  D02 Pressure    signed    +000.00  +160.00     PSIA"])


@pytest.mark.parametrize("line", ["", "A", "A +008.42", "B +008.42 +008.50", "A +008.42 +008.50 WAT"])
def test_spoilt_frames(line: str) -> None:
    with pytest.raises(BadReply):
        decode_frame(line, "A", decode_columns(PCD.decode().split("\r")))


def test_identity() -> None:
    found = decode_manufacture(MADE.decode().split("\r"))
    assert (found.model, found.serial_number, found.firmware) == ("PCD-30PSIG-D", "521641", "10v20.0-R24")


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("PSIG", ("psi", "G")), ("psia", ("psi", "A")), ("kPaG", ("kPa", "G")), ("bar", ("bar", "")), ("PA", ("Pa", ""))],
)
def test_units(unit: str, expected: tuple[str, str]) -> None:
    assert pressure_unit(unit) == expected


def test_read_pressure_in_pascal() -> None:
    found = reading(b"A +008.42 +008.50\r")
    assert found.pressure.value == pytest.approx(8.42 * PSI)
    assert found.setpoint == pytest.approx(8.50 * PSI)


def test_status_words_become_qualities() -> None:
    assert reading(b"A +008.42 +008.50 LCK\r").pressure.usable
    assert reading(b"A +040.00 +008.50 POV\r").pressure.quality is Quality.OVER
    assert reading(b"A +000.00 +008.50 ADC\r").pressure.quality is Quality.FAULT
    with pytest.raises(DeviceFault, match="on hold"):
        reading(b"A +008.42 +008.50 HLD\r")


@pytest.mark.parametrize("text", [b"A +00x.42 +008.50\r", b"A ------- +008.50\r"])
def test_a_value_that_is_no_number_is_never_one(text: bytes) -> None:
    with pytest.raises(BadReply):
        reading(text)


def test_set_pressure_compares_echo_and_poll() -> None:
    before, after = b"A +008.42 +008.50\r", b"A +008.42 +010.00\r"
    setting(10 * PSI, frame(before), Step(b"AS10.00\r", after), frame(after))


def test_a_clamped_set_point_is_noticed() -> None:
    with pytest.raises(LimitExceeded, match="it took 30"):
        setting(
            45 * PSI,
            frame(b"A +008.42 +008.50\r"),
            Step(b"AS45.00\r", b"A +008.42 +030.00\r"),
            frame(b"A +008.42 +030.00\r"),
        )


def test_hold_is_noticed_before_anything_is_sent() -> None:
    with pytest.raises(DeviceFault, match="on hold"):
        setting(10 * PSI, frame(b"A +008.42 +008.50 HLD\r"))


def test_a_foreign_unit_is_skipped_and_is_no_answer() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        await (await connected(link, clock)).read_pressure()

    play([*HELLO, frame(b"B +001.00 +001.00\r\n\rA +008.42 +008.50\r")], talk)
    with pytest.raises(BadReply, match="not to the question"):
        play([*HELLO, frame(b"B +001.00 +001.00\r")], talk)


@pytest.mark.parametrize(
    ("measured", "target", "match"),
    [
        ((2, "Abs Press", "s decimal", "7/2", "010 02 PSIA"), (34, "Setpt", "s decimal", "7/2", "02 PSIA"), "absolute"),
        ((5, "Mass Flow", "s decimal", "7/2", "012 02 SCCM"), (37, "Setpt", "s decimal", "7/2", "SCCM"), "set-point"),
    ],
)  # fmt: skip
def test_what_is_no_gauge_pressure_controller_is_refused(
    measured: tuple[int, str, str, str, str], target: tuple[int, str, str, str, str], match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        play([HELLO[0], Step(b"A??D*\r", table(measured, target))], connected)


def test_an_analog_set_point_is_refused() -> None:
    with pytest.raises(DeviceFault, match="analog"):
        play([*HELLO[:2], Step(b"ALSS\r", b"A A\r")], connected)


def test_a_table_may_end_in_silence() -> None:
    async def talk(link: Link, clock: Clock) -> str:
        return (await AlicatPcd(link, clock, AlicatPcdOptions(address="A")).connect()).model

    steps = [HELLO[0], Step(b"A??D*\r", PCD[:-1]), HELLO[2]]
    assert play(steps, talk) == "PCD-30PSIG-D"


def test_answers_about_the_loop() -> None:
    assert decode_loop("A +008.42 +008.50 10 PSIG", "A") == (8.42, 8.5, "PSIG")
    assert decode_full_scale("A +030.00 010 PSIG", "A") == (30.0, "PSIG")
    assert decode_firmware("A   10v20.0-R24 Jan  9 2025,15:04:07", "A") == "10v20.0-R24"
    assert [decode_source(f"A {who}", "A") for who in "SUA"] == ["S", "U", "A"]
    for decode, line in (
        (decode_loop, "B +008.42 +008.50 10 PSIG"), (decode_loop, "A +008.42"), (decode_full_scale, "A ?"),
        (decode_firmware, "A +008.42 +008.50"), (decode_source, "A X"), (decode_source, "A"),
    ):  # fmt: skip
        with pytest.raises(BadReply):
            decode(line, "A")  # type: ignore[operator]


def test_requests_about_the_loop() -> None:
    assert encode("A", "set-point") == b"ALS\r"
    assert encode("A", "set-point", " 8.5") == b"ALS 8.5\r"
    assert encode("A", "full scale", " 6") == b"AFPF 6\r"
    assert encode("A", "firmware") == b"AVE\r"


def test_a_unit_that_streams_is_a_typed_error_and_no_hang() -> None:
    steps = [Step(b"A??M*\r"), *(Step(None, b"@ +008.42 +008.50\r", after=0.05) for _ in range(80))]
    seen: list[str] = []

    async def talk(link: Link, clock: Clock) -> None:
        with pytest.raises(BadReply, match="streams instead of answering") as caught:
            await AlicatPcd(link, clock).connect()
        seen.append(str(caught.value))
        while await link.transport.read(1.0):
            pass

    play(steps, talk, chunk=1000)
    assert "streaming mode" in seen[0]
