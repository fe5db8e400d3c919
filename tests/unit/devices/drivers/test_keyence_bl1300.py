"""Keyence reader through PyLabRobot: the beam is always released, two readings must agree."""

import pytest
from pydantic import ValidationError

from devices.drivers.keyence_bl1300 import KeyenceBl1300, KeyenceOptions
from devices.link import Link
from devices.roles import BarcodeScanner
from devices.testing.scripted import Step, play
from devices.transports import SerialSettings
from vesiflow.errors import BadReply, DeviceFault, NoReply

LOFF = Step(b"LOFF\r")


def scan(*replies: bytes, options: KeyenceOptions | None = None) -> str:
    steps = [step for reply in replies for step in (Step(b"LON\r", reply), LOFF)]
    return play(steps, lambda link, clock: KeyenceBl1300(link, clock, options).read_barcode())


def test_settings_and_role() -> None:
    assert KeyenceBl1300.settings == SerialSettings(9600, 7, "E")
    driver = KeyenceBl1300(Link(None, None, "x"), None, KeyenceOptions())  # type: ignore[arg-type]
    assert isinstance(driver.role("barcode_scanner"), BarcodeScanner)
    with pytest.raises(ValidationError):
        KeyenceOptions(pattern="(")


@pytest.mark.parametrize(
    ("reply", "error"),
    [(b"MOTOROFF\r", DeviceFault), (b"", NoReply), (b"EV-0042\r", BadReply), (b"\xc3\r", BadReply)],
)
def test_connect(reply: bytes, error: type[Exception]) -> None:
    connect = lambda link, clock: KeyenceBl1300(link, clock).connect()  # noqa: E731
    assert play([Step(b"RMOTOR\r", b"MOTORON\r")], connect).model == "BL-1300"
    with pytest.raises(error, match="bench: "):
        play([Step(b"RMOTOR\r", reply)], connect)


def test_two_equal_readings() -> None:
    assert scan(b"EV-0042\r", b"EV-0042\r") == "EV-0042"
    with pytest.raises(BadReply, match="two readings differ"):
        scan(b"EV-0042\r", b"EV-0043\r")
    assert scan(b"EV-0042\r", options=KeyenceOptions(readings=1)) == "EV-0042"


@pytest.mark.parametrize("reply", [b"", b"ERR99\r", b"NG\r", b"ERROR\r", b"ERR01\r"])
def test_nothing_read_is_an_error_and_the_beam_goes_off(reply: bytes) -> None:
    with pytest.raises(DeviceFault, match="bench: read barcode"):
        scan(reply)


@pytest.mark.parametrize("reply", [b"EV 1;DROP\r", b"A\x02B\r", b"A\nB\r", 101 * b"A" + b"\r"])
def test_codes_of_another_form(reply: bytes) -> None:
    with pytest.raises(BadReply):
        scan(reply)
