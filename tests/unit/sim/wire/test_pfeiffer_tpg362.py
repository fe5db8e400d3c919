import math

import pytest

from sim.wire.pfeiffer_tpg362 import PfeifferTpg362

ACK, NAK = b"\x06\r\n", b"\x15\r\n"


class Chamber:
    def __init__(self):
        self.pirani, self.capacitance, self.relays = 12.8, 8.0, []


@pytest.fixture
def chamber():
    return Chamber()


@pytest.fixture
def gauge(time, host, chamber):
    unit = PfeifferTpg362(
        time, lambda: chamber.pirani, lambda: chamber.capacitance, lambda n, on: chamber.relays.append((n, on))
    )
    host.ask(unit, b"\x03", 0.1)
    return unit


def ask(host, unit, mnemonic):
    assert host.ask(unit, mnemonic + b"\r") == ACK
    return host.ask(unit, b"\x05")


def refused(host, unit, mnemonic):
    assert host.ask(unit, mnemonic + b"\r") == NAK
    return host.ask(unit, b"\x05")


def test_streams_from_power_up_until_the_first_byte(host, time, chamber):
    unit = PfeifferTpg362(time, lambda: 12.8, lambda: 8.0, lambda n, on: None)
    assert host.listen(unit, 2.1) == b"0,1.2800E-01,0,8.0000E-02\r\n" * 2
    assert host.ask(unit, b"\x03", 5) == b""


def test_values_in_the_unit(host, gauge):
    assert ask(host, gauge, b"PR2") == b"0,8.0000E-02\r\n"
    assert ask(host, gauge, b"UNI,1") == b"1\r\n"
    assert ask(host, gauge, b"PRX") == b"0,9.6000E-02,0,6.0005E-02\r\n"
    assert host.ask(gauge, b"\x05") == b"0,9.6000E-02,0,6.0005E-02\r\n"
    gauge.select_unit(2)
    assert ask(host, gauge, b"PR1") == b"0,1.2800E+01\r\n" and ask(host, gauge, b"UNI") == b"2\r\n"


@pytest.mark.parametrize(
    ("pirani", "capacitance", "reply"),
    [
        (0.01, 0.01, b"1,5.0000E-04,1,1.1000E-03\r\n"),
        (101325.0, 101325.0, b"2,1.0000E+03,2,1.1000E+01\r\n"),
        (math.nan, math.nan, b"3,0.0000E+00,3,0.0000E+00\r\n"),
    ],
)
def test_status_is_not_a_pressure(host, gauge, chamber, pirani, capacitance, reply):
    chamber.pirani, chamber.capacitance = pirani, capacitance
    assert ask(host, gauge, b"PRX") == reply


@pytest.mark.parametrize(
    ("mnemonic", "word"),
    [
        (b"XYZ", b"0001"),
        (b"pr1", b"0001"),
        (b"", b"0001"),
        (b"PR1,2", b"0001"),
        (b"UNI,6", b"0010"),
        (b"SEN,2,2", b"0100"),
        (b"SEN,0", b"0010"),
        (b"FIL,3,1", b"0010"),
        (b"FIL,1", b"0010"),
        (b"COM,3", b"0010"),
        (b"SP1,3,1,2", b"0010"),
        (b"SP1,2,2,1", b"0010"),
        (b"SP1,2,x,1", b"0010"),
        (b"SP1,2,inf,inf", b"0010"),
        (b"SP5,1,1,2", b"0001"),
        (b"SP1,2,1_0,20", b"0010"),
        (b"OFD,1", b"0010"),
    ],
)
def test_refusals_leave_an_error_word_that_reading_clears(host, gauge, mnemonic, word):
    assert refused(host, gauge, mnemonic) == word + b"\r\n"
    assert ask(host, gauge, b"ERR") == b"0000\r\n"


def test_identity_and_settings(host, gauge):
    assert ask(host, gauge, b"AYT") == b"TPG362,PTG28290,44990000,010100,010100\r\n"
    assert ask(host, gauge, b"TID") == b"TPR/PCR,CMR/APR\r\n" and ask(host, gauge, b"SEN") == b"0,0\r\n"
    assert ask(host, gauge, b"FIL, 2, 0") == b"2,0\r\n" == ask(host, gauge, b"FIL")
    assert ask(host, gauge, b"PNR") == b"010100\r\n"


def test_offset(host, gauge, chamber):
    chamber.capacitance = 0.5
    assert ask(host, gauge, b"OFC,0,2") == b"0,1\r\n"
    chamber.capacitance = 8.5
    assert ask(host, gauge, b"PR2") == b"0,8.0000E-02\r\n"
    assert ask(host, gauge, b"OFD") == b"0.0000E+00,5.0000E-03\r\n"
    assert ask(host, gauge, b"OFD,0,1E-2") == b"0.0000E+00,1.0000E-02\r\n"


def test_relay_with_hysteresis(host, gauge, chamber):
    assert ask(host, gauge, b"SP1,2,7.0E-2,9.0E-2") == b"2,7.0000E-02,9.0000E-02\r\n"
    assert chamber.relays == []
    for pressure, state in ((6.9, True), (8.0, True), (9.1, False), (8.0, False), (6.0, True), (math.nan, False)):
        chamber.capacitance = pressure
        gauge.scan()
        assert gauge.relays[0] is state
    assert chamber.relays == [(1, True), (1, False), (1, True), (1, False)]
    chamber.capacitance = 1.0
    assert ask(host, gauge, b"SPS") == b"1,0,0,0\r\n"


def test_glued_request_and_continuous_output(host, gauge):
    assert host.ask(gauge, b"PR2\r\n\x05") == ACK + b"0,8.0000E-02\r\n"
    gauge.receive(b"COM,0\r")
    assert host.listen(gauge, 0.35).count(b"0,8.0000E-02\r\n") == 3
    assert host.ask(gauge, b"\x03", 3) == b""


def test_enquiry_before_any_mnemonic_is_silent(host, gauge):
    assert host.ask(gauge, b"\x05") == b""


def test_power_cycle_drops_relays_and_streams(host, gauge, chamber):
    ask(host, gauge, b"SP1,2,9.0E-2,9.5E-2")
    chamber.relays.clear()
    gauge.power_cycle()
    assert chamber.relays == [(1, False), (1, True)]
    assert host.listen(gauge, 1.5) == b"0,1.2800E-01,0,8.0000E-02\r\n"
