import pytest

from sim.wire.alicat_pcd import AlicatPcd
from sim.wire.emulator import WireSettings

PSI = 6894.757293168361


@pytest.fixture
def targets():
    return []


@pytest.fixture
def unit(time, targets):
    return AlicatPcd(time, lambda: 8.42 * PSI, targets.append, full_scale=30 * PSI)


def test_settings(unit):
    assert unit.settings == WireSettings(19200)


def test_poll_and_set_point(host, unit, targets):
    assert host.ask(unit, b"A\r") == b"A +008.42 +000.00\r"
    assert host.ask(unit, b"AS8.5\r") == b"A +008.42 +008.50\r"
    assert host.ask(unit, b"as 9\r") == b"A +008.42 +009.00\r"
    assert targets == [pytest.approx(8.5 * PSI), pytest.approx(9 * PSI)]


def test_out_of_range_is_clamped(host, unit, targets):
    assert host.ask(unit, b"AS31\r") == b"A +008.42 +030.00\r"
    assert host.ask(unit, b"AS-1\r") == b"A +008.42 +000.00\r"
    assert targets == [pytest.approx(30 * PSI), 0]


def test_newer_set_point_command(host, unit):
    assert host.ask(unit, b"ALS 4\r") == b"A +004.00 +004.00 10 PSIG\r" == host.ask(unit, b"ALS\r")


@pytest.mark.parametrize(
    "request_", [b"AZZ\r", b"AS\r", b"ASx\r", b"AS1e3\r", b"ALSx\r", b"A??D\r", b"A-5\r", b"A65536\r"]
)
def test_not_understood(host, unit, targets, request_):
    assert host.ask(unit, request_) == b"?\r"
    assert targets == []


@pytest.mark.parametrize("request_", [b"B\r", b"BS5\r", b"\r", b"@ A\r", b"5\r"])
def test_foreign_id_is_silence(host, unit, targets, request_):
    assert host.ask(unit, request_) == b"" and targets == []


def test_digits_are_the_legacy_set_point(host, unit, targets):
    host.ask(unit, b"A32000\r")
    assert targets == [pytest.approx(15 * PSI)]


def test_held_unit_takes_a_set_point_without_effect(host, unit, targets):
    assert host.ask(unit, b"AHC\r") == b"A +008.42 +000.00 HLD\r"
    assert host.ask(unit, b"AS5\r").endswith(b"+005.00 HLD\r") and targets == []
    assert host.ask(unit, b"AC\r") == b"A +008.42 +005.00\r" and targets == [pytest.approx(5 * PSI)]


def test_column_table_ends_with_an_empty_line(host, unit):
    table = host.ask(unit, b"A??D*\r").split(b"\r")
    assert table[-2:] == [b"", b""]
    assert table[2] == b"A D02 006 Gauge Press                s decimal     7/2 010 02 PSIG"
    assert table[3].startswith(b"A D03 038 Gauge Press Setpt")


def test_identity(host, unit):
    about = host.ask(unit, b"A??M*\r")
    assert b"A M04 Model Number PCD-30PSIG-D\r" in about and b"A M05 Serial Number 248172\r" in about
    assert b"10v20.0-R24" in host.ask(unit, b"AVE\r")
    assert host.ask(unit, b"AFPF 6\r") == b"A +030.00 010 PSIG\r"


def test_tare_moves_the_zero(host, unit):
    assert host.ask(unit, b"AP\r") == b"A +000.00 +000.00\r"


def test_analog_source_refuses_serial_set_points(host, unit, targets):
    unit.override("A")
    assert host.ask(unit, b"ALSS\r") == b"A A\r" and host.ask(unit, b"AS5\r") == b"?\r" and targets == []


def test_streaming_unit_is_called_at(host, unit):
    unit.receive(b"A@ @\r")
    assert host.listen(unit, 0.22) == b"@ +008.42 +000.00\r" * 4
    assert b"A " not in host.ask(unit, b"A\r", 0.1)
    unit.receive(b"@@ A\r")
    assert host.ask(unit, b"A\r") == b"A +008.42 +000.00\r"


def test_other_id_and_power_cycle(host, unit, targets):
    host.ask(unit, b"A@ C\r")
    host.ask(unit, b"CS5\r")
    assert host.ask(unit, b"CL\r").endswith(b" LCK\r")
    unit.power_cycle()
    assert host.ask(unit, b"C\r") == b"C +008.42 +000.00\r" and targets[-1] == 0


def test_over_range_says_so(time, host):
    unit = AlicatPcd(time, lambda: 40 * PSI, lambda _: None)
    assert host.ask(unit, b"A\r") == b"A +040.00 +000.00 POV\r"
