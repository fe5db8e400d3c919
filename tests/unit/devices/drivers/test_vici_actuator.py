"""VICI actuator: byte vectors, movements proven by position and counter."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.commands import Kind, Verdict, declared
from devices.drivers.vici_actuator import (
    ViciActuator,
    ViciActuatorOptions,
    ViciValve,
    decode_number,
    decode_position,
    encode_baud,
    encode_directed_move,
    encode_direction,
    encode_home,
    encode_id,
    encode_move,
    encode_query,
    encode_set,
    encode_turn,
    frame,
)
from devices.link import Link
from devices.readings import ValvePosition
from devices.roles import Valve
from devices.testing.scripted import Step, load_vectors, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, Refused

VECTORS = {
    vector.send: vector.reply
    for vector in load_vectors(Path(__file__).parents[3] / "data/wire/vici_universal_actuator.json")
}
INJECTION = {"load": "A", "inject": "B"}
HELLO = [Step(b"VR\r", b"I-PD-AMHX88RD1\r"), Step(b"AM\r", b"AM1\r")]


def at(position: bytes) -> Step:
    return Step(b"CP\r", b"CP" + position + b"\r")


def counted(count: int) -> Step:
    return Step(b"CNT\r", f"CNT{count}\r".encode())


async def valve(link: Link, clock: Clock) -> ViciValve:
    actuator = ViciActuator(link, clock)
    await actuator.connect()
    return actuator.role("valve", positions=INJECTION)


async def inject(link: Link, clock: Clock) -> float:
    device = await valve(link, clock)
    await device.move_to("inject")
    return clock.now()


def test_vectors() -> None:
    assert encode_move("3") in VECTORS and VECTORS[encode_move("3")] is None
    assert VECTORS[b"CC\r"] is None
    assert decode_position(b"CPA\r") == "A"
    assert decode_position(VECTORS[encode_query("position")] or b"") == "3"
    assert decode_number(VECTORS[encode_query("mode")] or b"", "mode") == 3
    assert decode_number(VECTORS[encode_query("delay")] or b"", "delay") == 1000


def test_requests() -> None:
    assert encode_move("A") == b"GOA\r" and encode_move("12", "7") == b"7GO12\r"
    assert encode_directed_move(3, True) == b"CW03\r" and encode_directed_move(3, False) == b"CC03\r"
    assert encode_home("Z") == b"ZHM\r" and encode_direction("A") == b"SMA\r"
    assert encode_set("delay", 65535) == b"DT65535\r" and encode_set("response mode", 0) == b"IFM0\r"
    assert encode_query("count") == b"CNT\r" and encode_query("serial board") == b"VR2\r"


@pytest.mark.parametrize("target", ["", "C", "0", "100", "A\rGOB", "-1", "1.5", "²"])
def test_only_absolute_positions_are_encoded(target: str) -> None:
    with pytest.raises(ConfigError):
        encode_move(target)


def test_settings_out_of_range() -> None:
    for name, value in (("mode", 4), ("delay", 65536), ("delimiter", 0), ("mode", True)):
        with pytest.raises(ConfigError):
            encode_set(name, value)
    with pytest.raises(ConfigError):
        encode_query("position", "\r")


@pytest.mark.parametrize(
    ("reply", "position"),
    [(b"CPB\r", "B"), (b"CP3\r", "3"), (b"CP03\r\n", "3"), (b"Position is = A\r", "A"), (b"1CPA\r", "A"),
     (b'Position is  = "B"\r', "B")],
)  # fmt: skip
def test_positions(reply: bytes, position: str) -> None:
    assert decode_position(reply) == position


@pytest.mark.parametrize("reply", [b"CP\r", b"CPC\r", b"CP0\r", b"CP123\r", b"CPAB\r", b"\xffP\r", b"CNT3\r"])
def test_spoilt_positions(reply: bytes) -> None:
    with pytest.raises(BadReply):
        decode_position(reply)
    with pytest.raises(BadReply):
        decode_number(reply, "mode")


def test_any_delimiter() -> None:
    assert [frame(data) for data in (b"CPA\r", b"CPA\n", b"\r\nCPA\r\n", b"CPA", b"\r")] == [4, 4, 6, None, None]


def test_move_is_proven_by_two_looks_and_the_counter() -> None:
    steps = [*HELLO, at(b"A"), counted(7), Step(b"GOB\r"), at(b"A"), at(b"B"), at(b"B"), counted(8)]
    assert play(steps, inject) == pytest.approx(0.3)


def test_already_there_moves_nothing() -> None:
    assert play([*HELLO, at(b"B")], inject) == 0.0


def test_a_bounce_does_not_count_as_arrival() -> None:
    steps = [*HELLO, at(b"A"), counted(7), Step(b"GOB\r"), at(b"B"), at(b"A"), at(b"B"), at(b"B"), counted(8)]
    play(steps, inject)


def test_odd_words_in_travel_are_not_there_yet() -> None:
    steps = [*HELLO, at(b"A"), counted(7), Step(b"GOB\r"), at(b"00"), at(b"B"), at(b"B"), counted(8)]
    play(steps, inject)


def test_a_valve_that_does_not_arrive() -> None:
    steps = [*HELLO, at(b"A"), counted(7), Step(b"GOB\r"), *[at(b"A")] * 30]
    with pytest.raises(DeviceFault, match="did not arrive"):
        play(steps, inject)


@pytest.mark.parametrize("count", [7, 9])
def test_a_counter_that_does_not_fit(count: int) -> None:
    with pytest.raises(BadReply, match="counter"):
        play([*HELLO, at(b"A"), counted(7), Step(b"GOB\r"), at(b"B"), at(b"B"), counted(count)], inject)


def test_an_actuator_without_counter() -> None:
    async def talk(link: Link, clock: Clock) -> ValvePosition:
        return await (await valve(link, clock)).read_position()

    silent = [*HELLO, at(b"A"), Step(b"CNT\r")]
    assert play(silent, talk) == ValvePosition("load", None)


def test_multiposition() -> None:
    async def talk(link: Link, clock: Clock) -> list[str]:
        actuator = ViciActuator(link, clock, ViciActuatorOptions(id="5"))
        await actuator.connect()
        for wrong in ({"a": "A"}, {"a": "11"}, {"a": "1", "b": "1"}, {}, None):
            with pytest.raises(ConfigError):
                actuator.role("valve", positions=wrong)
        selector = actuator.role("valve", positions={"buffer": "1", "NaOH": 3})
        await selector.move_to("NaOH")
        return [(await selector.read_position()).position for _ in range(2)]

    steps = [
        Step(b"5VR\r", b"5VR = I-PD-AMHX88RD1\r"), Step(b"5AM\r", b"AM3\r"), Step(b"5NP\r", b"NP10\r"), Step(b"5SMA\r"),
        Step(b"5CP\r", b"CP01\r"), Step(b"5CNT\r", b"5CNT1\r"), Step(b"5GO3\r"), Step(b"5CP\r", b"5CP03\r"),
        Step(b"5CP\r", b"CP3\r"), Step(b"5CNT\r", b"CNT3\r"), Step(b"5CP\r", b"CP03\r"), Step(b"5CNT\r", b"CNT3\r"),
        Step(b"5CP\r", b"CP07\r"), Step(b"5CNT\r", b"CNT5\r"),
    ]  # fmt: skip
    assert play(steps, talk) == ["NaOH", "port 7"]


@pytest.mark.parametrize("name", ["A", "purge", "load\r", ""])
def test_unknown_names_are_refused_before_any_byte(name: str) -> None:
    async def talk(link: Link, clock: Clock) -> None:
        await (await valve(link, clock)).move_to(name)

    with pytest.raises(Refused):
        play(HELLO, talk)


def test_role_and_judge() -> None:
    async def talk(link: Link, clock: Clock) -> object:
        actuator = ViciActuator(link, clock)
        for wrong in ({"capability": "pump"}, {"capability": "valve"}, {"capability": "valve", "channel": 1}):
            with pytest.raises(ConfigError):
                actuator.role(**wrong)
        return actuator.role("valve", positions=INJECTION)

    assert isinstance(play([], talk), Valve)
    act = declared(ViciValve.move_to)
    assert act is not None and act.kind is Kind.POSITIONAL and act.judge is not None
    assert act.judge(None, ValvePosition("inject", 8), ("inject",)) is Verdict.DONE
    assert act.judge(None, ValvePosition("load", 7), ("inject",)) is Verdict.NOT_DONE


def test_the_rest_of_the_command_table() -> None:
    assert encode_turn(True) == b"CW\r" and encode_turn(False, "5") == b"5CC\r"
    assert encode_baud(9600) == b"SB0096\r" and encode_baud(115200) == b"SB1152\r"
    assert encode_id("5") == b"ID5\r" and encode_id("") == b"*ID*\r"
    assert encode_query("help") == b"/?\r"
    assert encode_set("ports", 10) == b"NP10\r"
    for call in (
        lambda: encode_baud(300),
        lambda: encode_id("ab"),
        lambda: encode_id("\r"),
        lambda: encode_set("ports", 9),
    ):
        with pytest.raises(ConfigError):
            call()
