import math

import pytest

from sim.wire.emulator import WireSettings
from sim.wire.julabo import LOW_LEVEL, Julabo


class Shelf:
    def __init__(self):
        self.bath, self.set, self.run = 20.0, [], []


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def make(time, shelf):
    def build(**options):
        return Julabo(time, lambda: shelf.bath, shelf.set.append, shelf.run.append, **options)

    return build


def out(host, unit, command):
    heard = host.ask(unit, command + b"\r")
    host.time.wait(0.26)
    return heard


def ask(host, unit, command):
    heard = host.ask(unit, command + b"\r")
    host.time.wait(0.02)
    return heard


def test_settings():
    assert Julabo.settings == WireSettings(4800, 7, "E", 1)


def test_out_is_silent_and_read_back(host, make, shelf):
    unit = make()
    assert out(host, unit, b"OUT_SP_00 -37.50") == b""
    assert ask(host, unit, b"STATUS") == b"02 REMOTE STOP\r\n"
    assert ask(host, unit, b"in_sp_00") == b"-37.50\r\n"
    assert out(host, unit, b"OUT_MODE_05 1") == b"" and shelf.run == [1.0] and shelf.set == [-37.5]
    assert ask(host, unit, b"STATUS") == b"03 REMOTE START\r\n" and ask(host, unit, b"IN_MODE_05") == b"1\r\n"
    assert ask(host, unit, b"IN_PV_00") == b"20.00\r\n"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (b"OUT_SP_00 250", b"-11 VALUE TOO LARGE\r\n"),
        (b"OUT_SP_00 -95", b"-10 VALUE TOO SMALL\r\n"),
        (b"OUT_SP_00 warm", b"-08 INVALID COMMAND\r\n"),
        (b"OUT_SP_00 1.234", b"-08 INVALID COMMAND\r\n"),
        (b"OUT_SP_00 1e1", b"-08 INVALID COMMAND\r\n"),
        (b"OUT_SP_00", b"-08 INVALID COMMAND\r\n"),
        (b"OUT_SP_05 1", b"-08 INVALID COMMAND\r\n"),
        (b"IN_PV_09", b"-08 INVALID COMMAND\r\n"),
        (b"HELLO", b"-08 INVALID COMMAND\r\n"),
        (b"OUT_MODE_05 2", b"-11 VALUE TOO LARGE\r\n"),
        (b"OUT_SP_07 5", b"-11 VALUE TOO LARGE\r\n"),
        (b"OUT_SP_03 300", b"-11 VALUE TOO LARGE\r\n"),
    ],
)
def test_errors_show_once_in_the_next_status(host, make, shelf, command, error):
    unit = make()
    assert out(host, unit, command) == b"" and shelf.set == []
    assert ask(host, unit, b"STATUS") == error
    assert ask(host, unit, b"STATUS") == b"02 REMOTE STOP\r\n"


def test_warning_limits_enclose_the_set_point(host, make, shelf):
    unit = make()
    out(host, unit, b"OUT_SP_04 -30")
    out(host, unit, b"OUT_SP_00 -40")
    assert ask(host, unit, b"STATUS").startswith(b"-13 ") and shelf.set == []
    assert ask(host, unit, b"IN_SP_04") == b"-30.00\r\n"
    out(host, unit, b"OUT_SP_03 -35")
    assert ask(host, unit, b"STATUS").startswith(b"-13 ")


def test_manual_mode_refuses(host, make, shelf):
    unit = make(remote=False)
    out(host, unit, b"OUT_MODE_05 1")
    assert ask(host, unit, b"STATUS").startswith(b"-09 ") and shelf.run == []
    unit.press_start(True)
    assert ask(host, unit, b"STATUS") == b"01 MANUAL START\r\n"


def test_too_early_commands_are_lost(host, time, make, shelf):
    unit = make()
    unit.receive(b"OUT_SP_00 5\r")
    time.wait(0.2)
    assert host.ask(unit, b"STATUS\r") == b""
    time.wait(0.06)
    assert host.ask(unit, b"STATUS\r") == b"02 REMOTE STOP\r\n"
    assert host.ask(unit, b"STATUS\r") == b""


def test_rs485_address(host, make):
    unit = make(address=32, decimals=1, line_end=b"\n")
    out(host, unit, b"A032_OUT_SP_00 55.5")
    assert ask(host, unit, b"A032_in_sp_00") == b"A032_55.5\n"
    assert ask(host, unit, b"IN_SP_00") == b"" == ask(host, unit, b"A033_IN_SP_00")


def test_alarm_stops_and_stays(host, make, shelf):
    unit = make()
    out(host, unit, b"OUT_MODE_05 1")
    unit.raise_alarm(LOW_LEVEL)
    assert shelf.run == [1.0, 0.0]
    assert ask(host, unit, b"STATUS") == b"-01 LOW LEVEL ALARM\r\n" == ask(host, unit, b"STATUS")
    out(host, unit, b"OUT_MODE_05 1")
    assert shelf.run[-1] == 0.0


def test_watchdog(host, time, make, shelf):
    unit = make(watchdog=30.0)
    out(host, unit, b"OUT_MODE_05 1")
    time.wait(31)
    unit.scan()
    assert shelf.run[-1] == 0.0 and ask(host, unit, b"STATUS").startswith(b"-1501 ")


def test_other_values(host, make, shelf):
    unit = make(external=lambda: -38.2)
    assert ask(host, unit, b"IN_PV_02") == b"-38.20\r\n" and ask(host, make(), b"IN_PV_02") == b"---.--\r\n"
    shelf.bath = math.nan
    assert ask(host, unit, b"IN_PV_03") == b"---.--\r\n"
    assert ask(host, unit, b"IN_PV_01") == b"0.00\r\n" and ask(host, unit, b"IN_PV_04") == b"205.00\r\n"
    out(host, unit, b"OUT_SP_07 3")
    assert ask(host, unit, b"IN_SP_07") == b"3\r\n" and ask(host, unit, b"VERSION").startswith(b"JULABO ")


def test_after_a_power_cut_it_stays_stopped(host, make, shelf):
    unit = make()
    out(host, unit, b"OUT_SP_00 -40")
    out(host, unit, b"OUT_MODE_05 1")
    unit.power_cycle()
    assert shelf.run[-1] == 0.0 and shelf.set[-1] == 25.0
    assert ask(host, unit, b"STATUS") == b"02 REMOTE STOP\r\n" and ask(host, unit, b"IN_SP_00") == b"25.00\r\n"
