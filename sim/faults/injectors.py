"""All injectors by name, and what they work on: `(scene, settings) -> Effect`, called when its fault strikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sim.bench import Bench
from sim.faults.model import Setting
from sim.plant import Plant
from sim.sensing import Instrument
from sim.wire.faulty import Faulty

Settings = Mapping[str, Setting]


def _nothing() -> None:
    """A fault that nobody mends by itself."""


@dataclass(frozen=True)
class Effect:
    """What a fault does as time goes by (`tick` gets the seconds since it struck) and how it ends."""

    tick: Callable[[float], None] = lambda elapsed: None
    undo: Callable[[], None] = _nothing


ONCE = Effect()
"""All is done when it strikes."""


@dataclass(frozen=True)
class Scene:
    """What faults work on: the plant, its bench with one faulty wire an address, the time, and chance."""

    plant: Plant
    bench: Bench
    wires: Mapping[str, Faulty]
    now: Callable[[], float]
    rng: Random

    def emulator(self, address: str) -> Any:
        """The instrument at `address`, behind its wire."""
        return self.wires[address].emulator

    def sensor(self, name: str) -> Instrument:
        """The sensor called `name`."""
        return self.plant.sensors[name]


Injector = Callable[[Scene, Settings], Effect]
INJECTORS: dict[str, Injector] = {}
SETTINGS: dict[str, Mapping[str, str]] = {}
"""Units of the settings of every injector, by name; what is no number is `TEXT`."""
TEXT, ANY = "text", "the sensor's"

HOST: Mapping[str, Mapping[str, str]] = {
    "disk.full": {"pages": ""}, "disk.broken": {}, "clock.step": {"seconds": "s"}, "alarm.flood": {"count": ""},
    "person.presses": {"command": TEXT, "count": ""},
}  # fmt: skip
"""Faults of the computer, done by whoever runs the controller."""
SETTINGS.update(HOST)


def injector(name: str, **settings: str) -> Callable[[Injector], Injector]:
    """Register a function as the injector `name` with the units of its settings."""

    def register(function: Injector) -> Injector:
        INJECTORS[name], SETTINGS[name] = function, settings
        return function

    return register


def number(settings: Settings, name: str, default: float) -> float:
    """The setting `name` as a number."""
    return float(settings.get(name, default))
