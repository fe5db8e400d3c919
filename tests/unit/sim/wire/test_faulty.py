import pytest

from sim.wire.faulty import Fault, Faulty
from sim.wire.mettler_sics import MettlerBalance

SERIAL = b'I4 A "B123456789"\r\n'


@pytest.fixture
def wire(time):
    return Faulty(time, MettlerBalance(time, lambda: 0.1, lambda: True))


def test_a_good_wire_changes_nothing(host, wire):
    assert host.ask(wire, b"I4\r\n") == SERIAL
    assert wire.settings == wire.emulator.settings


def test_lost_answer_means_the_instrument_acted(host, wire):
    wire.inject(Fault.NO_REPLY, times=1)
    assert host.ask(wire, b"TI\r\n") == b""
    assert host.ask(wire, b"TA\r\n") == b"TA A     100.00 g\r\n"


def test_lost_request_means_it_did_not(host, wire):
    wire.inject(Fault.DEAF, times=1)
    assert host.ask(wire, b"TI\r\n") == b""
    assert host.ask(wire, b"TA\r\n") == b"TA A       0.00 g\r\n"


def test_late_answer_comes_before_the_next_one(host, wire):
    wire.inject(Fault.LATE, seconds=3.0, times=1)
    assert host.ask(wire, b"I4\r\n", 1.0) == b""
    wire.receive(b"SI\r\n")
    assert host.listen(wire, 5) == SERIAL + b"S S     100.00 g\r\n"


def test_split(host, time, wire):
    wire.inject(Fault.SPLIT)
    wire.receive(b"I4\r\n")
    pieces = []
    while (due := wire.due_in()) is not None:
        time.wait(due + 1e-6)
        pieces.append(wire.transmit())
    assert b"".join(pieces) == SERIAL and max(map(len, pieces)) == 1


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        (Fault.DOUBLED, SERIAL * 2),
        (Fault.GARBAGE, Faulty.NOISE + SERIAL),
        (Fault.UNPLUGGED, b""),
    ],
)
def test_spoilt_answers(host, wire, fault, heard):
    wire.inject(fault, times=1)
    assert host.ask(wire, b"I4\r\n") == heard
    wire.clear()
    assert host.ask(wire, b"I4\r\n") == SERIAL


def test_one_wrong_bit(host, wire):
    wire.inject(Fault.CORRUPT, times=1)
    spoilt = host.ask(wire, b"I4\r\n")
    assert sum((a ^ b).bit_count() for a, b in zip(spoilt, SERIAL, strict=True)) == 1


def test_stale_answers_lag_by_one(host, wire):
    wire.inject(Fault.STALE)
    assert host.ask(wire, b"I4\r\n") == b""
    assert host.ask(wire, b"SI\r\n") == SERIAL
    assert host.ask(wire, b"DW\r\n") == b"S S     100.00 g\r\n"


def test_endless_stream(host, wire):
    wire.inject(Fault.ENDLESS)
    heard = host.ask(wire, b"I4\r\n", 1.0)
    assert len(heard) > 20_000 and set(heard) == {ord("U")}
    wire.clear()
    assert host.ask(wire, b"I4\r\n") == SERIAL


def test_only_after_a_certain_request(host, wire):
    wire.inject(Fault.NO_REPLY, only_after=b"TI")
    assert host.ask(wire, b"I4\r\n") == SERIAL and host.ask(wire, b"TI\r\n") == b""


def test_power_cycle_reaches_the_instrument(host, wire):
    host.ask(wire, b"TI\r\n")
    wire.power_cycle()
    assert host.listen(wire) == SERIAL and host.ask(wire, b"TA\r\n") == b"TA A       0.00 g\r\n"
