import math

import pytest

from sim.wire.pendotech_pressuremat import PressureMat

PSI = 6894.757293168361


def rows(frame: bytes) -> list[bytes]:
    return [b"AZ" + part.rstrip(b"\r\n\x10\x03") for part in frame.split(b"AZ")[1:]]


def checked(row: bytes) -> bool:
    return (sum(row[2:-2]) + int(row[-2:], 16)) & 0xFF == 0


def test_frame_holds_a_checked_row_of_80_characters_per_sensor(time, host):
    monitor = PressureMat(time, [lambda v=v: v * PSI for v in (12.3, 0.2, -0.5, 0.0)])
    frame = host.ask(monitor, b"AZK\r\n")
    assert frame.startswith(b"\x10\x02AZ,00000.01,4,") and frame.endswith(b"\r\n\x10\x03")
    assert [len(row) for row in rows(frame)] == [80] * 4 and all(map(checked, rows(frame)))
    assert rows(frame)[0] == b"AZ,00000.01,4,        0.0,        0.0,       12.3,       12.3,01734,X,X,X,X,X,F6"
    assert host.took > 0.3


@pytest.mark.parametrize("request_", [b"AZK\r", b"azk\r\n", b"AZ\r\n", b"AZK \r\n", b"\r\n"])
def test_only_the_poll_is_answered(time, host, request_):
    assert host.ask(PressureMat(time, [lambda: 0.0]), request_) == b""


def test_one_frame_per_row_and_bar(time, host):
    monitor = PressureMat(time, [lambda: 1.2345e5, lambda: 0.0], unit="bar", single_frame=False)
    frame = host.ask(monitor, b"AZK\r\n")
    assert frame.count(b"\x10\x02") == 2 and b"      1.234," in frame.replace(b"1.235", b"1.234")


def test_lost_sensor_keeps_its_last_value(time, host):
    values = iter([2 * PSI, math.nan])
    monitor = PressureMat(time, [lambda: next(values)])
    assert rows(host.ask(monitor, b"AZK\r\n")) == rows(host.ask(monitor, b"AZK\r\n"))


def test_tare_key_until_power_cycle(time, host):
    monitor = PressureMat(time, [lambda: 2 * PSI])
    monitor.press_tare(1)
    assert b"        0.0,01734" in host.ask(monitor, b"AZK\r\n")
    monitor.power_cycle()
    assert b"        2.0,01734" in host.ask(monitor, b"AZK\r\n")


def test_four_sensors_at_most(time):
    with pytest.raises(ValueError, match="1 to 4"):
        PressureMat(time, [lambda: 0.0] * 5)
