"""BioShake through PyLabRobot's sequences, with read-back, on virtual time."""

from typing import Any

import pytest

from devices.drivers.plr_io import LinkedBioShake, decode_shaker, exact_tenths
from devices.drivers.qinstruments_bioshake import BioShake, BioShakeOptions, decode_errors
from devices.link import Link
from devices.roles import Thermometer, Thermoshaker
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply, Refused


def say(command: str, reply: str = "ok", after: float = 0.0) -> Step:
    return Step(command.encode() + b"\r", reply.encode() + b"\r\n", after)


def act(steps: list[Step], verb: str, *args: Any) -> Any:
    return play(steps, lambda link, clock: getattr(BioShake(link, clock), verb)(*args))


SPEEDS = [say("getShakeMinRpm", "200"), say("getShakeMaxRpm", "3000")]
TIMES = [say("getShakeAccelerationMin", "1"), say("getShakeAccelerationMax", "10")]
WARMTH = [say("getTempMin", "0"), say("getTempMax", "99")]
SHAKE = [
    *SPEEDS, say("getElmState", "1"), *TIMES,
    *SPEEDS, say("setShakeTargetSpeed500"), *TIMES, say("setShakeAcceleration5"), say("shakeOn"),
]  # fmt: skip


def test_settings_and_roles() -> None:
    assert BioShake.settings == SerialSettings(9600)
    driver = BioShake(Link(None, None, "x"), None, BioShakeOptions())  # type: ignore[arg-type]
    assert isinstance(driver.role("thermoshaker"), Thermoshaker)
    assert isinstance(driver.role("thermometer"), Thermometer)


def test_connect() -> None:
    steps = [say("getDescription", "BioShake 3000-T elm"), say("getSerial", "4711"), say("getVersion", "1.8.4")]
    identity = act(steps, "connect")
    assert (identity.model, identity.serial_number, identity.firmware) == ("BioShake 3000-T elm", "4711", "1.8.4")


def test_shake_waits_for_the_speed() -> None:
    act([*SHAKE, say("getShakeActualSpeed", "310"), say("getShakeActualSpeed", "495")], "shake", 500 / 60)


def test_speed_that_is_never_reached() -> None:
    with pytest.raises(DeviceFault, match="does not reach"):
        act([*SHAKE, *(21 * [say("getShakeActualSpeed", "310")])], "shake", 500 / 60)


def test_shake_refuses_before_any_setting() -> None:
    with pytest.raises(Refused, match="not clamped"):
        act([*SPEEDS, say("getElmState", "3")], "shake", 500 / 60)
    with pytest.raises(LimitExceeded):
        act(SPEEDS, "shake", 100.0)
    with pytest.raises(LimitExceeded):
        act([], "shake", float("nan"))


def test_stop_waits_three_seconds_by_the_clock() -> None:
    async def talk(link: Link, clock: Clock) -> float:
        await BioShake(link, clock).stop()
        return clock.now()

    steps = [*TIMES, say("setShakeAcceleration5"), say("shakeOff"), say("getShakeState", "3")]
    assert play(steps, talk) >= 3.0


def test_temperature_and_clamp() -> None:
    steps = [
        *WARMTH, *WARMTH, say("setTempTarget41"), say("tempOn"), say("getTempTarget", "4.1"), say("getTempState", "1"),
    ]  # fmt: skip
    act(steps, "set_temperature", 4.12)
    with pytest.raises(LimitExceeded):
        act(WARMTH, "set_temperature", 120.0)
    act([say("getShakeState", "3"), say("setElmUnlockPos"), say("getElmState", "3")], "clamp", False)
    act([say("getShakeState", "3"), say("setElmLockPos"), say("getElmState", "1")], "clamp", True)
    with pytest.raises(DeviceFault, match="did not move"):
        act([say("getShakeState", "3"), say("setElmLockPos"), say("getElmState", "3")], "clamp", True)
    with pytest.raises(Refused):
        act([say("getShakeState", "0")], "clamp", True)


def test_state() -> None:
    steps = [
        say("getErrorList", "{}"), say("getTempActual", "4.05"), say("getTempTarget", "4.0"), say("getTempState", "1"),
        say("getShakeActualSpeed", "600"), say("getShakeTargetSpeed", "600"), say("getShakeState", "0"),
        say("getElmState", "1"),
    ]  # fmt: skip
    state = act(steps, "read_shaker")
    assert (state.temperature.value, state.speed, state.shaking, state.clamped) == (4.05, 10.0, True, True)
    with pytest.raises(DeviceFault, match="105 did not find home"):
        act([say("getErrorList", "{105}")], "read_shaker")


def test_home() -> None:
    steps = [Step(b"resetDevice\r", b"boot\r\nInitialization complete\r\n", 20.0), say("shakeGoHome", "ok", 5.0)]
    act(steps, "home")


def test_refusals_and_silence() -> None:
    with pytest.raises(DeviceFault, match="answers e"):
        act([say("getTempActual", "e")], "read_temperature")
    with pytest.raises(DeviceFault, match="does not know"):
        act([say("getTempActual", "u -> getTempActual")], "read_temperature")
    with pytest.raises(NoReply):
        act([Step(b"getTempActual\r")], "read_temperature")
    assert act([Step(b"getTempActual\r", b"ok\r\n4.0\r\n")], "read_temperature").value == 4.0


def test_codec() -> None:
    assert decode_shaker(b"ok\r\n", "shakeOn") is None
    assert decode_shaker(b"500\r\n", "getShakeTargetSpeed") == "500"
    with pytest.raises(BadReply):
        decode_shaker(b"ok\r\n", "getShakeTargetSpeed")
    assert decode_errors("{101; 203}") == ("101 motor controller", "203 temperature sensor")
    with pytest.raises(BadReply):
        decode_errors("101")
    for tenths in range(-200, 1000):
        assert (exact_tenths(tenths / 10) * 10).is_integer()


def test_no_second_command_on_the_wire() -> None:
    for text in ("shakeOn\rresetDevice", "", "shake On", "é"):
        with pytest.raises(ConfigError):
            play([], lambda link, clock, t=text: LinkedBioShake(link, clock).ask(t))
