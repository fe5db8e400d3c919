"""Huber: PB words, LAI checksums, the circulator role."""

import pytest
from pydantic import ValidationError

from devices.drivers import huber
from devices.drivers.huber import Huber, HuberOptions
from devices.link import Link
from devices.readings import Quality
from devices.roles import Circulator, Thermometer
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply

VERIFY = Step(b"[M01V07C6\r", b"[S01V14Huber ControlC1\r")


def pb(address: str, value: str, reply: str | None = None) -> Step:
    return Step(f"{{M{address}{value}\r\n".encode(), f"{{S{address}{reply or value}\r\n".encode())


def test_settings_and_roles() -> None:
    assert Huber.settings == SerialSettings(9600)
    driver = Huber(Link(None, None, "x"), None, HuberOptions())  # type: ignore[arg-type]
    assert isinstance(driver.role("circulator"), Circulator)
    assert isinstance(driver.role("thermometer"), Thermometer)
    with pytest.raises(ValidationError):
        HuberOptions(sensor="moon")


def test_pb() -> None:
    assert huber.encode_pb(0) == b"{M00****\r\n"
    assert huber.encode_pb(0, huber.encode_temperature(-50.0)) == b"{M00EC78\r\n"
    assert huber.decode_temperature(huber.decode_pb(b"{S0004DA\r\n", 0)) == 12.42
    assert huber.decode_temperature(huber.decode_pb(b"{S303a98\r\n", 0x30)) == 150.0
    for wrong in (b"{S0104DA\r\n", b"{S0004D\r\n", b"{M0004DA\r\n", b"{S00****\r\n", b"\xff\r\n"):
        with pytest.raises(BadReply):
            huber.decode_pb(wrong, 0)
    with pytest.raises(ConfigError):
        huber.encode_pb(0x100)
    for value in (float("nan"), 400.0):
        with pytest.raises(LimitExceeded):
            huber.encode_temperature(value)


def test_lai() -> None:
    assert huber.encode_lai("V") == b"[M01V07C6\r"
    assert huber.decode_lai(b"[S01V14Huber ControlC1\r", "V") == "Huber Control"
    assert huber.decode_lai(b"[S01V14Huber Controlc1\r\n", "V") == "Huber Control"
    for wrong in (b"[S01V14Huber ControlC2\r", b"[S01V15Huber ControlC2\r", b"[S02V07CD\r", b"[S01G07BD\r", b"x\r"):
        with pytest.raises(BadReply):
            huber.decode_lai(wrong, "V")
    for code, data in (("V", "\r[M01"), ("v", ""), ("V", "ä")):
        with pytest.raises(ConfigError):
            huber.encode_lai(code, data)


def test_connect() -> None:
    assert play([VERIFY], lambda link, clock: Huber(link, clock).connect()).model == "Huber Control"
    options = HuberOptions(serial_number="131073")
    steps = [VERIFY, pb("1B", "****", "0001"), pb("1C", "****", "0002")]
    assert play(steps, lambda link, clock: Huber(link, clock, options).connect()).serial_number == "131073"


def test_set_temperature_reads_back() -> None:
    steps = [pb("00", "EC78"), pb("00", "****", "EC78")]
    play(steps, lambda link, clock: Huber(link, clock).set_temperature(-50.0))
    steps = [pb("00", "EC78"), pb("00", "****", "0000")]
    with pytest.raises(DeviceFault, match="not taken over"):
        play(steps, lambda link, clock: Huber(link, clock).set_temperature(-50.0))
    for value in (-91.0, 201.0, float("inf")):
        with pytest.raises(LimitExceeded, match="bench: set temperature"):
            play([], lambda link, clock, v=value: Huber(link, clock).set_temperature(v))


def test_start_stop_and_state() -> None:
    play([pb("14", "0001"), pb("14", "****", "0001")], lambda link, clock: Huber(link, clock).start())
    play([pb("14", "0000"), pb("14", "****", "0000")], lambda link, clock: Huber(link, clock).stop())
    steps = [pb("01", "****", "04DA"), pb("00", "****", "EC78"), pb("14", "****", "0001")]
    state = play(steps, lambda link, clock: Huber(link, clock).read_circulator())
    assert (state.temperature.value, state.setpoint, state.running) == (12.42, -50.0, True)


def test_absent_sensor_stale_line_and_silence() -> None:
    options = HuberOptions(sensor="process")
    steps = [Step(b"{M07****\r\n", b"{S0004DA\r\n{S07C504\r\n")]
    reading = play(steps, lambda link, clock: Huber(link, clock, options).read_temperature())
    assert reading.quality is Quality.ABSENT
    with pytest.raises(NoReply):
        play([Step(b"{M01****\r\n")], lambda link, clock: Huber(link, clock).read_temperature())
