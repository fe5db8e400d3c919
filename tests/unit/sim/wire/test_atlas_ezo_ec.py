import pytest

from sim.wire.atlas_ezo_ec import EzoEc


class Liquid:
    siemens_per_m = 0.1496
    celsius = 25.0


@pytest.fixture
def liquid():
    return Liquid()


@pytest.fixture
def probe(time, liquid):
    return EzoEc(time, lambda: liquid.siemens_per_m, temperature=lambda: liquid.celsius)


@pytest.fixture
def quiet(host, probe):
    assert host.ask(probe, b"C,0\r", 0.5) == b"*OK\r"
    return probe


def test_reading_takes_600_ms(host, quiet):
    assert host.ask(quiet, b"R\r") == b"1496,808,0.72,1.001\r*OK\r"
    assert host.took == pytest.approx(0.6)


def test_stray_readings_until_told_otherwise(host, probe):
    assert host.listen(probe, 3.1).count(b"1496,808") == 3
    assert host.ask(probe, b"c,0\r", 3) == b"*OK\r"
    assert host.ask(probe, b"C,?\r") == b"?C,0\r*OK\r"


def test_unread_readings_do_not_pile_up(host, time, probe):
    time.wait(3600)
    assert len(probe.transmit().splitlines()) == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"bogus\r",
        b"C,100\r",
        b"C,x\r",
        b"T,warm\r",
        b"K,0\r",
        b"O,EC\r",
        b"O,PH,1\r",
        b"R,1\r",
        b"*OK,2\r",
        b"\r",
        b"Cal,1413\r",
        b"Cal,x\r",
        b"L,2\r",
        b"Name,a b\r",
        b"RT,25\r",
    ],
)
def test_unknown_or_bad(host, quiet, request_):
    assert host.ask(quiet, request_) == b"*ER\r"


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"i\r", b"?i,EC,2.16\r*OK\r"),
        (b"STATUS\r", b"?Status,P,5.02\r*OK\r"),
        (b"*OK,?\r", b"?*OK,1\r*OK\r"),
        (b"T,?\r", b"?T,25\r*OK\r"),
        (b"K,?\r", b"?K,1\r*OK\r"),
        (b"Cal,?\r", b"?CAL,0\r*OK\r"),
        (b"O,?\r", b"?,O,EC,TDS,S,SG\r*OK\r"),
        (b"L,?\r", b"?L,1\r*OK\r"),
        (b"Baud,?\r", b"?Baud,9600\r*OK\r"),
    ],
)
def test_queries(host, quiet, request_, reply):
    assert host.ask(quiet, request_) == reply


def test_outputs_one_by_one(host, quiet):
    for name in (b"TDS", b"S", b"SG"):
        host.ask(quiet, b"O," + name + b",0\r")
    assert host.ask(quiet, b"R\r") == b"1496\r*OK\r"
    host.ask(quiet, b"O,EC,0\r")
    assert host.ask(quiet, b"R\r") == b"no output\r*OK\r"


@pytest.mark.parametrize(
    ("value", "shown"), [(0.00123, b"12.30"), (0.05, b"500.0"), (1.23456, b"12350"), (15.0, b"150000"), (-1.0, b"0.00")]
)
def test_resolution(host, quiet, liquid, value, shown):
    liquid.siemens_per_m = value
    assert host.ask(quiet, b"R\r").startswith(shown + b",")


def test_compensation_must_follow_the_liquid(host, quiet, liquid):
    liquid.celsius = 5.0
    assert host.ask(quiet, b"R\r").startswith(b"897.6,")
    host.ask(quiet, b"T,5.0\r")
    assert host.ask(quiet, b"R\r").startswith(b"1496,")


def test_response_codes_off(host, quiet):
    host.ask(quiet, b"*OK,0\r")
    assert host.ask(quiet, b"R\r").count(b"\r") == 1 and host.ask(quiet, b"bogus\r") == b"*ER\r"


def test_calibration_dry_first(host, quiet):
    for command, points in ((b"Cal,dry\r", b"1"), (b"Cal,low,84\r", b"2"), (b"Cal,high,1413\r", b"3")):
        assert host.ask(quiet, command) == b"*OK\r"
        assert host.ask(quiet, b"Cal,?\r") == b"?CAL," + points + b"\r*OK\r"
    host.ask(quiet, b"Cal,clear\r")
    assert host.ask(quiet, b"Cal,?\r").startswith(b"?CAL,0")


def test_waking_loses_the_command(host, quiet):
    assert host.ask(quiet, b"Sleep\r") == b"*SL\r"
    assert host.ask(quiet, b"R\r") == b"*WA\r"
    assert host.ask(quiet, b"R\r").startswith(b"1496")


def test_brown_out_is_told_and_restores_the_factory_defaults(host, quiet):
    host.ask(quiet, b"T,5\r")
    quiet.power_cycle("B")
    heard = host.listen(quiet, 2.05)
    assert heard == b"*RE\r1496,808,0.72,1.001\r"
    assert b"?Status,B,5.02\r" in host.ask(quiet, b"Status\r", 0.5) and b"?T,25\r" in host.ask(quiet, b"T,?\r", 0.5)


def test_factory(host, quiet):
    assert host.ask(quiet, b"Factory\r", 1.5) == b"*OK\r*RS\r*RE\r"
    assert host.listen(quiet, 1.1) != b""


def test_commands_that_drop_the_link(host, quiet):
    host.ask(quiet, b"Baud,19200\r")
    assert quiet.settings.baudrate == 19200
    assert host.ask(quiet, b"I2C,100\r") == b"" and host.ask(quiet, b"R\r") == b""


def test_supply_and_find(host, probe):
    host.ask(probe, b"Find\r", 0.5)
    probe.supply(high=False)
    assert host.listen(probe, 5) == b"*UV\r"
