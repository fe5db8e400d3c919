"""Our own drivers against our own emulators."""

from __future__ import annotations

from devices.testing.counterpart import Make
from tests.conformance.counterparts import COUNTERPARTS


def pytest_vesiflow_counterparts() -> dict[str, Make]:
    """All of them."""
    return COUNTERPARTS
