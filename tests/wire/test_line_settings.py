"""An instrument hears nothing from a host at another baud rate, word or parity; at its own every driver connects."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from devices import registry
from devices.line_file import InstrumentSpec
from devices.open_line import open_instrument
from devices.testing.counterpart import driver_name
from sim.bench import Bench, using
from tests.conformance.counterparts import COUNTERPARTS
from vesiflow.clock import VirtualClock
from vesiflow.errors import NoReply

ON_A_LINE = [
    key for key, make in COUNTERPARTS.items() if make(VirtualClock()).emulator.settings.baudrate and "tcp" not in key
]


def connected(key: str, **changed: Any) -> str:
    """The vendor that answers the driver at its own line settings, some of them changed."""
    clock = VirtualClock()
    counterpart = COUNTERPARTS[key](clock)
    driver = registry.load(driver_name(key))
    options = driver.options.model_validate(dict(counterpart.options))
    spec = InstrumentSpec(key, key, driver, "sim://port", options, replace(driver.settings, **changed))

    async def run() -> str:
        with using(Bench({"port": counterpart.emulator})):  # type: ignore[dict-item]
            instrument = await clock.spawn(open_instrument(spec, clock), "open")
            await instrument.close()
            return instrument.identity.vendor

    return asyncio.run(run())


def test_most_instruments_have_a_line() -> None:
    assert len(ON_A_LINE) >= 18


@pytest.mark.parametrize("key", ON_A_LINE)
def test_only_its_own_settings_are_understood(key: str) -> None:
    own = registry.load(driver_name(key)).settings
    assert connected(key)
    for changed in (
        {"baudrate": 2400 if own.baudrate != 2400 else 4800},
        {"parity": "O"},
        {"bytesize": 7 if own.bytesize == 8 else 8},
        {"stopbits": 2 if own.stopbits == 1 else 1},
    ):
        with pytest.raises(NoReply):
            connected(key, **changed)
