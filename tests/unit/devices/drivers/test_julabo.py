"""JULABO: bytes, the procedure around OUT, alarms and what a bad cable does."""

import pytest

from devices.drivers import julabo
from devices.drivers.julabo import Julabo, JulaboOptions, Status, decode_status
from devices.link import Link
from devices.readings import CirculatorState, Quality
from devices.roles import Circulator, Thermometer
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply

RUNNING = b"03 REMOTE START\r\n"


def test_settings_and_roles() -> None:
    assert Julabo.settings == SerialSettings(4800, 7, "E", 1, rtscts=True)
    driver = Julabo(Link(None, None, "shelf"), None, JulaboOptions())  # type: ignore[arg-type]
    assert isinstance(driver.role("circulator"), Circulator)
    assert isinstance(driver.role("thermometer"), Thermometer)
    with pytest.raises(ConfigError, match="cannot be a pump"):
        driver.role("pump")
    with pytest.raises(ConfigError, match="channel"):
        driver.role("circulator", channel=2)


@pytest.mark.parametrize(
    ("what", "value", "sent"),
    [
        ("setpoint", -37.5, b"OUT_SP_00 -37.50\r"),
        ("setpoint", -0.001, b"OUT_SP_00 0.00\r"),
        ("high_warning", 60.0, b"OUT_SP_03 60.00\r"),
        ("low_warning", -60.0, b"OUT_SP_04 -60.00\r"),
        ("pump_stage", 2, b"OUT_SP_07 2\r"),
        ("mode", 1, b"OUT_MODE_05 1\r"),
    ],
)
def test_sets(what: str, value: float, sent: bytes) -> None:
    assert julabo.encode_set(what, value) == sent


def test_reads_and_address() -> None:
    assert [julabo.encode_read(what) for what in ("version", "status", "bath", "mode")] == [
        b"VERSION\r", b"STATUS\r", b"IN_PV_00\r", b"IN_MODE_05\r",
    ]  # fmt: skip
    assert julabo.encode_read("setpoint", 32) == b"A032_IN_SP_00\r"
    assert julabo.decode_line(b"A032_55.5\n", 32) == "55.5"
    assert julabo.decode_line(b"\x11 29.45\r\n\x13") == "29.45"
    with pytest.raises(BadReply, match="another address"):
        julabo.decode_line(b"A033_55.5\n", 32)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_no_such_number_leaves(value: float) -> None:
    with pytest.raises(LimitExceeded):
        julabo.encode_set("setpoint", value)


def test_status_words() -> None:
    assert decode_status("00 MANUAL STOP") == Status(0, "MANUAL STOP")
    assert decode_status("-11 VALUE TOO LARGE").is_command_error
    alarm = decode_status("-1501 WATCHDOG")
    assert not alarm.is_state and not alarm.is_command_error
    for text in ("29.45", "REMOTE START", "", "03"):
        with pytest.raises(BadReply):
            decode_status(text)


def test_connect_identifies_and_clears_a_command_error() -> None:
    steps = [
        Step(b"VERSION\r", b"JULABO CRYOCOMPACT CF31 VERSION 5.0\r\n"),
        Step(b"STATUS\r", b"-08 INVALID COMMAND\r\n"),
        Step(b"STATUS\r", b"02 REMOTE STOP\r\n"),
    ]
    identity = play(steps, lambda link, clock: Julabo(link, clock).connect())
    assert (identity.vendor, identity.model, identity.firmware) == ("JULABO", "CRYOCOMPACT CF31", "5.0")


def test_setting_waits_250_ms_reads_status_and_value_back() -> None:
    times = []

    async def talk(link: Link, clock: Clock) -> None:
        await Julabo(link, clock).set_temperature(-37.5)
        times.append(clock.now())

    play(
        [
            Step(b"OUT_SP_00 -37.50\r"),
            Step(b"STATUS\r", b"\r\n" + RUNNING),  # some units answer OUT by a blank line
            Step(b"IN_SP_00\r", b"-37.5\r\n"),
        ],
        talk,
    )
    assert times[0] >= 0.25


def test_refused_value_names_the_text_and_the_state() -> None:
    steps = [
        Step(b"OUT_SP_00 90.00\r"),
        Step(b"STATUS\r", b"-11 VALUE TOO LARGE\r\n"),
        Step(b"STATUS\r", RUNNING),
    ]
    with pytest.raises(DeviceFault, match=r"VALUE TOO LARGE, state 03 REMOTE START"):
        play(steps, lambda link, clock: Julabo(link, clock).set_temperature(90.0))


def test_value_that_was_not_taken_over() -> None:
    steps = [Step(b"OUT_SP_00 -40.00\r"), Step(b"STATUS\r", RUNNING), Step(b"IN_SP_00\r", b"20.0\r\n")]
    with pytest.raises(DeviceFault, match="not taken over"):
        play(steps, lambda link, clock: Julabo(link, clock).set_temperature(-40.0))


def test_out_of_limits_sends_nothing() -> None:
    options = JulaboOptions.model_validate({"low": "-60 degC", "high": "50 degC"})
    for value in (-60.1, 50.1, float("nan")):
        with pytest.raises(LimitExceeded, match="bench: set temperature"):
            play([], lambda link, clock, v=value: Julabo(link, clock, options).set_temperature(v))


def test_start_stop() -> None:
    steps = [
        Step(b"OUT_MODE_05 1\r"), Step(b"STATUS\r", RUNNING), Step(b"IN_MODE_05\r", b"1\r\n"),
        Step(b"OUT_MODE_05 0\r"), Step(b"STATUS\r", b"02 REMOTE STOP\r\n"), Step(b"IN_MODE_05\r", b"0\r\n"),
    ]  # fmt: skip

    async def talk(link: Link, clock: Clock) -> None:
        driver = Julabo(link, clock)
        await driver.start()
        await driver.stop()

    play(steps, talk)


def test_read_circulator() -> None:
    steps = [
        Step(b"STATUS\r", RUNNING), Step(b"IN_PV_00\r", b"-29.45\r\n"),
        Step(b"IN_SP_00\r", b"-40.00\r\n"), Step(b"IN_MODE_05\r", b"1\r\n"),
    ]  # fmt: skip
    state: CirculatorState = play(steps, lambda link, clock: Julabo(link, clock).read_circulator())
    assert (state.temperature.value, state.setpoint, state.running) == (-29.45, -40.0, True)


def test_alarm_is_a_device_fault_with_its_text() -> None:
    steps = [Step(b"STATUS\r", b"-01 LOW LEVEL ALARM\r\n")]
    with pytest.raises(DeviceFault, match="-01 LOW LEVEL ALARM"):
        play(steps, lambda link, clock: Julabo(link, clock).read_circulator())


def test_stale_line_is_skipped_and_silence_is_no_reply() -> None:
    steps = [Step(b"IN_PV_00\r", b"03 REMOTE START\r\n21.5\r\n")]
    assert play(steps, lambda link, clock: Julabo(link, clock).read_temperature()).value == 21.5
    with pytest.raises(NoReply):
        play([Step(b"IN_PV_00\r")], lambda link, clock: Julabo(link, clock).read_temperature())
    with pytest.raises(BadReply):
        play([Step(b"IN_PV_00\r", b"nan\r\n")], lambda link, clock: Julabo(link, clock).read_temperature())


def test_a_sensor_that_is_not_plugged_in_is_absent() -> None:
    options = JulaboOptions.model_validate({"sensor": "external"})
    for said, expected in ((b"---.--\r\n", Quality.ABSENT), (b"-12.50\r\n", Quality.GOOD)):
        steps = [Step(b"IN_PV_02\r", said)]
        reading = play(steps, lambda link, clock: Julabo(link, clock, options).read_temperature())
        assert reading.quality is expected
    for bad in ("-", "--12.50", "---.-5", ""):
        with pytest.raises(BadReply):
            julabo.decode_temperature(bad)
