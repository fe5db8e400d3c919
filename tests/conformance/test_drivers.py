"""Every registered driver through the conformance kit."""

from __future__ import annotations

from devices import registry
from devices.testing.conformance import *  # noqa: F403
from devices.testing.counterpart import driver_name
from tests.conformance.counterparts import COUNTERPARTS


def test_every_driver_of_ours_has_a_counterpart() -> None:
    ours = {name: registry.load(name) for name in registry.names()}
    ours = {name: driver for name, driver in ours.items() if driver.__module__.startswith("devices.drivers.")}
    on_a_wire = {name for name, driver in ours.items() if getattr(driver, "speaks", "serial") == "serial"}
    assert on_a_wire == {driver_name(key) for key in COUNTERPARTS}
