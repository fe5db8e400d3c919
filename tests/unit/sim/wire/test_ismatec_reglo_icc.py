import pytest

from sim.wire.ismatec_reglo_icc import RegloIcc

ML_PER_MIN = 1e-6 / 60


@pytest.fixture
def flows():
    return {}


@pytest.fixture
def pump(time, flows):
    def drive(n):
        return lambda flow: flows.__setitem__(n, flow)

    return RegloIcc(time, [drive(n) for n in range(1, 5)], serial_number="0412")


def ask(host, pump, *commands):
    heard = [host.ask(pump, command) for command in commands]
    return heard[-1]


def test_flow_mode_pumps_the_set_flow(host, pump, flows):
    assert ask(host, pump, b"2M\r") == b"*"
    assert ask(host, pump, b"2f2750+0\r") == b"2750E+0\r\n"
    assert ask(host, pump, b"2H\r") == b"*" and ask(host, pump, b"2E\r") == b"+"
    assert flows == {2: pytest.approx(2.75 * ML_PER_MIN)}
    ask(host, pump, b"2f1000+1\r")
    assert flows[2] == pytest.approx(10 * ML_PER_MIN)
    assert ask(host, pump, b"2I\r") == b"*" and ask(host, pump, b"2E\r") == b"-"
    assert flows[2] == 0


def test_totals_grow_with_time(host, pump):
    ask(host, pump, b"1M\r", b"1f1200+1\r", b"1H\r")
    host.time.wait(300)
    ask(host, pump, b"1I\r")
    assert ask(host, pump, b"1:\r").startswith(b"60.0") and ask(host, pump, b"1xG\r") == b"0000000060\r\n"
    assert ask(host, pump, b"1xC\r") == b"0000000139\r\n"
    assert ask(host, pump, b"2:\r") == b"0 ul\r\n"


def test_counter_clockwise_is_negative(host, pump, flows):
    ask(host, pump, b"1K\r", b"1S001000\r", b"1H\r")
    assert flows[1] == pytest.approx(-4.3 * ML_PER_MIN)
    assert ask(host, pump, b"1xD\r") == b"K\r\n"


def test_speed_is_in_hundredths(host, pump):
    assert ask(host, pump, b"3S004575\r") == b"*"
    assert ask(host, pump, b"3S\r") == b"45.75\r\n"


@pytest.mark.parametrize(
    "command",
    [
        b"1S4575\r",
        b"1S010001\r",
        b"1f2.75\r",
        b"1f27500+0\r",
        b"1v2750E+0\r",
        b"1xT600\r",
        b"1xT35964001\r",
        b'1"5\r',
        b"1+0020\r",
        b"1Hx\r",
        b"1xQ\r",
        b"1$\r",
        b"5H\r",
        b"0H\r",
        b"xH\r",
        b"1\r",
        b"0xE2\r",
        b"1xV1000+0\r",
    ],
)
def test_bad_command_or_argument(host, pump, flows, command):
    assert ask(host, pump, command) == b"#"
    assert not any(flows.values())


def test_start_refused_says_why(host, pump):
    ask(host, pump, b"1M\r")
    assert ask(host, pump, b"1H\r") == b"-" and ask(host, pump, b"1xe\r") == b"R 4300E+1\r\n"
    ask(host, pump, b"1f5000+1\r")
    assert ask(host, pump, b"1H\r") == b"-"
    ask(host, pump, b"1f1000+1\r", b"1H\r")
    assert ask(host, pump, b"1f5000+1\r") == b"#"
    assert ask(host, pump, b"2P\r", b"2H\r", b"2xe\r") == b"C\r\n"
    assert ask(host, pump, b"3O\r", b"3H\r", b"3xe\r").startswith(b"V ")


def test_volume_at_rate_stops_by_itself_and_tells(host, pump, flows):
    ask(host, pump, b"0xE1\r", b"1O\r", b"1xf1\r", b"1f1000+1\r", b"1v5000+0\r")
    assert ask(host, pump, b"1H\r") == b"^U1|A|0000000000|0000000000|0000\r\n*"
    assert ask(host, pump, b"1f2000+1\r") == b"#"
    assert flows[1] == pytest.approx(10 * ML_PER_MIN)
    assert host.listen(pump, 60) == b"^X1|A\r\n"
    assert flows[1] == 0 and ask(host, pump, b"1:\r") == b"5.00 ml\r\n"


def test_scan_notices_the_end(time, pump, host, flows):
    ask(host, pump, b"1N\r", b"1S010000\r", b"1xT00000100\r", b"1H\r")
    time.wait(9)
    pump.scan()
    assert flows[1] > 0
    time.wait(2)
    pump.scan()
    assert flows[1] == 0


def test_time_and_pause_repeats(time, host, pump, flows):
    ask(host, pump, b"1P\r", b"1S010000\r", b"1xT00000100\r", b"1xP00000050\r", b'1"0002\r', b"1H\r")
    seen = []
    for _ in range(28):
        time.wait(1)
        pump.scan()
        seen.append(flows[1] > 0)
    assert seen[8] and not seen[11] and seen[16] and not seen[25]
    assert ask(host, pump, b"1:\r").startswith(b"14.3")


def test_predicted_times(host, pump):
    assert ask(host, pump, b"1xv1000+1|2000+1\r") == b"300\r\n"
    assert ask(host, pump, b"1xw4300+0|001000\r") == b"600\r\n"
    assert ask(host, pump, b"1xv1000+1\r") == b"#"


def test_calibration_corrects_the_flow(host, pump, flows):
    ask(host, pump, b"1xU1000+1\r", b"1xW00000600\r")
    assert ask(host, pump, b"1xY\r") == b"*"
    assert flows[1] == pytest.approx(10 * ML_PER_MIN)
    host.time.wait(61)
    assert ask(host, pump, b"1xV1100+1\r") == b"1100E+1\r\n"
    assert ask(host, pump, b"1!\r") == b"47.30 ml/min\r\n" and ask(host, pump, b"1?\r") == b"43.00 ml/min\r\n"
    assert ask(host, pump, b"1000000\r", b"1!\r") == b"43.00 ml/min\r\n"


def test_legacy_addressing(host, pump, flows):
    assert ask(host, pump, b"1~\r") == b"1\r\n"
    ask(host, pump, b"1~0\r")
    assert ask(host, pump, b"2H\r") == b""
    assert ask(host, pump, b"1H\r") == b"*" and len(flows) == 4
    assert ask(host, pump, b"1~1\r") == b"*"


def test_stop_key_event(host, pump, flows):
    ask(host, pump, b"0xE1\r", b"1H\r")
    pump.press_stop(1)
    assert host.listen(pump).endswith(b"^X1|1\r\n") and flows[1] == 0


def test_power_cycle_restores_what_was_saved(host, pump, flows):
    ask(host, pump, b"1M\r", b"1f1000+1\r", b"0*\r", b"1f2000+1\r", b"1H\r", b"0xE1\r")
    pump.power_cycle()
    assert flows[1] == 0 and ask(host, pump, b"1E\r") == b"-"
    assert ask(host, pump, b"1f\r") == b"1000E+1\r\n" and ask(host, pump, b"0xE\r") == b"0\r\n"
    assert ask(host, pump, b"00\r") == b"*" and ask(host, pump, b"1xM\r") == b"L\r\n"
