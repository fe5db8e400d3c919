import math

import pytest

from sim.wire.mks_937b import Mks937b

TORR = 101325 / 760


class Chamber:
    def __init__(self):
        self.pressure, self.relays = 0.06 * TORR, []


@pytest.fixture
def chamber():
    return Chamber()


@pytest.fixture
def unit(time, chamber):
    return Mks937b(
        time,
        [lambda: chamber.pressure, None],
        relay=lambda n, on: chamber.relays.append((n, on)),
        full_scale=10 * TORR,
    )


def ask(host, unit, body):
    reply = host.ask(unit, b"@253" + body + b";FF")
    assert reply.startswith(b"@253") and reply.endswith(b";FF")
    return reply[4:-3]


def test_pressure_and_units(host, unit, chamber):
    assert ask(host, unit, b"PR1?") == b"ACK6.000E-2"
    assert ask(host, unit, b"U!PASCAL") == b"ACKPASCAL" and ask(host, unit, b"PR1?") == b"ACK7.999E+0"
    assert ask(host, unit, b"U!mBAR") == b"ACKmBAR" and ask(host, unit, b"U?") == b"ACKMBAR"
    assert ask(host, unit, b"PRZ?") == b"ACK7.999E-2" + b" NOGAUGE" * 5


def test_what_is_no_pressure(host, unit, chamber):
    assert ask(host, unit, b"PR2?") == b"ACKNOGAUGE"
    chamber.pressure = math.nan
    assert ask(host, unit, b"PR1?") == b"ACKMISCONN"
    chamber.pressure = 1e5
    assert ask(host, unit, b"PR1?") == b"ACK>1.000E+1"
    chamber.pressure = 1e-6
    assert ask(host, unit, b"PR1?").startswith(b"ACKLO<E")
    ask(host, unit, b"CP1!OFF")
    assert ask(host, unit, b"PR1?") == b"ACKOFF"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"XX?", b"160"),
        (b"PR?", b"160"),
        (b"PR9?", b"163"),
        (b"SP13?", b"163"),
        (b"T1?", b"152"),
        (b"PR1", b"175"),
        (b"PR1?x", b"175"),
        (b"U!BAR", b"169"),
        (b"SP1!x", b"169"),
        (b"SP1!2000", b"172"),
        (b"SP1!-1", b"172"),
        (b"SP1!nan", b"172"),
        (b"EN1!ON", b"169"),
        (b"SS1!SET", b"160"),
    ],
)
def test_refusals(host, unit, chamber, body, code):
    assert ask(host, unit, body) == b"NAK" + code and chamber.relays == []


def test_pirani_has_two_decimals_and_a_wide_range(time, host):
    unit = Mks937b(time, [lambda: 760.2 * TORR, lambda: 8.0], piranis=(1,))
    assert ask(host, unit, b"PR1?") == b"ACK7.60E+2" and ask(host, unit, b"MT?") == b"ACKPR,CM,NC,NC,NC,NC"


def test_foreign_address_is_silence_and_254_is_everybody(host, unit):
    assert host.ask(unit, b"@003PR1?;FF") == b"" == host.ask(unit, b"253PR1?;FF")
    assert host.ask(unit, b"garbage@254PR1?;FF") == b"@253ACK6.000E-2;FF"


def test_relay_below_with_hysteresis(host, unit, chamber):
    assert ask(host, unit, b"SP1!0.05") == b"ACK5.000E-2" and ask(host, unit, b"SH1!0.07") == b"ACK7.000E-2"
    assert ask(host, unit, b"EN1!ENABLE") == b"ACKENABLE" and chamber.relays == []
    for torr in (0.04, 0.06, 0.08, 0.06):
        chamber.pressure = torr * TORR
        unit.scan()
    assert chamber.relays == [(1, True), (1, False)]
    assert ask(host, unit, b"SS1?") == b"ACKCLEAR"
    ask(host, unit, b"SD1!ABOVE")
    chamber.pressure = 0.06 * TORR
    assert ask(host, unit, b"SS1?") == b"ACKSET"


def test_forced_relay_and_power_cycle(host, unit, chamber):
    ask(host, unit, b"EN3!SET")
    assert chamber.relays == [(3, True)]
    ask(host, unit, b"CP1!OFF")
    unit.power_cycle()
    assert ask(host, unit, b"CP1?") == b"ACKON" and ask(host, unit, b"SS3?") == b"ACKSET"
