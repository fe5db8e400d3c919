"""MKS 937B: frames, words instead of numbers, relays."""

import pytest
from pydantic import ValidationError

from devices.drivers import mks_937b as mks
from devices.drivers.mks_937b import Mks937b, MksOptions
from devices.link import Link
from devices.readings import Quality
from devices.roles import PressureSensors, VacuumController
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply


def ask(name: str, value: str) -> Step:
    return Step(f"@253{name}?;FF".encode(), f"@253ACK{value};FF".encode())


def put(name: str, value: str) -> list[Step]:
    return [Step(f"@253{name}!{value};FF".encode(), f"@253ACK{value};FF".encode()), ask(name, value)]


def test_settings_and_roles() -> None:
    assert Mks937b.settings == SerialSettings(9600)
    driver = Mks937b(Link(None, None, "x"), None, MksOptions())  # type: ignore[arg-type]
    assert isinstance(driver.role("vacuum_controller"), VacuumController)
    assert isinstance(driver.role("pressure_sensors"), PressureSensors)
    for wrong in ({"bleed": 1, "vent": 2}, {"bleed": 5, "vent": 5}, {"bleed": 13}):
        with pytest.raises(ValidationError):
            MksOptions.model_validate({"relays": wrong})


def test_frames() -> None:
    assert mks.encode(3, "PR1") == b"@003PR1?;FF"
    assert mks.encode(253, "U", "MICRON") == b"@253U!MICRON;FF"
    assert mks.decode(b"@003ACK7.602E+2;FF", 3) == "7.602E+2"
    assert mks.decode(b"@253ACKABOVE;FF", 253) == "ABOVE"
    with pytest.raises(DeviceFault, match="NAK 152 not an ion gauge"):
        mks.decode(b"@253NAK152;FF", 253)
    for wrong in (b"@003ACK1;FF", b"@253ACK1", b"ACK1;FF", b"@253NAKx;FF", b"\x80;FF"):
        with pytest.raises(BadReply):
            mks.decode(wrong, 253)
    for name, value in (("XX", None), ("U", "A;FF@253U!B"), ("AD", "001"), ("SP13", None), ("PR1\r", None)):
        with pytest.raises(ConfigError):
            mks.encode(253, name, value)


@pytest.mark.parametrize(
    ("text", "quality"),
    [("LO<E-04", Quality.UNDER), (">1.00E+3", Quality.OVER), ("OFF", Quality.ABSENT), ("NO_GAUGE", Quality.ABSENT),
     ("WAIT", Quality.BUSY), ("PROTECT", Quality.FAULT), ("-1.0E-3", Quality.UNDER)],
)  # fmt: skip
def test_words_are_no_numbers(text: str, quality: Quality) -> None:
    assert mks.decode_pressure(text) == (None, quality)


def test_unknown_word() -> None:
    for text in ("", "HELLO", "1.0E+2x", "NAN", "1e999"):
        with pytest.raises(BadReply):
            mks.decode_pressure(text)


def test_connect_and_pressures() -> None:
    async def talk(link: Link, clock: Clock) -> tuple[str, float, Quality]:
        driver = Mks937b(link, clock)
        identity = await driver.connect()
        found = await driver.read_pressures()
        return identity.serial_number, found["capacitance"].value, found["pirani"].quality

    steps = [
        ask("MD", "937B"), ask("SN", "0123456"), ask("U", "MBAR"), ask("U", "TORR"), ask("PR1", "LO<E-03"),
        ask("PR3", "6.00e-2"),
    ]  # fmt: skip
    serial, value, quality = play(steps, talk)
    assert (serial, quality) == ("0123456", Quality.UNDER)
    assert value == pytest.approx(7.99934, rel=1e-5)


def test_set_pressure() -> None:
    options = MksOptions.model_validate({"dead_band": "0.4 Pa"})
    steps = [ask("U", "PASCAL"), *put("SD5", "BELOW"), *put("SP5", "7.600E+00"), *put("SH5", "8.400E+00"),
             *put("EN5", "ENABLE"), ask("U", "PASCAL"), ask("SP5", "7.60E+0"), ask("SH5", "8.40E+0")]  # fmt: skip

    async def talk(link: Link, clock: Clock) -> float:
        driver = Mks937b(link, clock, options)
        await driver.set_pressure(8.0)
        return await driver.read_setpoint()

    assert play(steps, talk) == pytest.approx(8.0)
    for value in (float("nan"), 0.0, 1e6):
        with pytest.raises(LimitExceeded):
            play([], lambda link, clock, v=value: Mks937b(link, clock).set_pressure(v))


def test_relays() -> None:
    steps = [*put("EN1", "SET"), ask("SS1", "CLEAR"), ask("SS1", "SET")]
    play(steps, lambda link, clock: Mks937b(link, clock).set_relay("isolation", True))
    with pytest.raises(DeviceFault, match="did not switch"):
        play([*put("EN2", "CLEAR"), *(10 * [ask("SS2", "SET")])],
             lambda link, clock: Mks937b(link, clock).set_relay("vent", False))  # fmt: skip
    steps = [ask("SS5", "SET"), ask("SS1", "CLEAR"), ask("SS2", "CLEAR")]
    assert play(steps, lambda link, clock: Mks937b(link, clock).read_relays())["bleed"] is True
    with pytest.raises(ConfigError):
        play([], lambda link, clock: Mks937b(link, clock).set_relay("door", True))


def test_foreign_address_nak_and_silence() -> None:
    other = b"@001ACKTORR;FF"
    steps = [Step(b"@253U?;FF", other + b"@253NAK180;FF")]
    with pytest.raises(DeviceFault, match="locked"):
        play(steps, lambda link, clock: Mks937b(link, clock).read_pressures())
    with pytest.raises(BadReply):
        play([Step(b"@253U?;FF", other)], lambda link, clock: Mks937b(link, clock).read_pressures())
    with pytest.raises(NoReply):
        play([Step(b"@253U?;FF")], lambda link, clock: Mks937b(link, clock).read_pressures())
