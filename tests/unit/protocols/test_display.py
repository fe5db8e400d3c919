"""What people read of numbers in inside units."""

from __future__ import annotations

import pytest

from protocols.display import detail


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("cutoff", "4.98161720676e-22", "300 kDa"),
        ("area", "0.0235", "235 cm^2"),
        ("volume", "0.002", "2000 mL"),
        ("temperature", "4", "4 degC"),
        ("duration", "600", "10 min"),
        ("concentration", "0.02", "20 umol/L"),
        ("fibres", "30", "30"),
        ("barcode", "HF300-235", "HF300-235"),
        ("vials", "50", "50"),
    ],
)
def test_details_of_prompts_carry_units(name: str, value: str, shown: str) -> None:
    assert detail(name, value) == shown
