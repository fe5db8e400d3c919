"""Sartorius SBI balance: byte vectors, strict lines, silent tare proven by the weight."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from devices.commands import Verdict, declared
from devices.drivers.sartorius_sbi import (
    SartoriusSbi,
    SartoriusSbiOptions,
    Weight,
    decode_text,
    decode_weight,
    encode,
    judge_tare,
)
from devices.link import Link
from devices.readings import Quality, Reading
from devices.roles import Balance
from devices.testing.scripted import Step, load_vectors, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, DeviceFault, NoReply

VECTORS = {
    vector.meaning: vector for vector in load_vectors(Path(__file__).parents[3] / "data/wire/sartorius_sbi.json")
}
PRINT = b"\x1bP\r\n"


def line(value: float, unit: str = "g", name: str = "N") -> bytes:
    sign = "-" if value < 0 else "+"
    return f"{name:<6}{sign}{abs(value):>9.4f} {unit:<3}\r\n".encode()


def mass(reply: bytes, options: SartoriusSbiOptions | None = None) -> Reading:
    return play([Step(PRINT, reply)], lambda link, clock: SartoriusSbi(link, clock, options).read_mass())


def test_vectors() -> None:
    stable = VECTORS["22-char stable net weight"]
    assert stable.send == encode("print") == PRINT and stable.reply is not None
    weight = decode_weight(stable.reply)
    assert (weight.quality, weight.value, weight.unit) == (Quality.GOOD, 52.1874, "g")
    tare = VECTORS["tare: silent"]
    assert tare.send == encode("tare or zero") and tare.reply is None
    assert decode_weight(VECTORS["overload line"].reply or b"") == Weight(Quality.OVER)


def test_requests() -> None:
    assert encode("zero") == b"\x1bV\r\n" and encode("type") == b"\x1bx1_\r\n"


@pytest.mark.parametrize(
    ("reply", "quality", "value"),
    [
        (b"+  52.1874 g  \r\n", Quality.GOOD, 52.1874e-3),
        (b"-   0.0012    \r\n", Quality.UNSTABLE, -0.0012e-3),
        (b"N     -  52.1874 g  \r\n", Quality.GOOD, -52.1874e-3),
        (b"N         1200   g  \r\n", None, None),
    ],
)
def test_lines_in_kilogram(reply: bytes, quality: Quality | None, value: float | None) -> None:
    if quality is None:
        with pytest.raises(BadReply):
            mass(reply)
        return
    found = mass(reply)
    assert found.quality is quality and found.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "quality"),
    [("High", Quality.OVER), ("Low", Quality.UNDER), ("Cal.Int.", Quality.BUSY), ("Err  54", Quality.FAULT),
     ("APP.ERR", Quality.FAULT), ("--------", Quality.BUSY)],
)  # fmt: skip
def test_special_lines_are_no_numbers(text: str, quality: Quality) -> None:
    for reply in (f"Stat  {text:^14}\r\n", f"{text:^14}\r\n"):
        found = mass(reply.encode())
        assert found.quality is quality and math.isnan(found.value) and not found.usable


@pytest.mark.parametrize(
    "reply",
    [b"N     +  52.1874 g\r\n", b"N     +  52,1874 g  \r\n", b"N     + 5 2.1874 g  \r\n", b"N     *  52.1874 g  \r\n",
     b"T     +  52.1874 g  \r\n", b"Stat        What    \r\n", b"N     +      nan g  \r\n", b"N     +  52.1874xg  \r\n",
     b"N     +    1e300 g  \r\n", b"\xff     +  52.1874 g  \r\n", b"N     +  52.1874 oz \r\n",
     b"N     +           g  \r\n"],
)  # fmt: skip
def test_spoilt_lines_are_refused(reply: bytes) -> None:
    with pytest.raises(BadReply):
        mass(reply)


def test_the_unit_of_the_line_file_is_checked_and_used_while_settling() -> None:
    kilogram = SartoriusSbiOptions(unit="kg")
    assert mass(line(1.5, ""), kilogram).value == pytest.approx(1.5)
    with pytest.raises(BadReply, match="another unit"):
        mass(line(1.5, "g"), kilogram)


def test_connect_with_and_without_information() -> None:
    model = Step(b"\x1bx1_\r\n", b"QUINTIX224-1S\r\n")
    told = [Step(PRINT, line(1.0)), model, model, Step(b"\x1bx2_\r\n", b"0037402012\r\n")]
    identity = play(told, lambda link, clock: SartoriusSbi(link, clock).connect())
    assert (identity.model, identity.serial_number) == ("QUINTIX224-1S", "0037402012")

    async def silent(link: Link, clock: Clock) -> tuple[str, float]:
        balance = SartoriusSbi(link, clock)
        identity = await balance.connect()
        return identity.model, (await balance.read_mass()).value

    steps = [Step(PRINT, line(1.0)), Step(b"\x1bx1_\r\n"), Step(PRINT, line(1.0)), Step(PRINT, line(2.0))]
    model_name, value = play(steps, silent)
    assert model_name == "SBI balance" and value == pytest.approx(2e-3)


def test_tare_is_proven_by_the_weight() -> None:
    steps = [
        Step(b"\x1bT\r\n"), Step(PRINT, line(30.0)), Step(PRINT, line(0.0002, "")), Step(PRINT, line(0.0002)),
    ]  # fmt: skip
    play(steps, lambda link, clock: SartoriusSbi(link, clock).tare())
    with pytest.raises(DeviceFault, match="not at zero"):
        play(
            [Step(b"\x1bT\r\n"), *[Step(PRINT, line(30.0))] * 60], lambda link, clock: SartoriusSbi(link, clock).tare()
        )


def test_silence_is_typed() -> None:
    with pytest.raises(NoReply):
        mass(b"")


def test_information_lines() -> None:
    assert decode_text(b"00-20-12.01\r\n") == "00-20-12.01"
    for reply in (b"\r\n", b"+ 1.0 g\r\n", b"a" * 40):
        with pytest.raises(BadReply):
            decode_text(reply)


def test_judge_of_a_lost_tare() -> None:
    act = declared(SartoriusSbi.tare)
    assert act is not None and act.evidence == "read_weight"
    on, zero, other = (Weight(Quality.GOOD, value, 1e-4, "g") for value in (30.0, 0.0002, 12.0))
    assert judge_tare(on, zero, ()) is Verdict.DONE
    assert judge_tare(on, on, ()) is Verdict.NOT_DONE
    assert judge_tare(on, other, ()) is Verdict.UNKNOWN
    assert judge_tare(None, other, ()) is Verdict.UNKNOWN
    assert judge_tare(on, Weight(Quality.BUSY), ()) is Verdict.UNKNOWN


def test_role() -> None:
    async def talk(link: Link, clock: Clock) -> object:
        return SartoriusSbi(link, clock).role("balance")

    assert isinstance(play([], talk), Balance)
