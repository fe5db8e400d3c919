"""Gilson FC203B: the GSIOC bus byte by byte."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from devices.commands import Kind, Verdict, declared
from devices.drivers.gilson_gsioc import (
    GilsonFc203b,
    GilsonFc203bOptions,
    decode_axis,
    decode_identification,
    decode_immediate,
    decode_tube,
    encode_beep,
    encode_display,
    encode_diverter,
    encode_keypad,
    encode_motors,
    encode_move,
    encode_select,
    encode_tube,
)
from devices.link import Link
from devices.readings import TubePosition
from devices.roles import FractionCollector
from devices.testing.scripted import Step, load_vectors, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply, VesiflowError

VECTORS = load_vectors(Path(__file__).parents[3] / "data/wire/gilson_gsioc.json")
SELECT = [Step(b"\xff"), Step(b"\x86", b"\x86")]


def steps_of(index: int) -> list[Step]:
    return [Step(host, device) for host, device in VECTORS[index].dialogue]


def immediate(name: bytes, text: bytes) -> list[Step]:
    said = [bytes([byte]) for byte in text[:-1]] + [bytes([text[-1] | 0x80])]
    return [Step(name, said[0])] + [Step(b"\x06", byte) for byte in said[1:]]


def buffered(text: bytes) -> list[Step]:
    return [Step(b"\n", b"\n")] + [Step(bytes([byte]), bytes([byte])) for byte in text] + [Step(b"\r", b"\r")]


def where(tube: bytes, x: bytes = b"S0123", y: bytes = b"YS0456") -> list[Step]:
    return [*SELECT, *immediate(b"T", tube), *immediate(b"X", x), *immediate(b"Y", y)]


def collector(link: Link, clock: Clock) -> GilsonFc203b:
    return GilsonFc203b(link, clock)


def test_settings_are_even_parity() -> None:
    assert str(GilsonFc203b.settings) == "19200 8E1"


def test_vectors() -> None:
    """The three dialogues of the bus description: select, go to tube 5, diverter on."""
    assert encode_select(6) == VECTORS[0].dialogue[1][0]
    play([*steps_of(0), *steps_of(2)], lambda link, clock: collector(link, clock).collect(True))
    steps = [*where(b"000"), *steps_of(0), *steps_of(1), *where(b"005")]
    play(steps, lambda link, clock: collector(link, clock).go_to(5))


def test_the_composed_example_of_unit_9() -> None:
    async def talk(link: Link, clock: Clock) -> TubePosition:
        return await GilsonFc203b(link, clock, GilsonFc203bOptions(unit=9)).read_tube()

    tube = [Step(b"\x54", b"\x30"), Step(b"\x06", b"\x34"), Step(b"\x06", b"\xb2")]
    steps = [Step(b"\xff"), Step(b"\x89", b"\x89"), *tube, *immediate(b"X", b"S0000"), *immediate(b"Y", b"M0000")]
    assert play(steps, talk) == TubePosition(42, False)


def test_requests() -> None:
    assert encode_tube(42) == "T042" and encode_move("X", 12.34) == "X0123"
    assert [encode_diverter(1), encode_keypad(False), encode_beep(5), encode_motors(1, 0)] == [
        "V1",
        "L0",
        "G050",
        "M10",
    ]
    assert encode_display("Batch 7") == "W1Batch 7"


@pytest.mark.parametrize("tube", [0, 1000, -1, True, 3.0])
def test_tubes_out_of_range(tube: int) -> None:
    with pytest.raises(LimitExceeded):
        encode_tube(tube)


@pytest.mark.parametrize("text", ["a\rT001", "\n", "\x1b", "x" * 17, "\xff"])
def test_no_text_carries_a_second_command(text: str) -> None:
    with pytest.raises(ConfigError):
        encode_display(text)


def test_other_bad_arguments() -> None:
    for unit in (-1, 64, True):
        with pytest.raises(ConfigError):
            encode_select(unit)
    for millimetres in (math.nan, -1.0, 1000.0):
        with pytest.raises(LimitExceeded):
            encode_move("Y", millimetres)


@pytest.mark.parametrize("reply", [b"", b"042", b"\xb0\xb4", b"\x00\xb2", b"0\x80"])
def test_spoilt_immediate_replies(reply: bytes) -> None:
    with pytest.raises(BadReply):
        decode_immediate(reply)


@pytest.mark.parametrize("text", ["", "4 2", "1000", "-1", "²", "XS12", "Q0123", "S01234"])
def test_spoilt_texts(text: str) -> None:
    with pytest.raises(BadReply):
        decode_tube(text)
    with pytest.raises(BadReply):
        decode_axis(text)
    with pytest.raises(BadReply):
        decode_identification("203 " + text)


def test_axis() -> None:
    assert decode_axis("XS0123") == (True, 12.3) and decode_axis("M9999") == (False, 999.9)


def test_connect() -> None:
    identity = play([*SELECT, *immediate(b"%", b"FC203B V2.02")], lambda link, clock: collector(link, clock).connect())
    assert (identity.vendor, identity.model, identity.firmware) == ("Gilson", "FC203B", "V2.02")


def test_selection_is_tried_three_times() -> None:
    late = [Step(b"\xff"), Step(b"\x86")]
    play([*late, *late, *SELECT, *buffered(b"V0")], lambda link, clock: collector(link, clock).collect(False))
    with pytest.raises(NoReply, match="select unit 6"):
        play([*late, *late, *late], lambda link, clock: collector(link, clock).collect(False))


def test_go_to_waits_until_both_axes_stand_still() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        device = collector(link, clock)
        await device.go_to(7)
        await device.go_to(7)

    moving = where(b"7", x=b"XM0100")
    play([*where(b"0"), *SELECT, *buffered(b"T007"), *moving, *moving, *where(b"7"), *where(b"7")], talk)


def test_a_busy_unit_is_asked_again() -> None:
    busy = [Step(b"\n", b"#"), Step(b"\n", b"#")]
    play([*SELECT, *busy, *buffered(b"V1")], lambda link, clock: collector(link, clock).collect(True))
    with pytest.raises(DeviceFault, match="stays busy"):
        play([*SELECT, *[Step(b"\n", b"#")] * 50], lambda link, clock: collector(link, clock).collect(True))


def test_a_wrong_echo_drops_the_unit_and_spoils_the_link() -> None:
    async def talk(link: Link, clock: Clock) -> bool:
        with pytest.raises(BadReply, match="wrong echo"):
            await collector(link, clock).collect(True)
        return link.dirty

    assert play([*SELECT, Step(b"\n", b"\n"), Step(b"V", b"W"), Step(b"\xff")], talk)


def test_a_doubled_byte_is_never_taken_for_the_next_one() -> None:
    async def talk(link: Link, clock: Clock) -> TubePosition:
        return await collector(link, clock).read_tube()

    with pytest.raises(BadReply, match="more bytes"):
        play([*SELECT, Step(b"T", b"44"), Step(b"\xff")], talk, chunk=2)


def test_an_arm_that_never_arrives() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        await collector(link, clock).go_to(7)

    with pytest.raises(DeviceFault, match="did not arrive"):
        play([*where(b"0"), *SELECT, *buffered(b"T007"), *where(b"5") * 100], talk)


def test_silence_in_the_middle_is_typed() -> None:
    with pytest.raises(VesiflowError):
        play([*SELECT, Step(b"T", b"0"), Step(b"\x06")], lambda link, clock: collector(link, clock).read_tube())


def test_the_rack_limits_the_tube_before_any_byte() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        await GilsonFc203b(link, clock, GilsonFc203bOptions(tubes=96)).go_to(97)

    with pytest.raises(LimitExceeded, match="96"):
        play([], talk)


def test_collect_side_is_an_option() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        await GilsonFc203b(link, clock, GilsonFc203bOptions(collect_state=0)).collect(True)

    play([*SELECT, *buffered(b"V0")], talk)


def test_classes_of_the_commands() -> None:
    act, blind = declared(GilsonFc203b.go_to), declared(GilsonFc203b.collect)
    assert act is not None and act.kind is Kind.POSITIONAL and act.judge is not None
    assert act.judge(None, TubePosition(7, True), (7,)) is Verdict.DONE
    assert act.judge(None, TubePosition(7, False), (7,)) is Verdict.NOT_DONE
    assert blind is not None and blind.kind is Kind.BLIND and blind.evidence is None


def test_role() -> None:
    async def talk(link: Link, clock: Clock) -> object:
        with pytest.raises(ConfigError):
            collector(link, clock).role("fraction_collector", channel=1)
        return collector(link, clock).role("fraction_collector")

    assert isinstance(play([], talk), FractionCollector)
