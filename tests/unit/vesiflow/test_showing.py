"""Numbers as people write and read them."""

from __future__ import annotations

import pytest

from vesiflow.quantities import SPEED, convert, parse, show


def test_a_turn_is_a_turn_and_not_an_angle() -> None:
    """pint's rpm counts radians: 500 rpm would be 52 1/s."""
    assert parse("500 rpm", "1/s") == pytest.approx(500 / 60)
    assert convert(1.0, "1/s", "rpm") == pytest.approx(60.0)
    assert show(500 / 60, SPEED.unit, SPEED.display) == "500 rpm"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-1e-12, 4, "-1e-12 Pa"), (-0.0, 4, "0 Pa"), (-0.00001, 4, "-1e-05 Pa"), (1234.56789, 9, "1234.56789 Pa"),
     (1234.56789, 4, "1235 Pa"), (1.0, 4, "1 Pa")],
)  # fmt: skip
def test_digits_and_zero(value: float, digits: int, text: str) -> None:
    assert show(value, "Pa", digits=digits) == text
