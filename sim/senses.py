"""Every sensor of the line looking at the plant: the truth behind it, its data-sheet errors, its own noise.

One place for all: emulators put these readings on the wire, the direct line hands them to the phases as they are.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.plant import Plant
from sim.sensing import Instrument

Sensor = Callable[[], float]
AIR_NOISE = 500.0  # Pa, pressures of a loop that sucks air


class Senses:
    """Sensors by name, made when first asked for. `before_sec` runs before the SEC skid is looked at (valves that
    arrive between two readings)."""

    def __init__(self, plant: Plant) -> None:
        self.before_sec: Callable[[], None] = lambda: None
        self._plant = plant
        self._ripple = plant.random("tff.ripple")
        self._made: dict[str, Instrument] = {}
        tff, sec, dryer = plant.tff, plant.sec, plant.dryer
        self._truths: dict[str, Sensor] = {
            "tff.feed_pressure": self._tff(self._feed_pressure),
            "tff.retentate_pressure": self._tff(lambda at: tff.pressures(at)[1]),
            "tff.permeate_pressure": self._tff(lambda at: tff.pressures(at)[2]),
            "tff.pcd": lambda: tff.dome(plant.now()),
            "tff.retentate_balance": self._tff(tff.reservoir_mass),
            "tff.permeate_balance": self._tff(tff.permeate_mass),
            "tff.conductivity": self._tff(lambda at: tff.conductivity),
            "sec.pressure": self._sec(sec.pressure),
            "sec.uv": self._sec(sec.absorbance),
            "sec.conductivity": self._sec(sec.conductivity),
            "ep.conductivity": plant.station.conductivity,
            "lyo.pirani": self._dryer(lambda: dryer.chamber.pirani),
            "lyo.capacitance": self._dryer(lambda: dryer.chamber.pressure),
            "lyo.shelf": self._dryer(lambda: dryer.bath),
            "lyo.shelf_probe": self._dryer(lambda: dryer.shelf),
            "lyo.condenser": self._dryer(lambda: dryer.chamber.condenser),
            "lyo.product_centre": self._dryer(lambda: dryer.product(edge=False)),
            "lyo.product_edge": self._dryer(lambda: dryer.product(edge=True)),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """All sensors there are."""
        return tuple(self._truths)

    def __getitem__(self, name: str) -> Instrument:
        """The one instrument of that name: whoever reads it shares its lag and its noise."""
        if name not in self._made:
            self._made[name] = self._plant.sensor(name, self._truths[name])
        return self._made[name]

    def _feed_pressure(self, at: float) -> float:
        tff = self._plant.tff
        feed, retentate, _ = tff.pressures(at)
        # The rollers' beat is far faster than the readings: it looks like noise.
        noise = AIR_NOISE if tff.air else self._plant.config.tff.ripple * (feed - retentate) / 1.414
        return feed + self._ripple.gauss(0.0, noise) if noise > 0.0 else feed

    def _tff(self, read: Callable[[float], float]) -> Sensor:
        def sensor() -> float:
            at = self._plant.now()
            self._plant.tff.advance(at)
            return read(at)

        return sensor

    def _sec(self, read: Callable[[float], float]) -> Sensor:
        def sensor() -> float:
            self.before_sec()
            return read(self._plant.now())

        return sensor

    def _dryer(self, read: Sensor) -> Sensor:
        def sensor() -> float:
            self._plant.dryer.advance(self._plant.now())
            return read()

        return sensor
