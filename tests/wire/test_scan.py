"""Scanning finds every instrument of the line by asking, and no question moves what it was not meant for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from devices import registry
from devices.scan import Port, Scanned, ask, askable
from devices.testing.counterpart import driver_name
from sim.bench import Bench, using
from sim.wire.emulator import WireSettings
from tests.conformance import counterparts
from vesiflow.clock import VirtualClock

ALIKE = {"uv_modbus": "eurotherm_modbus"}
"""Both are registers at unit 1."""
ON_SERIAL_LINES = [
    key for key in counterparts.COUNTERPARTS if driver_name(key) in askable() and key != "uv_modbus[tcp]"
]


@dataclass
class AtAnySettings:
    """An emulator that hears the host at whatever baud rate: as if all instruments had the same."""

    inner: Any
    settings: WireSettings = field(default_factory=lambda: WireSettings(None))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def scanned(emulator: Any, clock: VirtualClock, names: list[str]) -> Scanned:
    async def run() -> Scanned:
        with using(Bench({"port": emulator})):
            return await clock.spawn(ask(Port("sim://port"), names, clock), "scan")

    return asyncio.run(run())


@pytest.mark.parametrize("key", ON_SERIAL_LINES)
def test_every_instrument_is_found_by_its_own_driver(key: str) -> None:
    clock, name = VirtualClock(), driver_name(key)
    found = scanned(counterparts.COUNTERPARTS[key](clock).emulator, clock, askable())
    assert found.identity is not None and found.driver in (name, ALIKE.get(name))


@pytest.mark.parametrize("key", ON_SERIAL_LINES)
def test_no_question_of_another_driver_moves_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worlds: list[counterparts.World] = []

    class Watched(counterparts.World):
        def __post_init__(self) -> None:
            worlds.append(self)

    monkeypatch.setattr(counterparts, "World", Watched)
    clock = VirtualClock()
    emulator = AtAnySettings(counterparts.COUNTERPARTS[key](clock).emulator)
    before = [dict(world.acted) for world in worlds]
    scanned(emulator, clock, [name for name in askable() if name != driver_name(key)])
    assert [world.acted for world in worlds] == before


def test_silence_is_nobody() -> None:
    clock = VirtualClock()
    emulator = AtAnySettings(counterparts.COUNTERPARTS["keyence_bl1300"](clock).emulator)
    found = scanned(emulator, clock, ["vici_actuator", "sartorius_sbi"])
    assert (found.driver, found.identity, found.error) == ("", None, None)


def test_an_instrument_that_streams_at_another_baud_rate_is_silence() -> None:
    clock = VirtualClock()
    emulator = counterparts.COUNTERPARTS["atlas_ezo_ec"](clock).emulator
    assert scanned(emulator, clock, ["julabo"]).identity is None
    assert clock.now() < 10.0


def test_only_drivers_whose_instruments_say_who_they_are_ask() -> None:
    assert set(registry.names()) - set(askable()) == {"opentrons_http", "plr", "operator"}
