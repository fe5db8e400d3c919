"""Every registered driver through the conformance kit."""

from __future__ import annotations

from devices import registry
from devices.testing.conformance import *  # noqa: F403
from devices.testing.counterpart import driver_name
from tests.conformance.counterparts import COUNTERPARTS


def test_every_driver_of_ours_has_a_counterpart() -> None:
    ours = {name for name in registry.names() if registry.load(name).__module__.startswith("devices.drivers.")}
    assert ours == {driver_name(key) for key in COUNTERPARTS}
