"""All injectors by name, and what they work on: `(scene, settings) -> Effect`, called when its fault strikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sim.bench import Bench
from sim.faults.model import Level, Setting
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
LEVELS: dict[str, Level] = {}
NEEDED: dict[str, tuple[str, ...]] = {}
"""Settings that an injector cannot do without."""

HOST: Mapping[str, Mapping[str, str]] = {
    "disk.full": {"pages": ""}, "disk.broken": {}, "clock.step": {"seconds": "s"}, "alarm.flood": {"count": ""},
    "person.presses": {"command": TEXT, "count": ""},
}  # fmt: skip
"""Faults of the computer, done by whoever runs the controller."""
SETTINGS.update(HOST)
LEVELS.update(dict.fromkeys(HOST, Level.HOST))


def injector(level: Level, name: str, *needed: str, **settings: str) -> Callable[[Injector], Injector]:
    """Register a function as the injector `name` of `level` with the units of its settings and those it needs."""

    def register(function: Injector) -> Injector:
        INJECTORS[name], SETTINGS[name], LEVELS[name], NEEDED[name] = function, settings, level, needed
        return function

    return register


def number(settings: Settings, name: str, default: float) -> float:
    """The setting `name` as a number."""
    return float(settings.get(name, default))
