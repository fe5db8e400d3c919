"""MT-SICS balance: byte vectors, strict parsing, and the tare's evidence."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from devices.commands import Kind, Verdict, declared
from devices.drivers.mettler_sics import (
    MettlerSics,
    MettlerSicsOptions,
    TareState,
    Weight,
    decode_commands,
    decode_done,
    decode_tare,
    decode_text,
    decode_weight,
    decode_words,
    encode,
    encode_preset_tare,
    encode_text,
    judge_tare,
    line_or_list,
)
from devices.link import Link
from devices.readings import Quality, Reading
from devices.roles import Balance
from devices.testing.scripted import Step, load_vectors, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply, VesiflowError

VECTORS = load_vectors(Path(__file__).parents[3] / "data/wire/mettler_mtsics.json")
HELLO = [
    Step(b"I4\r\n", b'I4 A "B123456789"\r\n'), Step(b"I2\r\n", b'I2 A "XS205DU Excellence 220.0000 g"\r\n'),
    Step(b"I3\r\n", b"ES\r\n"),
]  # fmt: skip


def mass(*replies: bytes) -> Reading:
    return play([Step(b"SI\r\n", reply) for reply in replies], lambda link, clock: MettlerSics(link, clock).read_mass())


def judged(reply: bytes) -> object:
    """What the codec makes of a vector's reply."""
    kind = reply.split()[0]
    if kind == b"S":
        return decode_weight(reply)
    if kind in (b"T", b"TA"):
        return decode_tare(reply)
    if kind == b"I4":
        return decode_text(reply, "I4")
    decode_done(reply, {b"Z": "zero", b"TAC": "clear tare"}.get(kind, "zero"))
    return None


@pytest.mark.parametrize("index", range(len(VECTORS)))
def test_vectors(index: int) -> None:
    vector = VECTORS[index]
    assert vector.reply is not None and line_or_list(vector.reply) == len(vector.reply)
    expected: dict[str, object] = {
        "stable weight 100.00 g": Weight(Quality.GOOD, 0.1, 1e-5),
        "overload": Weight(Quality.OVER),
        "parameter error": BadReply,
        "zero set": None,
        "tare value": 2.486e-3,
        "tare cleared": None,
        "reset: reply is the I4 line": "B123456789",
        "syntax error": DeviceFault,
        "logical error": DeviceFault,
    }
    meaning = vector.meaning
    want = 2.486e-3 if meaning.startswith("tared") else expected.get(meaning, "0123456789")
    if isinstance(want, type) and issubclass(want, VesiflowError):
        with pytest.raises(want):
            judged(vector.reply)
    elif isinstance(want, Weight):
        found = judged(vector.reply)
        assert isinstance(found, Weight) and found.quality is want.quality
        assert (found.mass, found.step) == pytest.approx((want.mass, want.step))
    elif isinstance(want, float):
        assert judged(vector.reply) == pytest.approx(want)
    else:
        assert judged(vector.reply) == want


def test_requests() -> None:
    assert {encode(name) for name in ("stable weight", "zero", "tare", "tare value", "clear tare", "reset")} == {
        b"S\r\n", b"Z\r\n", b"T\r\n", b"TA\r\n", b"TAC\r\n", b"@\r\n",
    }  # fmt: skip
    assert encode_preset_tare(0.1) == b"TA 100.0000 g\r\n"
    assert encode_text("batch 7") == b'D "batch 7"\r\n'


@pytest.mark.parametrize("text", ['x"\r\nZ', "x\r\n@", "\x1b", "a" * 21, 'say "hi"'])
def test_no_text_carries_a_second_command(text: str) -> None:
    with pytest.raises(ConfigError):
        encode_text(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e9])
def test_preset_tare_out_of_range(value: float) -> None:
    with pytest.raises(LimitExceeded):
        encode_preset_tare(value)


def test_read_mass_now_in_kilogram() -> None:
    assert mass(b"S S     100.00 g\r\n").value == pytest.approx(0.1)
    unstable = mass(b"S D   -1.2345 kg\r\n")
    assert unstable.value == pytest.approx(-1.2345) and unstable.quality is Quality.UNSTABLE


@pytest.mark.parametrize(
    ("reply", "quality"),
    [(b"S I\r\n", Quality.BUSY), (b"S +\r\n", Quality.OVER), (b"S -\r\n", Quality.UNDER),
     (b"S S Error 10b\r\n", Quality.FAULT)],
)  # fmt: skip
def test_what_is_no_weight_is_no_number(reply: bytes, quality: Quality) -> None:
    found = mass(reply)
    assert found.quality is quality and math.isnan(found.value) and not found.usable


@pytest.mark.parametrize(
    "reply",
    [b"S S     100.00 pcs\r\n", b"S S 100.00\r\n", b"S S nan g\r\n", b"S S 1e3 g\r\n", b"S A 1.234 g\r\n",
     b"S S 1 00 g\r\n", b"S X 1.0 g\r\n", b"S S \xb2.0 g\r\n", b"S + 1.0 g\r\n"],
)  # fmt: skip
def test_a_spoilt_weight_is_refused(reply: bytes) -> None:
    with pytest.raises(BadReply, match="bench: "):
        mass(reply)


def test_silence_and_errors_are_different() -> None:
    with pytest.raises(NoReply):
        mass(b"")
    with pytest.raises(DeviceFault, match="does not know"):
        mass(b"ES\r\n")


def test_lines_that_nobody_asked_for_are_skipped() -> None:
    assert mass(b'\r\nI4 A "B1"\r\nS S 100.00 g\r\n').usable


def test_connect_survives_missing_information() -> None:
    identity = play(HELLO, lambda link, clock: MettlerSics(link, clock).connect())
    assert (identity.serial_number, identity.model, identity.firmware) == (
        "B123456789", "XS205DU Excellence 220.0000 g", "",
    )  # fmt: skip


def test_another_serial_number_is_refused() -> None:
    async def talk(link: Link, clock: Clock) -> None:
        await MettlerSics(link, clock, MettlerSicsOptions(serial_number="1")).connect()

    with pytest.raises(ConfigError, match="another balance"):
        play(HELLO, talk)


def test_b_lines_are_followed_to_the_last() -> None:
    assert line_or_list(b'I0 B 0 "I0"\r\nI0 A 0 "Z"\r\n') == 25
    assert line_or_list(b'I0 B 0 "I0"\r\n') is None


@pytest.mark.parametrize("status", [b"S", b"A"])
def test_tare_is_read_back(status: bytes) -> None:
    steps = [
        Step(b"T\r\n", b"T " + status + b"   50.00 g\r\n", after=4.0), Step(b"TA\r\n", b"TA A 50.00 g\r\n"),
        Step(b"SI\r\n", b"S S 0.00 g\r\n"),
    ]  # fmt: skip
    play(steps, lambda link, clock: MettlerSics(link, clock).tare())


@pytest.mark.parametrize("reply", [b"T I\r\n", b"T +\r\n", b"T -\r\n", b"T L\r\n", b"EL\r\n"])
def test_a_tare_that_cannot_be_is_a_fault(reply: bytes) -> None:
    with pytest.raises(DeviceFault):
        play([Step(b"T\r\n", reply)], lambda link, clock: MettlerSics(link, clock).tare())


def test_a_tare_that_did_not_take_is_noticed() -> None:
    start = Step(b"T\r\n", b"T S 50.00 g\r\n")
    zero = Step(b"SI\r\n", b"S S 0.00 g\r\n")
    with pytest.raises(BadReply, match="tare memory"):
        play([start, Step(b"TA\r\n", b"TA A 10.00 g\r\n"), zero], lambda link, clock: MettlerSics(link, clock).tare())
    flows = [start, Step(b"TA\r\n", b"TA A 50.00 g\r\n"), Step(b"SI\r\n", b"S D 4.00 g\r\n")]
    with pytest.raises(DeviceFault, match="not at zero"):
        play(flows, lambda link, clock: MettlerSics(link, clock).tare())


def state(tare: float, net: float, quality: Quality = Quality.GOOD) -> TareState:
    return TareState(tare, Weight(quality, net, 1e-5))


def test_judge_of_a_lost_tare() -> None:
    act = declared(MettlerSics.tare)
    assert act is not None and act.kind is Kind.COUNTED and act.evidence == "read_tare" and act.judge is judge_tare
    before = state(0.01, 0.05)
    assert judge_tare(before, state(0.06, 0.0), ()) is Verdict.DONE
    assert judge_tare(before, state(0.01, 0.05), ()) is Verdict.NOT_DONE
    assert judge_tare(before, state(0.03, 0.03), ()) is Verdict.UNKNOWN
    assert judge_tare(state(0.01, 0.0, Quality.BUSY), state(0.01, 0.0), ()) is Verdict.UNKNOWN
    assert judge_tare(None, state(0.06, 0.0), ()) is Verdict.UNKNOWN


def test_role() -> None:
    async def talk(link: Link, clock: Clock) -> object:
        return MettlerSics(link, clock).role("balance")

    assert isinstance(play([], talk), Balance)


def test_lists_of_information() -> None:
    listed = b'I0 B 0 "I0"\r\nI0 B 0 "@"\r\nI0 A 1 "TAC"\r\n'
    assert decode_commands(listed) == {"I0": 0, "@": 0, "TAC": 1}
    assert decode_words(b'I1 A "01" "2.30" "2.22" "" ""\r\n', "I1") == ("01", "2.30", "2.22", "", "")
    assert decode_words(b'I10 A "bench ""2"""\r\n', "I10") == ('bench "2"',)
    with pytest.raises(DeviceFault):
        decode_words(b"I1 I\r\n", "I1")
