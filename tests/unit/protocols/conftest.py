"""A line to check and resolve recipes against: the volumes of a small bench, SI."""

from __future__ import annotations

import pytest

from vesiflow.line_profile import Deck, Electroporation, FreezeDryer, Limits, LineProfile, SecSkid, TffSkid

ML_MIN = 1e-6 / 60

ROLES: dict[str, Limits] = {
    "tff.feed_pump": {"flow": (0.0, 300 * ML_MIN)},
    "tff.permeate_pump": {"flow": (0.0, 35 * ML_MIN)},
    "tff.buffer_pump": {"flow": (0.0, 35 * ML_MIN)},
    "tff.recovery_pump": {"flow": (0.0, 35 * ML_MIN)},
    "tff.pressures": {},
    "tff.retentate_pressure": {"pressure": (0.0, 200e3)},
    "tff.retentate_balance": {},
    "tff.permeate_balance": {},
    "tff.conductivity": {},
    "sec.pump": {"flow": (0.0, 12 * ML_MIN), "pressure": (0.0, 10e5)},
    "sec.injection_valve": {},
    "sec.selector_valve": {},
    "sec.conductivity": {},
    "sec.uv": {},
    "sec.collector": {},
    "electroporation.electroporator": {"voltage": (5.0, 500.0)},
    "electroporation.conductivity": {},
    "electroporation.liquid_handler": {},
    "lyophilization.shelf": {"temperature": (-55.0, 60.0)},
    "lyophilization.vacuum": {"pressure": (1.0, 110e3)},
    "lyophilization.condenser": {},
    "lyophilization.product_centre": {},
    "lyophilization.product_edge": {},
    "lyophilization.liquid_handler": {},
    "line.operator": {},
}

BENCH = LineProfile(
    name="bench",
    roles=ROLES,
    tff=TffSkid(reservoir=2.5e-3, hold_up=6e-6, permeate_vessel=5e-3, buffer_vessel=5e-3),
    sec=SecSkid(
        column_length=0.25,
        column_diameter=0.05,
        max_pressure=3e5,
        sample_loop=30e-6,
        tubes=80,
        tube_volume=10e-6,
        dead_volume=2e-7,
        load_fraction=0.05,
    ),
    electroporation=Electroporation(
        wells=96, wells_per_pulse=8, well_min=50e-9, well_max=150e-9, gap=2e-3, max_voltage=500.0
    ),
    lyophilization=FreezeDryer(
        places=60,
        shelf_min=-50.0,
        shelf_max=60.0,
        max_ramp=1 / 60,
        min_pressure=2.0,
        condenser_capacity=6.0,
        vial_area=3.14e-4,
        vial_volume=6e-6,
    ),
    deck=Deck(tips=400, reservoirs={"sample": 15e-6, "bulk": 150e-6, "buffer": 200e-6, "cargo": 2e-6}),
)


@pytest.fixture(scope="session")
def bench() -> LineProfile:
    """The line."""
    return BENCH
