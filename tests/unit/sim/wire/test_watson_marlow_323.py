import pytest

from sim.wire.emulator import WireSettings
from sim.wire.watson_marlow_323 import WatsonMarlow323


@pytest.fixture
def speeds():
    return []


@pytest.fixture
def pump(time, speeds):
    return WatsonMarlow323(time, speeds.append)


def send(host, pump, *commands):
    heard = b""
    for command in commands:
        heard = host.ask(pump, command)
        host.time.wait(0.01)
    return heard


def test_settings_are_two_stop_bits(pump):
    assert pump.settings == WireSettings(9600, 8, "N", 2)


def test_status_and_echo(host, pump, speeds):
    assert send(host, pump, b"1SP110\r") == b"1SP110\r"
    assert send(host, pump, b"1GO\r", b"1RS\r") == b"1RS\r323Du 110 CW 1 !\r"
    assert speeds[-1] == pytest.approx(110 / 60)
    assert send(host, pump, b"1ZY\r") == b"1ZY\r1\r"
    assert send(host, pump, b"1ST\r", b"1ZY\r") == b"1ZY\r0\r"
    assert speeds[-1] == 0


def test_direction_is_the_sign(host, pump, speeds):
    send(host, pump, b"1SP60\r", b"1RL\r", b"1GO\r")
    assert speeds[-1] == -1.0
    send(host, pump, b"1RC\r")
    assert speeds[-1] == 1.0


@pytest.mark.parametrize("value", [b"2", b"401", b"100.5", b"-5", b"", b"1e2", b"0100"])
def test_out_of_range_is_echoed_and_ignored(host, pump, value):
    send(host, pump, b"1SP50\r")
    assert send(host, pump, b"1SP" + value + b"\r") == b"1SP" + value + b"\r"
    assert b"323Du 50 CW 0 !" in send(host, pump, b"1RS\r")


@pytest.mark.parametrize("command", [b"2GO\r", b"1XX\r", b"GO\r", b"1go\r", b"\r"])
def test_foreign_or_unknown_is_only_echoed(host, pump, speeds, command):
    assert send(host, pump, command) == command
    assert speeds == []


def test_commands_need_ten_milliseconds_between(host, pump, speeds):
    pump.receive(b"1SP60\r1GO\r")
    assert speeds == [0.0]
    assert not pump.running


def test_answer_is_not_instant(host, pump):
    send(host, pump, b"1ZY\r")
    assert host.took > 0.019


def test_stop_key_and_power_cycle(host, pump, speeds):
    send(host, pump, b"1SP60\r", b"1GO\r")
    pump.press_stop()
    assert speeds[-1] == 0 and b" 0 !" in send(host, pump, b"1RS\r")
    send(host, pump, b"1GO\r")
    pump.power_cycle()
    assert speeds[-1] == 0 and b"323Du 3 CW 0 !" in send(host, pump, b"1RS\r")
