"""BTX Gemini X2: 104 bytes up and back, limits, logs down; nothing fires."""

from dataclasses import replace
from typing import Any

import pytest

from devices.commands import Kind, Verdict, declared
from devices.drivers import btx_gemini_x2 as btx
from devices.drivers.btx_gemini_x2 import BtxGeminiX2
from devices.drivers.btx_log import decode_log
from devices.link import Link
from devices.readings import PulseProgram
from devices.registry import NoOptions
from devices.roles import Electroporator
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply

TESTSQUARE = PulseProgram("TESTSQUARE", "square", 2400.0, 3, 2.0, 2e-3, width=500e-6)
TESTSQUARE_HEX = (
    "010000005445535453515541524500000000000000000000000000000000000001000000000000006009000000000000F4010000"
    "00000000000000000000000003000000D00700000000004000000000000000000000000000000000000000000000000000000000"
)
JJ_HEX = (
    "010000004A4A0000000000000000000000000000000000000000000000000000000000000000000019000000000000000000000000000000"
    "320000002C01000001000000000000000000004000000000000000000000000000000000000000000000000000000000"
)
EV01_HEX = (
    "01000000455630310000000000000000000000000000000000000000000000000100000000000000B0040000000000002C010000"
    "000000000000000000000000"
    "02000000E80300000000803F00000000000000000000000000000000000000000000000000000000"
)
PULSE = PulseProgram("EV1", "exponential", 400.0, 1, 0.0, 2e-3, capacitance=125e-6)
HEX = btx.encode_program(PULSE).hex().upper()
READY = Step(b"isprog\r\n", b"Y\n:")
EMPTY = b"Name             Steps\n----\n\n0 file(s) using 0 steps\n:"
HOLDS = b"Name             Steps\n----\nEV1             1\nJJ              1\n\n2 file(s) using 2 steps\n:"
LISTING = f"meth {HEX}\nmend\n:".encode()
LOG = r"\BTXDATA\2026-01\260105\081500.TXT"


def act(steps: list[Step], verb: str, *args: Any) -> Any:
    return play(steps, lambda link, clock: getattr(BtxGeminiX2(link, clock), verb)(*args), chunk=64)


def test_settings_role_and_no_way_to_fire() -> None:
    assert BtxGeminiX2.settings == SerialSettings(9600)
    driver = BtxGeminiX2(Link(None, None, "x"), None, NoOptions())  # type: ignore[arg-type]
    assert isinstance(driver.role("electroporator"), Electroporator)
    acting = {
        name for name in dir(BtxGeminiX2)
        if (how := declared(getattr(BtxGeminiX2, name))) is not None and how.kind is not Kind.READ
    }  # fmt: skip
    assert acting == {"upload"}


def test_payloads_of_the_manual() -> None:
    assert btx.encode_program(TESTSQUARE).hex().upper() == TESTSQUARE_HEX
    assert btx.decode_program(bytes.fromhex(TESTSQUARE_HEX)) == TESTSQUARE
    ev01 = PulseProgram("EV01", "square", 1200.0, 2, 1.0, 1e-3, width=300e-6)
    assert btx.encode_program(ev01).hex().upper() == EV01_HEX
    jj = btx.decode_program(bytes.fromhex(JJ_HEX))
    assert jj == PulseProgram("JJ", "exponential", 25.0, 1, 0.0, 2e-3, capacitance=300e-6, resistance=50.0)
    assert btx.encode_program(jj).hex().upper() == JJ_HEX


@pytest.mark.parametrize(
    "changed",
    [
        {"voltage": 4.0}, {"voltage": 400.5}, {"voltage": 502.0}, {"voltage": 3005.0}, {"voltage": float("nan")},
        {"pulses": 2}, {"pulses": 0}, {"capacitance": 0.0}, {"capacitance": 1.5e-6}, {"resistance": -1.0},
        {"gap": 0.0}, {"gap": 1.0}, {"interval": 0.05}, {"interval": 11.0},
    ],
)  # fmt: skip
def test_limits_of_an_exponential_pulse(changed: dict[str, Any]) -> None:
    with pytest.raises(LimitExceeded):
        act([], "upload", replace(PULSE, **changed))


@pytest.mark.parametrize(
    ("changed", "ok"),
    [
        ({"voltage": 500.0, "pulses": 10}, True), ({"voltage": 500.0, "pulses": 11}, False),
        ({"voltage": 505.0, "pulses": 4}, False), ({"voltage": 1201.0}, False),
        ({"width": 600e-6}, True), ({"width": 601e-6}, False), ({"width": 9e-6}, False),
        ({"voltage": 300.0, "width": 0.999}, True), ({"voltage": 300.0, "width": 1.5e-3}, False),
        ({"interval": 0.1}, True), ({"interval": 0.09}, False), ({"interval": 10.1}, False),
    ],
)  # fmt: skip
def test_limits_of_a_square_pulse(changed: dict[str, Any], ok: bool) -> None:
    program = replace(TESTSQUARE, **changed)
    if ok:
        assert btx.decode_program(btx.encode_program(program)) == program
    else:
        with pytest.raises(LimitExceeded):
            btx.encode_program(program)


@pytest.mark.parametrize("name", ['A"\r\ndelm "B', "", "x" * 28, "ä", "a\0b", " a"])
def test_names_that_never_leave(name: str) -> None:
    with pytest.raises(ConfigError):
        act([], "upload", replace(PULSE, name=name))
    with pytest.raises(ConfigError):
        act([], "read_program", name)


@pytest.mark.parametrize("path", [r"\BTXDATA\..\X.TXT", LOG + "\r\ndelm", r"\OTHER\2026-01\260105\081500.TXT", ""])
def test_paths_that_never_leave(path: str) -> None:
    with pytest.raises(ConfigError):
        act([], "read_log", path)


def test_wrong_shape_or_mixture_is_refused() -> None:
    for wrong in ({"shape": "triangle"}, {"width": 1e-3}):
        with pytest.raises(ConfigError):
            btx.encode_program(replace(PULSE, **wrong))
    with pytest.raises(ConfigError):
        btx.encode_program(replace(TESTSQUARE, capacitance=1e-6))


def test_identity() -> None:
    identity = act([Step(b"version\r\n", b"BTX Gemini 4.0.4\nSerial number: 1135421\n:")], "connect")
    assert (identity.model, identity.serial_number, identity.firmware) == ("Gemini", "1135421", "4.0.4")


def test_upload_of_a_new_program() -> None:
    act(
        [
            READY, Step(b'cat "*.BTX"\r\n', EMPTY), Step(f"meth {HEX}\r\n".encode(), b":"), Step(b"mend\r\n", b":"),
            Step(b'sendmtd "EV1"\r\n', LISTING),
        ],
        "upload", PULSE,
    )  # fmt: skip


def test_upload_deletes_another_of_the_same_name_first() -> None:
    other = btx.encode_program(replace(PULSE, voltage=100.0)).hex().upper()
    act(
        [
            READY, Step(b'cat "*.BTX"\r\n', HOLDS), Step(b'sendmtd "EV1"\r\n', f"meth {other}\r\nmend\r\n:".encode()),
            Step(b'delm "EV1"\r\n', b":"), Step(f"meth {HEX}\r\n".encode(), b":"), Step(b"mend\r\n", b"\r\n:"),
            Step(b'sendmtd "EV1"\r\n', LISTING),
        ],
        "upload", PULSE,
    )  # fmt: skip


def test_upload_of_what_is_there_already_changes_nothing() -> None:
    act([READY, Step(b'cat "*.BTX"\r\n', HOLDS), Step(b'sendmtd "EV1"\r\n', LISTING)], "upload", PULSE)


def test_one_different_byte_is_found() -> None:
    wrong = HEX[:-1] + "1"
    steps = [
        READY, Step(b'cat "*.BTX"\r\n', EMPTY), Step(f"meth {HEX}\r\n".encode(), b":"), Step(b"mend\r\n", b":"),
        Step(b'sendmtd "EV1"\r\n', f"meth {wrong}\nmend\n:".encode()),
    ]  # fmt: skip
    with pytest.raises(DeviceFault, match="differs"):
        act(steps, "upload", PULSE)


def test_evidence_of_an_upload() -> None:
    async def talk(link: Link, clock: Clock) -> Verdict:
        driver = BtxGeminiX2(link, clock)
        with pytest.raises(NoReply):
            await driver.upload(PULSE)
        how = declared(driver.upload)
        assert how is not None and how.judge is not None
        return how.judge(None, await driver.read_uploaded(), (PULSE,))

    lost = [READY, Step(b'cat "*.BTX"\r\n', EMPTY), Step(f"meth {HEX}\r\n".encode())]
    there = [Step(b'cat "*.BTX"\r\n', HOLDS), Step(b'sendmtd "EV1"\r\n', LISTING)]
    assert play([*lost, *there], talk, chunk=64) is Verdict.DONE
    assert play([*lost, Step(b'cat "*.BTX"\r\n', EMPTY)], talk, chunk=64) is Verdict.NOT_DONE


@pytest.mark.parametrize("error", ["command error: x", "Error: no card", "argument error", "get method failed"])
def test_error_lines(error: str) -> None:
    with pytest.raises(DeviceFault, match="answers"):
        act([Step(b'sendmtd "EV1"\r\n', f"{error}\r\n:".encode())], "read_program", "EV1")


@pytest.mark.parametrize("reply", [b"meth 0100\nmend\n:", b":", b"nonsense\n:", f"meth {HEX}\n:".encode()])
def test_unreadable_program(reply: bytes) -> None:
    with pytest.raises(BadReply):
        act([Step(b'sendmtd "EV1"\r\n', reply)], "read_program", "EV1")


def test_incomplete_catalogue() -> None:
    with pytest.raises(BadReply):
        btx.decode_catalogue(["h", "h", "EV1             1", "2 file(s) using 2 steps"])


def test_log_names_recursively() -> None:
    steps = [
        Step(b"sddir \\BTXDATA\r\n", b"sddir \\BTXDATA\n2026-01\nREADME\n:"),
        Step(b"sddir \\BTXDATA\\2026-01\r\n", b"sddir \\BTXDATA\\2026-01\r\n260106\r\n260105\r\n:"),
        Step(b"sddir \\BTXDATA\\2026-01\\260105\r\n", b"sddir \\BTXDATA\\2026-01\\260105\n081500.TXT\n:"),
        Step(b"sddir \\BTXDATA\\2026-01\\260106\r\n", b"sddir \\BTXDATA\\2026-01\\260106\n:"),
    ]
    assert act(steps, "read_log_names") == [LOG]


LOG_TEXT = b"""Date/Time: 01/05/2026 8:15:00 AM
Model: Gemini X2
Mode: Manual
Protocol Name: EV1
Protocol Type: Exponential Decay
Pulse Amplitude (V): 400
Number of Pulses: 2
Pulse Interval (sec): 1.0
Electrode Gap (mm): 2.0
Resistance (ohms): N/A
Capacitance (uF): 125
Droop (%): 3
some future line
Pulse 1 Voltage: 395 V
Pulse 1 Time Constant: 6200 us
Pulse 1 Total Load: 49.6 ohms
Pulse 2 Voltage: 396
Pulse 2 Time Constant: 6.1 ms
Pulse 2 Total Load: 49.0
Protocol Result: Complete
Status: 0x00000000.00000000 - No error
"""


def test_log() -> None:
    request = f"sdsend {LOG}\r\n".encode()
    log = act([Step(request, request + LOG_TEXT + b":")], "read_log", LOG)
    assert log.voltages == (395.0, 396.0)
    assert log.time_constants == pytest.approx((6.2e-3, 6.1e-3))
    assert log.loads == (49.6, 49.0)
    assert (log.result, log.status_ok, log.path) == ("Complete", True, LOG)
    assert log.program == PulseProgram("EV1", "exponential", 400.0, 2, 1.0, 2e-3, capacitance=125e-6)


def test_log_without_proof() -> None:
    lines = LOG_TEXT.decode().splitlines()
    assert decode_log(LOG, [*lines[:-1], "Status: 0x00000004.00000000 - Arc"]).status_ok is False
    assert decode_log(LOG, lines[:-1]).status_ok is False
    for broken in (lines[:3], [*lines[:3], "Protocol Name: A"]):
        with pytest.raises(BadReply, match="log without"):
            decode_log(LOG, broken)
    with pytest.raises(BadReply, match="unreadable"):
        decode_log(LOG, [line.replace("395 V", "3?5 V") for line in lines])
    with pytest.raises(BadReply, match="unit"):
        decode_log(LOG, [line.replace("395 V", "395 furlongs") for line in lines])
