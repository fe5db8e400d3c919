"""The electroporation station: a plate of wells with electrodes, a cold block, a pulser that sees one column at a time.

The eight wells of a column hang on one capacitor in parallel: together they are one cell of eight times the area, and
what the pulser logs is theirs. Each well then gets the same field, and loses or gains by its own composition.
`sim.physics.electroporation` does circuit, heating, arcs and loading.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from sim.config import Electroporation
from sim.ledger import Ledger
from sim.material import EV_DIAMETERS, INTACT, Material, aggregated, lysed, mix
from sim.physics import electroporation
from sim.physics.loading import aggregated as clumped
from sim.vessels import Vessel

ROWS = "ABCDEFGH"
BRIM = 160e-9  # m^3
WARMING = 600.0  # s, time constant of a plate towards its surroundings
CHILLING = 90.0  # s, on the cold block
OPEN = 1e6  # ohm
CHARGING = 3.0  # s from GO to the first pulse
BUBBLE = 0.25  # share of the gap that a bubble takes

Fired = tuple[float, float, float]
"""Volt, time constant s, load ohm."""


@dataclass
class Plate:
    """One plate: wells by name, where it stands, how warm it is."""

    barcode: str
    wells: dict[str, Vessel] = field(default_factory=dict)
    bubbles: frozenset[str] = frozenset()
    place: str = "deck"
    temperature: float = 22.0
    at: float = 0.0

    def well(self, name: str) -> Vessel:
        """The well `name`; ValueError when a plate has none of that name."""
        if name not in self.wells:
            raise ValueError(f"a plate has no well {name!r}")
        return self.wells[name]


@dataclass
class ElectroporationStation:
    """`column` is what the person has selected at the pulser."""

    config: Electroporation
    ledger: Ledger
    rng: Random
    plate: Plate | None = None
    column: int = 1
    probe: Vessel | None = None
    busy_until: float = 0.0  # s; the train under way ends then

    # -- people

    def place_plate(self, barcode: str, now: float) -> None:
        """A fresh plate on the deck; the old one is thrown away with what is in it."""
        if self.plate is not None:
            self.ledger.discard(mix(w.content for w in self.plate.wells.values()))
        columns = range(1, self.config.wells // len(ROWS) + 1)
        wells = {f"{row}{column}": Vessel(f"{row}{column}", BRIM) for column in columns for row in ROWS}
        bubbles = frozenset(name for name in wells if self.rng.random() < self.config.bubbles)
        self.plate = Plate(barcode, wells, bubbles, "deck", self.config.room, now)

    def chill(self, duration: float, now: float) -> float:
        """On the cold block for `duration`; the temperature a thermometer shows there, degC."""
        plate = self._plate()
        block = self.config.cold_block
        plate.temperature = block + (self.temperature(now) - block) * math.exp(-duration / CHILLING)
        plate.place, plate.at = "cold block", now + duration
        return plate.temperature

    def move(self, to: str, now: float) -> None:
        """The plate to another place."""
        plate = self._plate()
        plate.temperature, plate.at, plate.place = self.temperature(now), max(now, plate.at), to

    def temperature(self, now: float) -> float:
        """Of the plate, degC: it warms wherever it is not on the cold block."""
        plate = self._plate()
        if plate.place == "cold block":
            return plate.temperature
        room = self.config.room
        return room + (plate.temperature - room) * math.exp(-max(now - plate.at, 0.0) / WARMING)

    def well(self, name: str) -> Vessel:
        """A well of the plate that is there."""
        return self._plate().well(name)

    def conductivity(self) -> float:
        """What the probe stands in, S/m at 25 degC; air reads nothing."""
        return self.probe.content.conductivity if self.probe is not None else 0.0

    # -- pulser

    def fire(self, settings: electroporation.Settings, now: float) -> Sequence[Fired]:
        """GO: what the pulser measures pulse by pulse, and what happens in the wells of the column."""
        self.busy_until = now + CHARGING + max(settings.count - 1, 0) * settings.interval
        names = [f"{row}{self.column}" for row in ROWS]
        seated = self.plate is not None and self.plate.place == "electroporator"
        wells = [self.plate.wells[n] for n in names if n in self.plate.wells] if seated and self.plate else []
        filled = [well for well in wells if well.volume > 0.0]
        sample = self._together(filled, now) if filled else electroporation.Sample(0.0, 0.0)
        result = electroporation.pulse(settings, sample, self.rng)
        self.ledger.record(
            now,
            "pulse",
            column=self.column,
            wells=tuple(well.name for well in filled),
            voltage=settings.voltage,
            delivered=result.delivered,
            arc=result.arc,
        )
        for well in filled:
            well.content = _pulsed(well.content, settings, sample, result)
        if self.plate is not None and filled:
            # A column is a twelfth of the plate: the rest of it takes up the heat.
            self.plate.temperature, self.plate.at = self.temperature(now) + result.warming / 12.0, now
        return _log(settings, result)

    def _together(self, wells: Sequence[Vessel], now: float) -> electroporation.Sample:
        """All wells of a column as one cell."""
        content = mix(well.content for well in wells)
        temperature = self.temperature(now)
        vesicles = max(content.total(INTACT), 1.0)
        bubble = any(well.name in self._plate().bubbles for well in wells)
        return electroporation.Sample(
            volume=content.volume,
            conductivity=max(content.conductivity * (1.0 + 0.02 * (temperature - 25.0)), 1e-6),
            temperature=temperature,
            particles=content.total(INTACT) / content.volume,
            diameter=sum(EV_DIAMETERS[n] * content.amount(n) for n in INTACT) / vesicles or 100e-9,
            cargo=content.concentration("cargo_free"),
            trehalose=content.concentration("trehalose"),
            bubbles=BUBBLE if bubble else 0.0,
            block=temperature,
        )

    def contents(self) -> Iterator[Material]:
        """What is in the plate."""
        if self.plate is not None:
            yield from (well.content for well in self.plate.wells.values())

    def _plate(self) -> Plate:
        if self.plate is None:
            raise ValueError("there is no electroporation plate")
        return self.plate


def _pulsed(
    content: Material,
    settings: electroporation.Settings,
    sample: electroporation.Sample,
    result: electroporation.PulseResult,
) -> Material:
    """A well after the train: cargo inside, cargo that only looks so, vesicles clumped and ruptured."""
    if result.open_circuit:
        return content
    if result.arc:
        return lysed(content, 1.0)
    free = content.amount("cargo_free")
    content = content.moved("cargo_free", "cargo_protected", result.protected_loading * free)
    content = content.moved("cargo_free", "cargo_apparent", (result.apparent_loading - result.protected_loading) * free)
    clumps = min(clumped(sample.conductivity, result.warming, sample.trehalose), 1.0 - result.recovery)
    ruptured = max(1.0 - result.recovery - clumps, 0.0)
    content = lysed(content, ruptured)
    return aggregated(content, clumps / (1.0 - ruptured))


def _log(settings: electroporation.Settings, result: electroporation.PulseResult) -> list[Fired]:
    """What the instrument prints: with nothing between the plates only its own resistor discharges it."""
    if result.open_circuit:
        load = 1.0 / (1.0 / OPEN + 1.0 / settings.parallel)
        tau = load * settings.capacitance if settings.capacitance is not None else settings.length
        return [(settings.voltage, tau, load)] * settings.count
    good = (result.peak_voltage, result.time_constant, result.resistance)
    if not result.arc:
        return [good] * result.delivered
    sound = (settings.voltage, settings.length or result.resistance * (settings.capacitance or 0.0), result.resistance)
    return [sound] * (result.delivered - 1) + [good]
