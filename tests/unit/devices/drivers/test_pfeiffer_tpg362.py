"""Pfeiffer TPG 362: ACK/ENQ dialogue, status words, and relays by thresholds."""

import math

import pytest

from devices.drivers import pfeiffer_tpg362 as tpg
from devices.drivers.pfeiffer_tpg362 import PfeifferTpg362, TpgOptions
from devices.link import Link
from devices.readings import Quality
from devices.roles import PressureSensors, VacuumController
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply

OK, NO = b"\x06\r\n", b"\x15\r\n"
IDENTITY = b"TPG362,PTG28290,44990000,010300,010100\r\n"


def ask(request: bytes, data: bytes) -> list[Step]:
    return [Step(request + b"\r", OK), Step(b"\x05", data)]


UNI = ask(b"UNI", b"0\r\n")  # mbar


def test_settings_and_roles() -> None:
    assert PfeifferTpg362.settings == SerialSettings(9600, 8, "N", 1)
    driver = PfeifferTpg362(Link(None, None, "chamber"), None, TpgOptions())  # type: ignore[arg-type]
    assert isinstance(driver.role("vacuum_controller"), VacuumController)
    assert isinstance(driver.role("pressure_sensors"), PressureSensors)


def test_encode() -> None:
    assert tpg.encode("PRX") == b"PRX\r"
    assert tpg.encode("SEN", 2, 0) == b"SEN,2,0\r"
    assert tpg.encode("SP1", 2, 7.6e-2, 8.4e-2) == b"SP1,2,7.6000E-02,8.4000E-02\r"
    assert tpg.encode("OFD", -1.5, 0.0) == b"OFD,-1.5000E+00,0.0000E+00\r"
    with pytest.raises(ConfigError):
        tpg.encode("PR1\rSP1,1,0,0")
    with pytest.raises(LimitExceeded):
        tpg.encode("SP1", 2, math.nan, 1.0)


@pytest.mark.parametrize(
    ("mnemonic", "parameters"),
    [
        ("UNI", (6,)), ("UNI", (0, 0)), ("UNI", (1.0,)), ("COM", (3,)), ("SEN", (1,)), ("SEN", (3, 0)), ("FIL", (2, 3)),
        ("OFC", (0, 1, 2)), ("OFD", (1.0,)), ("SP1", (2, 1.0)), ("SP4", (3, 1.0, 2.0)), ("PR1", (1,)), ("SPS", (1,)),
    ],
)  # fmt: skip
def test_parameters_that_the_manual_does_not_know(mnemonic: str, parameters: tuple[float, ...]) -> None:
    with pytest.raises(LimitExceeded):
        tpg.encode(mnemonic, *parameters)


def test_decode() -> None:
    assert tpg.decode_pressures(b"0, 8.3E-3\r\n") == [(0, 8.3e-3)]
    assert tpg.decode_pressures(b"0,1.3250E-01,5,2.0000E-2\r\n") == [(0, 0.1325), (5, 0.02)]
    assert tpg.decode_error(b"0001\r\n") == ("syntax error",)
    assert tpg.decode_error(b"0000\r\n") == ()
    assert tpg.decode_threshold(b"2,7.6000E-02,8.4000E-02\r\n") == tpg.Threshold(2, 0.076, 0.084)
    assert tpg.decode_switches(b"0,1,0,0\r\n") == [False, True, False, False]
    assert tpg.decode_types(b"TPR/PCR,CMR/APR\r\n") == ["TPR/PCR", "CMR/APR"]
    assert tpg.decode_identity(IDENTITY).serial_number == "44990000"
    for bad in (b"0,NAN\r\n", b"9,1E0\r\n", b"0\r\n", b"\r\n", b"0,1e999\r\n", b"\x80,1\r\n"):
        with pytest.raises(BadReply):
            tpg.decode_pressures(bad)


@pytest.mark.parametrize(("data", "length"), [(b"a\r\n", 3), (b"a\r\rb", 3), (b"a\n", 2), (b"a\r", None), (b"a", None)])
def test_line_ends(data: bytes, length: int | None) -> None:
    assert tpg.line(data) == length


def test_connect_ends_the_stream_and_checks_unit_and_gauges() -> None:
    steps = [
        Step(b"\x03"), *ask(b"AYT", IDENTITY), *UNI, *ask(b"TID", b"TPR/PCR,CMR/APR\r\n"),
    ]  # fmt: skip
    assert play(steps, lambda link, clock: PfeifferTpg362(link, clock).connect()).model == "TPG362"


def test_connect_misses_a_gauge() -> None:
    steps = [Step(b"\x03"), *ask(b"AYT", IDENTITY), *UNI, *ask(b"TID", b"TPR/PCR,noSENSOR\r\n")]
    with pytest.raises(DeviceFault, match="no capacitance gauge on channel 2"):
        play(steps, lambda link, clock: PfeifferTpg362(link, clock).connect())


def test_pressures_in_pascal_and_status_is_no_number() -> None:
    steps = [*ask(b"UNI", b"1\r\n"), *ask(b"PRX", b"5,2.0000E-2,0,6.0000E-02\r\n")]
    readings = play(steps, lambda link, clock: PfeifferTpg362(link, clock).read_pressures())
    assert readings["capacitance"].value == pytest.approx(7.99934, rel=1e-5)
    assert readings["pirani"].quality is Quality.ABSENT
    assert math.isnan(readings["pirani"].value)


def test_volts_are_no_pressure() -> None:
    with pytest.raises(DeviceFault, match="volts"):
        play(ask(b"UNI", b"5\r\n"), lambda link, clock: PfeifferTpg362(link, clock).read_pressures())


def test_set_pressure_programs_the_bleed_relay_around_it() -> None:
    echo = b"2,7.6000E-02,8.4000E-02\r\n"
    steps = [*UNI, *ask(b"SP1,2,7.6000E-02,8.4000E-02", echo), *ask(b"SP1", echo), *UNI, *ask(b"SP1", echo)]
    options = TpgOptions.model_validate({"dead_band": "0.4 Pa"})

    async def talk(link: Link, clock: Clock) -> float:
        driver = PfeifferTpg362(link, clock, options)
        await driver.set_pressure(8.0)
        return await driver.read_setpoint()

    assert play(steps, talk) == pytest.approx(8.0)


def test_threshold_not_taken_over() -> None:
    steps = [
        *UNI,
        *ask(b"SP1,2,7.6000E-02,8.4000E-02", b"2,1.0000E-01,8.4000E-02\r\n"),
        *ask(b"SP1", b"2,1.0000E-01,8.4000E-02\r\n"),
    ]
    options = TpgOptions.model_validate({"dead_band": "0.4 Pa"})
    with pytest.raises(DeviceFault, match="not taken over"):
        play(steps, lambda link, clock: PfeifferTpg362(link, clock, options).set_pressure(8.0))


@pytest.mark.parametrize("pressure", [math.nan, math.inf, -1.0, 0.1, 2e5])
def test_set_pressure_limits_send_nothing(pressure: float) -> None:
    with pytest.raises(LimitExceeded):
        play([], lambda link, clock: PfeifferTpg362(link, clock).set_pressure(pressure))


def test_relay_is_pinned_and_proven_by_sps() -> None:
    on = b"1,2.0000E+03,2.4000E+03"
    steps = [
        *UNI, *ask(b"SP2," + on, on + b"\r\n"), *ask(b"SP2", on + b"\r\n"),
        *ask(b"SPS", b"0,0,0,0\r\n"), *ask(b"SPS", b"0,1,0,0\r\n"), *ask(b"SPS", b"0,1,0,0\r\n"),
    ]  # fmt: skip

    async def talk(link: Link, clock: Clock) -> object:
        driver = PfeifferTpg362(link, clock)
        await driver.set_relay("isolation", True)
        return await driver.read_relays()

    assert play(steps, talk) == {"bleed": False, "isolation": True, "vent": False}


def test_relay_that_does_not_switch() -> None:
    off = b"1,1.0000E-08,1.2000E-08"
    steps = [*UNI, *ask(b"SP3," + off, off + b"\r\n"), *ask(b"SP3", off + b"\r\n"), *(10 * ask(b"SPS", b"0,0,1,0\r\n"))]
    with pytest.raises(DeviceFault, match="did not switch"):
        play(steps, lambda link, clock: PfeifferTpg362(link, clock).set_relay("vent", False))
    with pytest.raises(ConfigError, match="unknown relay"):
        play([], lambda link, clock: PfeifferTpg362(link, clock).set_relay("door", False))


def test_refusal_carries_the_error_word() -> None:
    steps = [Step(b"UNI\r", NO), Step(b"\x05", b"0001\r\n")]
    with pytest.raises(DeviceFault, match="syntax error"):
        play(steps, lambda link, clock: PfeifferTpg362(link, clock).read_pressures())


def test_stale_stream_line_before_the_acknowledge_and_other_line_ends() -> None:
    steps = [
        Step(b"UNI\r", b"0,1.0000E+03,0,1.0000E+03\r\n" + OK), Step(b"\x05", b"2\r\n"),
        Step(b"PRX\r", OK), Step(b"\x05", b"0,9.0E0,0,8.0E0\r\r"),
    ]  # fmt: skip
    assert play(steps, lambda link, clock: PfeifferTpg362(link, clock).read_pressures())["capacitance"].value == 8.0


def test_silence_and_garbage() -> None:
    with pytest.raises(NoReply):
        play([Step(b"UNI\r")], lambda link, clock: PfeifferTpg362(link, clock).read_pressures())
    with pytest.raises(BadReply):
        play(ask(b"UNI", b"mbar\r\n"), lambda link, clock: PfeifferTpg362(link, clock).read_pressures())
