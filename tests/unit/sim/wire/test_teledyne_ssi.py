import pytest

from sim.wire.teledyne_ssi import SsiPump

PSI = 6894.757293168361
ML_PER_MIN = 1e-6 / 60


class Column:
    psi = 100.0


@pytest.fixture
def column():
    return Column()


@pytest.fixture
def flows():
    return []


@pytest.fixture
def pump(time, column, flows):
    return SsiPump(time, flows.append, lambda: column.psi * PSI)


def test_flow_by_head(time, host, pump, flows):
    assert host.ask(pump, b"FL075\r") == b"OK/" and host.ask(pump, b"ru\r") == b"OK/"
    assert flows[-1] == pytest.approx(7.5 * ML_PER_MIN)
    assert host.ask(pump, b"CS\r") == b"OK,7.5,6000,0,PSI,1,1,0/"
    assert host.ask(pump, b"FO0400\r") == b"OK/" and flows[-1] == pytest.approx(40 * ML_PER_MIN)
    standard = SsiPump(time, flows.append, lambda: 0.0, head="standard")
    host.ask(standard, b"FL075\r")
    assert host.ask(standard, b"CC\r") == b"OK,0,0.75/"
    micro = SsiPump(time, flows.append, lambda: 0.0, head="micro")
    assert host.ask(micro, b"FM0500\r") == b"OK/" and host.ask(micro, b"CC\r") == b"OK,0,0.500/"


def test_start_stop_pressure(host, pump, flows):
    host.ask(pump, b"FL100\rRU\r")
    assert host.ask(pump, b"PR\r") == b"OK,100/" and host.ask(pump, b"CC\r") == b"OK,100,10.0/"
    assert host.ask(pump, b"ST\r") == b"OK/" and flows[-1] == 0


@pytest.mark.parametrize(
    "request_",
    [
        b"XX\r",
        b"FL75\r",
        b"FL000\r",
        b"FL400\r",
        b"FO0401\r",
        b"FM0100\r",
        b"RU1\r",
        b"UP50\r",
        b"UP9999\r",
        b"\r",
        b"LP5950\r",
        b"HT7\r",
        b"PC1\r",
        b"LM3\r",
        b"UC0849\r",
        b"FL7.5\r",
        b"CS1\r",
        b"FI401\r",
    ],
)
def test_invalid(host, pump, flows, request_):
    assert host.ask(pump, request_) == b"Er/"
    assert flows == []


def test_garbage_stays_until_hash_or_a_second_of_silence(host, time, pump):
    host.ask(pump, b"XX\r")
    assert host.ask(pump, b"PR\r") == b"Er/"
    assert host.ask(pump, b"#") == b""
    assert host.ask(pump, b"PR\r") == b"OK,100/"
    host.ask(pump, b"XX\r")
    time.wait(1.1)
    assert host.ask(pump, b"PR\r") == b"OK,100/"


def test_incomplete_command_is_forgotten_after_a_second(host, time, pump):
    host.ask(pump, b"P")
    time.wait(0.5)
    assert host.ask(pump, b"R\r") == b"OK,100/"
    host.ask(pump, b"P")
    time.wait(1.5)
    assert host.ask(pump, b"PR\r") == b"OK,100/"


def test_upper_limit_trips_and_replies_go_on(host, pump, column, flows):
    host.ask(pump, b"UP0500\rFL100\rRU\r")
    column.psi = 501
    pump.scan()
    assert flows[-1] == 0 and host.ask(pump, b"RF\r") == b"OK,0,1,0/"
    column.psi = 10
    assert host.ask(pump, b"RU\r") == b"OK/" and flows[-1] == 0
    assert host.ask(pump, b"CF\r") == b"OK/" and host.ask(pump, b"RU\r") == b"OK/" and flows[-1] > 0


def test_lower_limit_is_armed_later(host, time, pump, column, flows):
    host.ask(pump, b"LP0050\rFL100\rRU\r")
    column.psi = 10
    time.wait(20)
    pump.scan()
    assert flows[-1] > 0
    time.wait(20)
    assert host.ask(pump, b"RF\r") == b"OK,0,0,1/" and flows[-1] == 0


def test_older_series(host, time, flows):
    pump = SsiPump(time, flows.append, lambda: 0.0, series="III")
    assert host.ask(pump, b"CF\r") == b"Er/"
    host.ask(pump, b"#FL100\rSF\r")
    assert host.ask(pump, b"RF\r") == b"OK,1,0,0/"
    host.ask(pump, b"RU\r")
    assert host.ask(pump, b"RF\r") == b"OK,0,0,0/" and flows[-1] > 0


def test_information_has_seventeen_fields(host, pump):
    fields = host.ask(pump, b"PI\r").decode().rstrip("/").split(",")
    assert fields[0] == "OK" and len(fields[1:]) == 17


def test_mx_queries(host, pump):
    assert host.ask(pump, b"ID\r") == b"OK,191017 Version 2.0.8/"
    assert host.ask(pump, b"MF\r") == b"OK,MF:40.0/" and host.ask(pump, b"UP\r") == b"OK,UP:6000/"
    assert host.ask(pump, b"UC0950\r") == b"OK/" and host.ask(pump, b"UC\r") == b"OK,UC:9500/"


def test_strokes_count_what_was_pumped(host, time, pump):
    host.ask(pump, b"FL100\rRU\r")
    time.wait(60)
    assert host.ask(pump, b"GS\r") == b"OK,GS:100/"
    host.ask(pump, b"ZS\r")
    assert host.ask(pump, b"GS\r") == b"OK,GS:0/"


def test_head_change_stops_and_resets_limits(host, pump, flows):
    host.ask(pump, b"UP0500\rFL100\rRU\r")
    assert host.ask(pump, b"HT2\r") == b"OK/" and flows[-1] == 0
    assert b",6000,0," in host.ask(pump, b"CS\r")


def test_power_cycle(host, pump, flows):
    host.ask(pump, b"UP0500\rFL100\rRU\r")
    pump.power_cycle()
    assert flows[-1] == 0 and host.ask(pump, b"CS\r") == b"OK,0.0,6000,0,PSI,1,0,0/"
