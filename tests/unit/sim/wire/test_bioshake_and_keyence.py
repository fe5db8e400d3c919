import pytest

from sim.wire.emulator import WireSettings
from sim.wire.keyence_bl1300 import KeyenceBl1300
from sim.wire.qinstruments_bioshake import BioShake


@pytest.fixture
def acts():
    return []


@pytest.fixture
def shaker(time, acts):
    return BioShake(
        time,
        temperature=lambda: 4.04,
        shake=lambda rev: acts.append(("shake", rev)),
        setpoint=lambda degc: acts.append(("set", degc)),
    )


def ask(host, unit, command):
    return host.ask(unit, command + b"\r", patience=20).decode().removesuffix("\r\n")


def test_shaking_ramps_up_and_comes_home(host, time, shaker, acts):
    assert ask(host, shaker, b"setShakeTargetSpeed600") == "ok" == ask(host, shaker, b"setShakeAcceleration4")
    assert ask(host, shaker, b"shakeOn") == "ok" and acts == [("shake", 10.0)]
    time.wait(2 - BioShake.LATENCY)
    assert ask(host, shaker, b"getShakeActualSpeed") == "300" and ask(host, shaker, b"getShakeState") == "5"
    time.wait(3)
    assert ask(host, shaker, b"getShakeActualSpeed") == "600" and ask(host, shaker, b"getShakeState") == "0"
    assert ask(host, shaker, b"shakeOff") == "ok" and ask(host, shaker, b"setElmUnlockPos") == "e"
    time.wait(7)
    assert ask(host, shaker, b"getShakeState") == "3" and ask(host, shaker, b"setElmUnlockPos") == "ok"
    assert ask(host, shaker, b"getElmState") == "3" and ask(host, shaker, b"shakeOn") == "e"


def test_timed_run_ends_by_itself(host, time, shaker, acts):
    ask(host, shaker, b"shakeOnWithRuntime30")
    assert ask(host, shaker, b"getShakeRemainingTime") == "30"
    time.wait(31)
    shaker.scan()
    assert acts[-1] == ("shake", 0.0)


def test_emergency_stop_is_not_home(host, shaker):
    ask(host, shaker, b"shakeOn")
    assert ask(host, shaker, b"shakeEmergencyOff") == "ok" and ask(host, shaker, b"setElmUnlockPos") == "e"
    assert ask(host, shaker, b"shakeGoHome") == "ok" and host.took == pytest.approx(3.0)
    assert ask(host, shaker, b"setElmUnlockPos") == "ok"


@pytest.mark.parametrize(
    "command",
    [
        b"setShakeTargetSpeed100",
        b"setShakeTargetSpeed3001",
        b"setShakeAcceleration0",
        b"setTempTarget991",
        b"setShakeDirection2",
    ],
)
def test_out_of_range(host, shaker, command):
    assert ask(host, shaker, command) == "e"


@pytest.mark.parametrize(
    "command",
    [b"foo", b"shakeon", b"shakeOn5", b"setTempTarget", b"setTempTarget25.0", b"setShakeTargetSpeed 500", b""],
)
def test_unknown(host, shaker, command):
    assert ask(host, shaker, command) == f"u -> {command.decode()}"


def test_temperature(host, shaker, acts):
    assert ask(host, shaker, b"setTempTarget40") == "ok" and acts == []
    assert ask(host, shaker, b"tempOn") == "ok" and acts == [("set", 4.0)]
    assert ask(host, shaker, b"getTempActual") == "4.0" and ask(host, shaker, b"getTempState") == "1"
    ask(host, shaker, b"tempOff")
    assert acts[-1] == ("set", None)


def test_reset_talks_and_is_deaf_meanwhile(host, time, shaker, acts):
    ask(host, shaker, b"shakeOn")
    shaker.receive(b"resetDevice\r")
    time.wait(2)
    shaker.receive(b"getSerial\r")
    assert host.listen(shaker, 20).endswith(b"Initialization complete\r\n") and acts[-2:] == [
        ("shake", 0.0),
        ("set", None),
    ]
    assert ask(host, shaker, b"getSerial") == "1808-0000-0042"


def test_errors_and_power_cycle(host, time, shaker):
    shaker.errors = [101, 105]
    assert ask(host, shaker, b"getErrorList") == "{101; 105}"
    shaker.power_cycle()
    assert ask(host, shaker, b"getVersion") == ""
    time.wait(11)
    assert ask(host, shaker, b"getVersion").startswith("V")


@pytest.fixture
def codes():
    return ["LOT-42", "", "LOT-43"]


@pytest.fixture
def reader(time, codes):
    return KeyenceBl1300(time, lambda: codes.pop(0))


def test_reading_latches_until_released(host, reader):
    assert reader.settings == WireSettings(9600, 7, "E", 1)
    assert host.ask(reader, b"RMOTOR\r") == b"MOTORON\r"
    assert host.ask(reader, b"LON\r") == b"LOT-42\r" and host.took >= 0.1 - 1e-9
    assert host.ask(reader, b"LON\r") == b""
    assert host.ask(reader, b"LOFF\r") == b""
    assert host.ask(reader, b"LON\r\n") == b""  # nothing under the beam
    assert host.ask(reader, b"LOFF\r\x02LON\x03") == b"\x02LOT-43\x03"


def test_no_read_text_and_reader_off(host, time):
    reader = KeyenceBl1300(time, lambda: "", no_read="ERR99")
    assert host.ask(reader, b"LON\r") == b"ERR99\r"
    reader.enabled = False
    assert host.ask(reader, b"LOFF\rLON\r") == b"NG\r"


def test_escape_and_patience_clear_the_input(host, time, reader):
    assert host.ask(reader, b"XX\x1bRMOTOR\r") == b"MOTORON\r"
    host.ask(reader, b"RMO")
    time.wait(31)
    assert host.ask(reader, b"TOR\r") == b"" == host.ask(reader, b"HELLO\r")


def test_settings_mode_and_power_cycle(host, reader):
    assert host.ask(reader, b"SSET\rPA0\rSAVE\rSEND\r") == b"OK\r" * 4
    assert host.ask(reader, b"MOTOROFF\r") == b"OK\r" and host.ask(reader, b"LON\r") == b"NG\r"
    reader.power_cycle()
    assert host.ask(reader, b"LON\r") == b"LOT-42\r"
