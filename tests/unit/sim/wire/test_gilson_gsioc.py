import pytest

from sim.wire.emulator import WireSettings
from sim.wire.gilson_gsioc import GilsonFc203b


@pytest.fixture
def acts():
    return []


@pytest.fixture
def collector(time, acts):
    return GilsonFc203b(
        time, lambda tube: acts.append(("tube", tube)), lambda on: acts.append(("divert", on)), unit_id=9
    )


def select(host, collector):
    host.ask(collector, b"\xff")
    assert host.ask(collector, b"\x89") == b"\x89"


def buffered(host, collector, line):
    heard = host.ask(collector, b"\n")
    if heard == b"\n":
        for byte in line + b"\r":
            assert host.ask(collector, bytes([byte])) == bytes([byte])
    return heard


def immediate(host, collector, command):
    heard = host.ask(collector, command)
    assert heard
    while heard[-1] < 0x80:
        heard += host.ask(collector, b"\x06")
    return heard[:-1] + bytes([heard[-1] & 0x7F])


def test_even_parity(collector):
    assert collector.settings == WireSettings(19200, 8, "E", 1)


def test_only_the_selected_unit_speaks(host, collector):
    assert host.ask(collector, b"T") == b""
    assert host.ask(collector, b"\x86") == b""
    select(host, collector)
    assert host.took < 0.02
    host.ask(collector, b"\x86")
    assert host.ask(collector, b"%") == b""


def test_tube_is_reached_after_a_move(host, time, collector, acts):
    select(host, collector)
    assert immediate(host, collector, b"T") == b"000"
    buffered(host, collector, b"T042")
    assert immediate(host, collector, b"T") == b"042" and immediate(host, collector, b"X") == b"M0180"
    assert buffered(host, collector, b"T001") == b"#" and acts == []
    time.wait(5)
    assert immediate(host, collector, b"Y") == b"S0720" and acts == [("tube", 42)]
    buffered(host, collector, b"T043")
    time.wait(0.36)
    collector.scan()
    assert acts[-1] == ("tube", 43)


def test_read_back_byte_by_byte(host, time, collector):
    select(host, collector)
    buffered(host, collector, b"T042")
    assert host.ask(collector, b"T") == b"0"
    assert host.ask(collector, b"\x06") == b"4"
    assert host.ask(collector, b"\x06") == b"\xb2"
    assert host.ask(collector, b"\x06") == b""


@pytest.mark.parametrize("line", [b"T000", b"T097", b"T42", b"V2", b"Q1", b"", b"X12", b"Tabc"])
def test_invalid_is_echoed_and_ignored(host, time, collector, acts, line):
    select(host, collector)
    buffered(host, collector, line)
    time.wait(10)
    collector.scan()
    assert acts == []


def test_diverter_and_axis(host, time, collector, acts):
    select(host, collector)
    buffered(host, collector, b"V1")
    assert acts == [("divert", 1.0)]
    buffered(host, collector, b"X0120")
    time.wait(6)
    assert immediate(host, collector, b"X") == b"S0120" and immediate(host, collector, b"T") == b"000"


def test_unknown_immediate_is_silent(host, collector):
    select(host, collector)
    assert host.ask(collector, b"Q") == b""


def test_drop_in_the_middle_forgets_the_command(host, time, collector, acts):
    select(host, collector)
    host.ask(collector, b"\n")
    host.ask(collector, b"V")
    select(host, collector)
    host.ask(collector, b"1")
    host.ask(collector, b"\r")
    assert acts == []


def test_reset_loses_the_position_for_two_seconds(host, time, collector, acts):
    select(host, collector)
    buffered(host, collector, b"T005")
    time.wait(6)
    assert immediate(host, collector, b"$") == b"$"
    assert host.ask(collector, b"\xff\x89") == b""
    time.wait(2)
    select(host, collector)
    assert immediate(host, collector, b"T") == b"000" and acts[-2:] == [("tube", 0), ("divert", 0)]


def test_power_cycle(host, time, collector, acts):
    select(host, collector)
    buffered(host, collector, b"T005")
    collector.power_cycle()
    assert host.ask(collector, b"%") == b""
    select(host, collector)
    assert immediate(host, collector, b"%") == b"203B V1.10" and immediate(host, collector, b"T") == b"000"
