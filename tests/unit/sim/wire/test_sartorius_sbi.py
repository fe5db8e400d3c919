import pytest

from sim.wire.sartorius_sbi import SartoriusSbi


class Pan:
    mass, stable = 0.1, True


@pytest.fixture
def pan():
    return Pan()


@pytest.fixture
def balance(time, pan):
    return SartoriusSbi(time, lambda: pan.mass, lambda: pan.stable)


def test_print_lines(host, balance, pan):
    assert host.ask(balance, b"\x1bP\r\n") == b"N     +   100.00 g  \r\n"
    pan.stable, pan.mass = False, -0.01
    assert host.ask(balance, b"\x1bP\r\n") == b"N     -    10.00    \r\n"
    pan.mass = 7.0
    assert host.ask(balance, b"\x1bP\r\n") == b"Stat        High    \r\n"
    pan.mass = -1.0
    assert host.ask(balance, b"\x1bP\r\n") == b"Stat        Low     \r\n"


def test_sixteen_characters(time, host):
    balance = SartoriusSbi(time, lambda: 0.1, lambda: True, with_id=False, parity="O")
    assert host.ask(balance, b"\x1bP\r\n") == b"+   100.00 g  \r\n" and balance.settings.parity == "O"


def test_tare_is_silent_and_waits_for_stability(host, time, balance, pan):
    pan.stable = False
    assert host.ask(balance, b"\x1bT\r\n") == b""
    time.wait(2)
    assert b"100.00" in host.ask(balance, b"\x1bP\r\n")
    pan.stable = True
    assert host.ask(balance, b"\x1bP\r\n") == b"N     +     0.00 g  \r\n"


def test_tare_is_given_up(host, time, balance, pan):
    pan.stable = False
    host.ask(balance, b"\x1bT\r\n")
    time.wait(11)
    host.ask(balance, b"\x1bP\r\n")
    pan.stable = True
    assert b"100.00 g" in host.ask(balance, b"\x1bP\r\n")


@pytest.mark.parametrize("request_", [b"P\r\n", b"\x1bQ\r\n", b"\x1bp\r\n", b"\r\n", b"\x1bP\r"])
def test_everything_else_is_silence(host, balance, request_):
    assert host.ask(balance, request_) == b""


def test_identity_lock_zero_and_power_cycle(host, time, balance, pan):
    assert host.ask(balance, b"\x1bx1_\r\n") == b"ENTRIS6202I-1S      \r\n"
    host.ask(balance, b"\x1bO\r\n")
    assert balance.locked
    host.ask(balance, b"\x1bV\r\n")
    time.wait(1)
    assert b" 0.00 g" in host.ask(balance, b"\x1bP\r\n")
    pan.mass = 0.2
    balance.press_print()
    assert b"100.00 g" in host.listen(balance)
    host.ask(balance, b"\x1bS\r\n")
    assert b" 0.00 g" in host.ask(balance, b"\x1bP\r\n") and not balance.locked
