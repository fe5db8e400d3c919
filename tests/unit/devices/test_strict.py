"""What may go on a wire and what may be taken from one."""

import math

import pytest

from devices.strict import about, ascii_text, check_role, finite, fixed, integer, number, wire_text
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1e999", "1,5", "0x10", "1_0", "1\x1d", "１", "9" * 5000, "--1", "1e", " \x1f"]
)
def test_not_a_number(text: str) -> None:
    for parse in (number, integer):
        with pytest.raises(BadReply):
            parse(text)


def test_numbers() -> None:
    assert [number(text) for text in (" -1.50 \r\n", "+.5", "3.", "1E-3")] == [-1.5, 0.5, 3.0, 1e-3]
    assert integer(" +012\r") == 12


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "1", 11.0])
def test_no_such_value_leaves(value: float) -> None:
    with pytest.raises(LimitExceeded):
        fixed(value, 2, -10.0, 10.0, unit="degC")


def test_fixed_decimals_never_an_exponent_or_minus_zero() -> None:
    assert [fixed(value, 2) for value in (1e-9, -1e-9, 1e9, -37.5)] == ["0.00", "0.00", "1000000000.00", "-37.50"]
    assert finite(5) == 5


@pytest.mark.parametrize("text", ["a\r", "a\nb", "a\x03", 'a"', "", "x" * 9, "é"])
def test_no_second_command_in_a_text(text: str) -> None:
    with pytest.raises(ConfigError):
        wire_text(text, what="name", pattern="[A-Za-z0-9]+", limit=8)


def test_bytes_that_are_no_text() -> None:
    for data in (b"\x00", b"\x80", b"\x1b[2J"):
        with pytest.raises(BadReply):
            ascii_text(data)


def test_errors_learn_device_and_action() -> None:
    with pytest.raises(DeviceFault, match=r"^shelf: set temperature: too hot"), about("shelf", "set temperature"):
        raise DeviceFault("too hot")
    with pytest.raises(DeviceFault, match=r"^inner: "), about("shelf", "set temperature"):
        raise DeviceFault("too hot", device="inner")


def test_roles() -> None:
    check_role("shelf", ("circulator",), "circulator", {})
    for capability, options, channel in (("pump", {}, None), ("circulator", {"x": 1}, None), ("circulator", {}, 2)):
        with pytest.raises(ConfigError, match="shelf"):
            check_role("shelf", ("circulator",), capability, options, channel)
