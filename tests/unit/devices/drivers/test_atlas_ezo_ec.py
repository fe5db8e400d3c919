"""EZO-EC: start-up, stray lines, units."""

import pytest

from devices.drivers import atlas_ezo_ec as ezo
from devices.drivers.atlas_ezo_ec import AtlasEzoEc, EzoOptions
from devices.link import Link
from devices.readings import Quality, Reading
from devices.roles import ConductivityMeter
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply

OK = b"*OK\r"
START_UP = [
    Step(b"*OK,1\r", b"1496,808,0.72,1.001\r" + OK),  # continuous mode: a stray reading first
    Step(b"C,0\r", OK),
    Step(b"O,EC,1\r", OK), Step(b"O,TDS,0\r", OK), Step(b"O,S,0\r", OK), Step(b"O,SG,0\r", OK),
    Step(b"O,?\r", b"?,O,EC\r" + OK),
    Step(b"T,25.0\r", OK),
]  # fmt: skip


def read(*steps: Step) -> Reading:
    return play(steps, lambda link, clock: AtlasEzoEc(link, clock).read_conductivity())


def test_settings_and_role() -> None:
    assert AtlasEzoEc.settings == SerialSettings(9600)
    driver = AtlasEzoEc(Link(None, None, "x"), None, EzoOptions())  # type: ignore[arg-type]
    assert isinstance(driver.role("conductivity_meter"), ConductivityMeter)


def test_connect() -> None:
    steps = [*START_UP, Step(b"i\r", b"?i,EC,2.16\r" + OK)]
    identity = play(steps, lambda link, clock: AtlasEzoEc(link, clock).connect())
    assert (identity.model, identity.firmware) == ("EZO-EC", "2.16")


def test_connect_wakes_a_sleeping_circuit() -> None:
    steps = [Step(b"*OK,1\r", b"*WA\r"), Step(b"*OK,1\r", OK), *START_UP[1:], Step(b"i\r", b"?I,EC,2.16\r" + OK)]
    assert play(steps, lambda link, clock: AtlasEzoEc(link, clock).connect()).firmware == "2.16"


def test_reading_in_siemens_per_metre() -> None:
    assert read(Step(b"R\r", b"1496\r" + OK, after=0.6)).value == pytest.approx(0.1496)
    assert read(Step(b"R\r", b"*OV\r1496\r*UV\r" + OK)).value == pytest.approx(0.1496)


def test_out_of_range() -> None:
    assert read(Step(b"R\r", b"500001\r" + OK)).quality is Quality.OVER


@pytest.mark.parametrize("reply", [b"1496,808\r" + OK, b"nan\r" + OK, b"-1\r" + OK, OK, b"\xff\xfe\r" + OK])
def test_no_number(reply: bytes) -> None:
    with pytest.raises((BadReply, NoReply)):
        read(Step(b"R\r", reply))


def test_refusal_and_silence_are_different() -> None:
    with pytest.raises(DeviceFault, match="refused"):
        read(Step(b"R\r", b"*ER\r"))
    with pytest.raises(DeviceFault, match="no output"):
        read(Step(b"R\r", b"no output\r" + OK))
    with pytest.raises(NoReply):
        read(Step(b"R\r"))


def test_endless_chatter_ends() -> None:
    with pytest.raises(BadReply, match="without answering"):
        read(Step(b"R\r", 12 * b"*OV\r"))


def test_brown_out_repeats_the_start_up() -> None:
    async def talk(link: Link, clock: Clock) -> list[Reading]:
        driver = AtlasEzoEc(link, clock)
        return [await driver.read_conductivity(), await driver.read_conductivity()]

    steps = [Step(b"R\r", b"*RE\r1496\r" + OK), *START_UP, Step(b"R\r", b"1500\r" + OK)]
    first, second = play(steps, talk)
    assert first.quality is Quality.FAULT
    assert second.value == pytest.approx(0.15)


def test_compensation_is_read_back() -> None:
    steps = [Step(b"T,4.0\r", OK), Step(b"T,?\r", b"?T,4.0\r" + OK)]
    play(steps, lambda link, clock: AtlasEzoEc(link, clock).set_compensation(4.0))
    steps = [Step(b"T,4.0\r", OK), Step(b"T,?\r", b"?T,25.0\r" + OK)]
    with pytest.raises(DeviceFault, match="not taken over"):
        play(steps, lambda link, clock: AtlasEzoEc(link, clock).set_compensation(4.0))
    with pytest.raises(LimitExceeded):
        play([], lambda link, clock: AtlasEzoEc(link, clock).set_compensation(float("nan")))


def test_codec() -> None:
    assert ezo.encode_calibration("dry") == b"Cal,dry\r"
    assert ezo.encode_calibration("low", 1.2880) == b"Cal,low,12880\r"
    assert ezo.encode_calibration("single", 0.1413) == b"Cal,1413\r"
    assert ezo.encode_probe_constant(1.04) == b"K,1.04\r"
    assert ezo.decode_query("?Status,P,5.038", "Status") == ("P", "5.038")
    assert ezo.decode_query("?*OK,1", "*OK") == ("1",)
    assert ezo.decode_query("?CAL,2", "Cal") == ("2",)
    assert ezo.decode_reading("1496,808,0.72,1.001", ezo.OUTPUTS)["SG"] == 1.001
    with pytest.raises(BadReply):
        ezo.decode_identity("?i,pH,2.1")


@pytest.mark.parametrize("text", ["I2C,100", "Baud,300", "Factory", "R\rFactory", "Name,a\rb", "C,100", "T,1e3", ""])
def test_what_never_leaves(text: str) -> None:
    with pytest.raises(ConfigError):
        ezo.encode(text)


def test_after_a_lost_reply_the_circuit_is_set_up_again() -> None:
    async def talk(link: Link, clock: Clock) -> Reading:
        driver = AtlasEzoEc(link, clock)
        await driver.connect()
        with pytest.raises(NoReply):
            await driver.read_conductivity()
        return await driver.read_conductivity()

    who = [*START_UP, Step(b"i\r", b"?i,EC,2.16\r" + OK)]
    steps = [*who, Step(b"R\r"), *who, Step(b"R\r", b"1496\r" + OK)]
    assert play(steps, talk).value == pytest.approx(0.1496)


def test_status_tells_the_last_restart() -> None:
    assert ezo.decode_status("?Status,P,5.038") == ("power", 5.038)
    assert ezo.decode_status("?STATUS,b,4.7") == ("brown-out", 4.7)
    for bad in ("?Status,X,5.0", "?Status,P", "?Status,P,five", "?T,25"):
        with pytest.raises(BadReply):
            ezo.decode_status(bad)


def test_continuous_mode_is_0_or_1_to_99() -> None:
    assert [ezo.encode(f"C,{n}") for n in ("0", "1", "99", "?")] == [b"C,0\r", b"C,1\r", b"C,99\r", b"C,?\r"]
    for bad in ("C,00", "C,100", "C,-1", "C,"):
        with pytest.raises(ConfigError):
            ezo.encode(bad)
