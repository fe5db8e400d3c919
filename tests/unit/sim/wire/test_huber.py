import pytest

from sim.wire.huber import HuberPb


class Bath:
    def __init__(self):
        self.set, self.run = [], []


@pytest.fixture
def bath():
    return Bath()


@pytest.fixture
def unit(time, bath):
    return HuberPb(time, lambda: 20.5, bath.set.append, bath.run.append, process=lambda: -12.34)


def test_set_point_in_hundredths_twos_complement(host, unit, bath):
    assert host.ask(unit, b"{M00EC78\r\n") == b"{S00EC78\r\n" and bath.set == [-50.0]
    assert host.ask(unit, b"{m00****\r\n") == b""
    assert host.ask(unit, b"{M01****\r\n") == b"{S010802\r\n"
    assert host.ask(unit, b"{M07****\r\n") == b"{S07FB2E\r\n"


def test_out_of_range_is_clamped(host, unit, bath):
    assert host.ask(unit, b"{M007000\r\n") == b"{S003A98\r\n" and bath.set == [150.0]


def test_start_and_stop(host, unit, bath):
    assert host.ask(unit, b"{M140001\r\n") == b"{S140001\r\n" and bath.run == [1.0]
    assert host.ask(unit, b"{M0A****\r\n") == b"{S0A0003\r\n"
    unit.power_cycle()
    assert bath.run[-1] == 0.0 and host.ask(unit, b"{M14****\r\n") == b"{S140000\r\n"


@pytest.mark.parametrize(
    "request_",
    [b"{M00 123\r\n", b"{M00-123\r\n", b"{M00***\r\n", b"{MF0****\r\n", b"{M00****5\r\n", b"M00****\r\n", b"\r\n"],
)
def test_malformed_is_silence(host, unit, bath, request_):
    assert host.ask(unit, request_) == b"" and bath.set == []


def test_reading_is_not_writable(host, unit):
    assert host.ask(unit, b"{M010000\r\n") == b"{S010802\r\n"


def test_slow_characters_are_forgotten(host, time, unit):
    host.ask(unit, b"{M00")
    time.wait(0.2)
    assert host.ask(unit, b"****\r\n") == b""


def lai(body: bytes) -> bytes:
    return body + b"%02X\r" % (sum(body) & 0xFF)


def test_checksummed_commands(host, unit, bath):
    assert host.ask(unit, b"[M01V07C6\r") == b"[S01V14Huber ControlC1\r"
    assert host.ask(unit, b"[M01V07C7\r") == b"" == host.ask(unit, lai(b"[M02V07"))
    assert host.ask(unit, lai(b"[M01V08")) == b"" == host.ask(unit, lai(b"[M01X07"))
    reply = host.ask(unit, lai(b"[M01G0DC*F448"))
    assert reply == lai(b"[S01G15I0F4480802FB2E") and bath.set == [-30.0] and bath.run == [1.0]
    assert host.ask(unit, lai(b"[M01G0D**zzzz")) == b""
    assert host.ask(unit, lai(b"[M01L17" + b"*" * 16)) == lai(b"[S01L17DCD83A98DCD83A98")
