"""Eurotherm and the UV detector: scaling, quality and the register map of the line file."""

import math
import struct

import pytest
from pydantic import ValidationError
from pymodbus.framer import FramerRTU

from devices.drivers.eurotherm_modbus import REGISTERS, Eurotherm, EurothermOptions, decode_value, encode_value
from devices.drivers.uv_modbus import UvModbus, UvOptions, decode_number
from devices.link import Link
from devices.modbus import encode_read, encode_write
from devices.readings import Quality, Reading
from devices.roles import Thermometer, UvDetector
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, Refused


def holding(unit: int, address: int, *values: int) -> Step:
    """One read of holding registers and its answer."""
    body = bytes([unit, 3, 2 * len(values)]) + b"".join(struct.pack(">H", value & 0xFFFF) for value in values)
    reply = body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
    return Step(encode_read("rtu", unit, 0, address, len(values)), reply)


def floats(value: float, order: str = "big") -> list[int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return [high, low] if order == "big" else [low, high]


def test_settings_and_roles() -> None:
    assert Eurotherm.settings == SerialSettings(9600) == UvModbus.settings
    link = Link(None, None, "x")  # type: ignore[arg-type]
    thermometer = Eurotherm(link, None, EurothermOptions()).role("thermometer", channel=3)  # type: ignore[arg-type]
    assert isinstance(thermometer, Thermometer)
    assert isinstance(UvModbus(link, None, UvOptions()).role("uv_detector"), UvDetector)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unit id"):
        Eurotherm(link, None, EurothermOptions()).role("thermometer", channel=300)  # type: ignore[arg-type]


def test_scaling() -> None:
    assert decode_value(0xFE6B, 1) == -40.5
    assert encode_value(-35.0, 1) == 0xFEA2
    for value in (math.nan, 1e6):
        with pytest.raises(LimitExceeded):
            encode_value(value, 1)


def thermometers(*steps: Step, options: dict[str, object] | None = None, reads: int = 1) -> list[Reading]:
    async def talk(link: Link, clock: Clock) -> list[Reading]:
        driver = Eurotherm(link, clock, EurothermOptions.model_validate(options or {}))
        role = driver.role("thermometer")
        await driver.connect()
        readings = []
        for _ in range(reads):
            readings.append(await role.read_temperature())
            await clock.sleep(10.0)
        return readings

    return play(steps, talk)


CONNECT = (holding(1, 1, 200), holding(1, 11, -1000, 1000))


def test_temperature_and_range() -> None:
    values = thermometers(*CONNECT, holding(1, 1, -405), holding(1, 1, 1001), holding(1, 1, -1001), reads=3)
    assert [reading.quality for reading in values] == [Quality.GOOD, Quality.OVER, Quality.UNDER]
    assert values[0].value == -40.5


def test_all_zero_at_start_is_no_range() -> None:
    assert thermometers(holding(1, 1, 0), holding(1, 11, 0, 0), holding(1, 1, 215))[0].value == 21.5


def test_frozen_value_when_asked_for() -> None:
    values = thermometers(*CONNECT, *(3 * [holding(1, 1, 215)]), options={"stale": "15 s"}, reads=3)
    assert [reading.quality for reading in values] == [Quality.GOOD, Quality.GOOD, Quality.FAULT]


def test_set_temperature_uses_the_remote_set_point_and_reads_back() -> None:
    def write(address: int, value: int) -> Step:
        echo = encode_write("rtu", 1, 0, address, [value])
        return Step(echo, echo)

    async def talk(link: Link, clock: Clock) -> None:
        options = EurothermOptions(writable=True)
        await Eurotherm(link, clock, options).role("thermometer").set_temperature(-35.0)

    steps = [write(26, 0xFEA2), write(REGISTERS["remote_select"], 1)]
    play([*steps, holding(1, 5, 0xFEA2)], talk)
    with pytest.raises(DeviceFault, match="not taken over"):
        play([*steps, holding(1, 5, 0)], talk)


def test_monitoring_only_by_default() -> None:
    with pytest.raises(Refused, match="monitoring only"):
        play([], lambda link, clock: Eurotherm(link, clock).role("thermometer").set_temperature(-35.0))


def read_uv(options: dict[str, object], *steps: Step) -> Reading:
    return play(steps, lambda link, clock: UvModbus(link, clock, UvOptions.model_validate(options)).read_absorbance())


def test_reference_map() -> None:
    request, reply = bytes.fromhex("05 03 00 00 00 02 C5 8F"), bytes.fromhex("05 03 04 42 15 00 00 BA 4F")
    assert read_uv({"unit_id": 5}, Step(request, reply)).value == pytest.approx(0.03725)


@pytest.mark.parametrize(
    ("value", "quality"),
    [(2501.0, Quality.OVER), (-101.0, Quality.UNDER), (math.nan, Quality.FAULT), (math.inf, Quality.FAULT)],
)
def test_out_of_range_is_no_number(value: float, quality: Quality) -> None:
    reading = read_uv({}, holding(1, 0, *floats(value)))
    assert reading.quality is quality and math.isnan(reading.value)


def test_map_of_the_line_file() -> None:
    volts = {"address": 10, "scale": 1000.0, "offset": -5.0, "word_order": "little"}
    assert read_uv({"absorbance": volts}, holding(1, 10, *floats(0.5, "little"))).value == pytest.approx(0.495)
    raw = {"address": 4, "type": "INT16", "count": 1, "scale": 0.1}
    assert read_uv({"absorbance": raw}, holding(1, 4, -100)).value == pytest.approx(-0.01)
    status = {"status": {"address": 20}}
    assert read_uv(status, holding(1, 0, *floats(1.0)), holding(1, 20, 4)).quality is Quality.FAULT


@pytest.mark.parametrize(
    "absorbance", [{"count": 1}, {"scale": 0}, {"scale": math.nan}, {"address": 70000}, {"typo": 1}, {"unit": "V"}]
)
def test_wrong_map_is_refused(absorbance: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UvOptions.model_validate({"absorbance": absorbance})


def test_stuck_counter() -> None:
    async def talk(link: Link, clock: Clock) -> list[Quality]:
        driver = UvModbus(link, clock, UvOptions.model_validate({"counter": {"address": 9}, "stale": "2 s"}))
        found = []
        for _ in range(2):
            found.append((await driver.read_absorbance()).quality)
            await clock.sleep(3.0)
        return found

    step = [holding(1, 0, *floats(1.0)), holding(1, 9, 7)]
    assert play([*step, *step], talk) == [Quality.GOOD, Quality.FAULT]


def test_swapped_words_are_found_at_connect() -> None:
    with pytest.raises(BadReply, match="word_order"):
        play([holding(1, 0, *floats(1e-30))], lambda link, clock: UvModbus(link, clock).connect())


def test_number_needs_its_registers() -> None:
    with pytest.raises(BadReply):
        decode_number([1], "FLOAT32")
