import struct
from datetime import UTC, datetime, timedelta

import pytest

from sim.wire.btx_gemini_x2 import BtxGeminiX2

METHOD = struct.Struct("<I28sIIIIIIIIIIf28x")


def upload(name, *, square=1, volts=1200, width=300, ohms=0, farads=0, pulses=2, interval=1000, gap=1.0):
    packed = METHOD.pack(1, name.encode(), square, 0, volts, 0, width, 0, ohms, farads, pulses, interval, gap)
    return packed.hex().upper().encode()


@pytest.fixture
def fired():
    return []


@pytest.fixture
def box(time, fired):
    def fire(program):
        fired.append(program)
        return [(program.voltage * 0.99, 2.5e-3, 120.0)] * program.pulses

    epoch = datetime(2026, 3, 6, 14, 34, 31, tzinfo=UTC)
    return BtxGeminiX2(time, fire, lambda: epoch + timedelta(seconds=time()))


def send(host, box, line):
    return host.ask(box, line + b"\r\n").decode()


def store(host, box, name, **settings):
    assert send(host, box, b"meth " + upload(name, **settings)) == ":"
    return send(host, box, b"mend")


def test_upload_list_read_back_delete(host, box):
    assert send(host, box, b"isprog") == "Y\n:"
    assert store(host, box, "EV01") == ":"
    assert store(host, box, "AB") == ":"
    listing = send(host, box, b'cat "*.BTX"').splitlines()
    assert listing[2:] == ["AB               1", "EV01             1", "", "2 file(s) using 2 steps", ":"]
    assert send(host, box, b'sendmtd "EV01"') == f"meth {upload('EV01').decode()}\nmend\n:"
    assert send(host, box, b'delm "EV01"') == ":"
    assert send(host, box, b'delm "EV01"') == "delete failed\n:"
    assert send(host, box, b'sendmtd "EV01"') == "get method failed\n:"


def test_composed_payload(host, box):
    payload = (
        b"01000000455630310000000000000000000000000000000000000000000000000100000000000000B0040000000000002C010000"
        b"00000000000000000000000002000000E80300000000803F00000000000000000000000000000000000000000000000000000000"
    )
    assert upload("EV01") == payload
    assert send(host, box, b"meth " + payload) == ":"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"volts": 4}, "voltage"),
        ({"volts": 502}, "voltage"),
        ({"volts": 3005}, "voltage"),
        ({"pulses": 4}, "pulses"),
        ({"pulses": 0}, "pulses"),
        ({"volts": 400, "pulses": 11}, "pulses"),
        ({"interval": 50}, "interval"),
        ({"width": 601}, "pulse length"),
        ({"volts": 400, "width": 1500}, "pulse length"),
        ({"square": 2}, "method"),
        ({"gap": float("nan")}, "method"),
    ],
)
def test_limits(host, box, settings, reason):
    assert store(host, box, "X", **settings) == f"Error: {reason}\n:"
    assert "0 file(s)" in send(host, box, b'cat "*.BTX"')


def test_names_are_unique(host, box):
    store(host, box, "EV01")
    assert store(host, box, "EV01").startswith("Error: ")


@pytest.mark.parametrize("line", [b"meth 00", b"meth " + b"zz" * 104, b"mend", b"cat *.BTX", b"meth " + b"ab" * 104])
def test_arguments(host, box, line):
    assert send(host, box, line) == "argument error\n:"


def test_unknown_command_and_go(host, box, fired):
    assert send(host, box, b"fire").startswith("command error:")
    with pytest.raises(KeyError):
        box.press_go("EV01")
    assert fired == []


def test_go_leaves_a_log_after_the_train(host, time, box, fired):
    store(host, box, "EV01")
    assert send(host, box, b"sddir \\BTXDATA") == "sddir \\BTXDATA\n:"
    wait = box.press_go("EV01")
    assert (fired[0].voltage, fired[0].pulses, fired[0].width, fired[0].gap) == (1200, 2, 3e-4, 1e-3)
    assert wait == pytest.approx(5.0)
    time.wait(wait - 0.5)
    assert send(host, box, b"sddir \\BTXDATA") == "sddir \\BTXDATA\n:"
    time.wait(0.5)
    path = "\\BTXDATA"
    for _ in range(3):
        path += "\\" + send(host, box, b"sddir " + path.encode()).splitlines()[1]
    assert path.startswith("\\BTXDATA\\2026-03\\260306\\") and path.endswith(".TXT")
    log = send(host, box, b"sdsend " + path.encode()).splitlines()
    assert log[0] == f"sdsend {path}" and log[-1] == ":"
    assert {"Protocol Name: EV01", "Protocol Type: Square", "Pulse Amplitude: 1200 V", "Number of Pulses: 2"} <= set(
        log
    )
    assert {"Pulse 2 Voltage: 1188.00 V", "Pulse 2 Time Constant: 2500 us", "Pulse 2 Total Load: 120 ohms"} <= set(log)
    assert log[-3:-1] == ["Protocol Result: Complete", "Status: 0x00000000.00000000 - No error."]


def test_two_runs_are_two_logs(host, time, box):
    store(host, box, "A", square=0, width=0, ohms=200, farads=25, pulses=1, interval=0)
    first, second = box.press_go("A"), box.press_go("A")
    assert second > first
    time.wait(second)
    folder = b"\\BTXDATA\\2026-03\\260306"
    assert send(host, box, b"sddir " + folder).count(".TXT") == 2


def test_short_train_is_no_complete_log(host, time):
    box = BtxGeminiX2(time, lambda program: [(1200.0, 1e-3, 40.0)], lambda: datetime(2026, 3, 6, tzinfo=UTC))
    store(host, box, "EV01")
    time.wait(box.press_go("EV01"))
    log = send(host, box, b"sdsend \\BTXDATA\\2026-03\\260306\\000000.TXT")
    assert "Pulse 2" not in log and "Protocol Result: Aborted" in log and "0x00000000.00000000" not in log


def test_identity_clock_and_counters(host, box):
    assert send(host, box, b"version") == "BTX Gemini 4.0.4\nSerial number: 1135421\n:"
    assert send(host, box, b"time") == "03/06/2026 2:36:11 PM\n:"
    assert "Successful Rx: 3" in send(host, box, b"status")
    assert send(host, box, b"sn") == "1135421\n:"
    assert "no such" in send(host, box, b"sddir \\OTHER") and "no such" in send(host, box, b"sdsend \\X.TXT")


def test_power_cut_in_a_train_leaves_no_log(host, time, box):
    store(host, box, "EV01")
    box.press_go("EV01")
    box.power_cycle()
    time.wait(60)
    assert send(host, box, b"sddir \\BTXDATA") == "sddir \\BTXDATA\n:"
    assert "EV01" in send(host, box, b'cat "EV*.BTX"')
