"""Electroporation loading in a plate: operations and the phases they become.

A field and a gap make a voltage on the instrument's scale; the window of accepted time constants follows from the
conductivity expected in the wells at the temperature they were chilled to, half and twice that value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

from protocols import phases
from protocols.fields import Strict, critical, inside, key, monitored
from protocols.operation import Expanded, OneOf, Operation, Site, scale
from protocols.pulses import at_temperature, instrument_step, load_resistance, sample_resistance
from protocols.stock import PLATE, Content, Stock, emptied, placed, poured
from protocols.units.common import MINUTE, Approve, Sample
from vesiflow.line_profile import Electroporation as Station
from vesiflow.quantities import (
    Capacitance,
    Conductivity,
    Duration,
    Field,
    Fraction,
    Length,
    Molarity,
    Resistance,
    Temperature,
    Volume,
)

PARTICLE_RECOVERY = 0.85
"""Typical share of particles that survives pulse and collection."""
CAPACITOR_TOLERANCE = 0.2
WELL_YIELD = 0.98
"""Share of a well that a tip brings back."""
ROOM = 25.0


class CheckConductivity(Operation):
    """Refuse a sample that would arc."""

    source: str = monitored("", "bottle that is measured")
    limit: Conductivity = critical("0.01..20 mS/cm", "salt conducts, heats and arcs")

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        yield phases.CheckConductivity(self.source, inside(self.limit, "S/m")), 3 * MINUTE


class Prepare(Operation):
    """The liquid handler puts sample and cargo into the wells."""

    source: str = monitored("", "bottle that is dispensed")
    cargo: str = monitored("", "what is loaded into the vesicles", default="siRNA")
    wells: int = key("1..96", "as many as the sample fills")
    sample_volume: Volume = key("10..400 uL", "sample in a well")
    cargo_volume: Volume = key("1..200 uL", "cargo stock in a well")
    cargo_stock: Molarity = critical("0.01..10000 umol/L", "decides how much a vesicle can take up")

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"wells": min(scale(self.wells, factor), 10_000)})

    def after(self, site: Site[Any]) -> Stock:
        volume = self.wells * inside(self.sample_volume, "m^3")
        bottle = site.holds(self.source)
        plate = bottle.part(volume).diluted(self.wells * inside(self.cargo_volume, "m^3"), "cargo")
        return placed(placed(site.stock, PLATE, plate), self.source, bottle.take(volume))

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        params = phases.PreparePlate(
            self.source,
            self.cargo,
            self.wells,
            inside(self.sample_volume, "m^3"),
            inside(self.cargo_volume, "m^3"),
            inside(self.cargo_stock, "mol/m^3"),
        )
        yield params, 10 * MINUTE + self.wells * 15.0


class Chill(Operation):
    """Plate on the cold block."""

    temperature: Temperature = critical("0..25 degC", "cold wells conduct less and heat less", default="4 degC")
    duration: Duration = key("1..60 min", "long enough for the wells to follow the block", default="10 min")

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        duration = inside(self.duration, "s")
        yield phases.Chill(inside(self.temperature, "degC"), duration), duration + 2 * MINUTE


class Pulse(Operation):
    """Pulse every column once; voltage and time constant are verified from the instrument's log."""

    shape: Literal["exponential", "square"] = critical("", "capacitor discharge or square", default="exponential")
    field: Field = critical("50..15000 V/cm", "nominal field, voltage over gap")
    count: int = critical("1..10", "pulses in a train; a discharge is given once", default=1)
    interval: Duration = key("0.1..10 s", "lets a train cool", default="1 s")
    width: Duration | None = critical("0.01..999 ms", "length of a square pulse", default=None)
    capacitance: Capacitance | None = critical("25..3275 uF", "capacitor of a discharge", default=None)
    resistance: Resistance | None = key("25..1575 ohm", "parallel resistor; none if not given", default=None)
    voltage_tolerance: Fraction = key("1..20 %", "accepted deviation of the logged voltage", default="5 %")

    def voltage(self, gap: float) -> float:
        """On the instrument's scale, V."""
        return instrument_step(inside(self.field, "V/m") * gap)

    def program(self, gap: float) -> phases.Pulse:
        """The pulse as the instrument is told."""
        square = self.shape == "square"
        return phases.Pulse(
            self.shape,
            self.voltage(gap),
            self.count,
            inside(self.interval, "s"),
            gap,
            inside(self.width, "s") if square and self.width is not None else 0.0,
            inside(self.capacitance, "F") if not square and self.capacitance is not None else 0.0,
            inside(self.resistance, "ohm") if self.resistance is not None else 0.0,
        )

    def window(self, site: Site[Electroporation], conductivity: float, volume: float) -> tuple[float, float]:
        """Accepted time constants, s: R C at twice and half the expected conductivity; a square has its width."""
        pulse = self.program(inside(site.procedure.gap, "m"))
        if self.shape == "square":
            return pulse.width * (1 - CAPACITOR_TOLERANCE), pulse.width * (1 + CAPACITOR_TOLERANCE)
        ends = []
        for sigma, tolerance in ((2 * conductivity, -CAPACITOR_TOLERANCE), (conductivity / 2, CAPACITOR_TOLERANCE)):
            sample = sample_resistance(sigma, pulse.gap, volume, station(site).wells_per_pulse)
            ends.append(load_resistance(sample, pulse.resistance) * pulse.capacitance * (1 + tolerance))
        return ends[0], ends[1]

    def after(self, site: Site[Any]) -> Stock:
        plate = site.holds(PLATE)
        hurt = Content(plate.volume, plate.particles * PARTICLE_RECOVERY, plate.protein, plate.liquids)
        return placed(site.stock, PLATE, hurt)

    def expand(self, site: Site[Electroporation]) -> Iterable[Expanded]:
        procedure, plate = site.procedure, site.holds(PLATE)
        wells, together = procedure.wells, station(site).wells_per_pulse
        conductivity = max(at_temperature(plate.conductivity, procedure.temperature), 1e-4)
        low, high = self.window(site, conductivity, plate.volume / wells if wells and plate.volume else 1e-7)
        tolerance = inside(self.voltage_tolerance, "")
        pulse = self.program(inside(procedure.gap, "m"))
        params = phases.PulsePlate(pulse, wells, together, tolerance, low, high)
        columns = -(-wells // together)
        yield params, 3 * MINUTE + columns * (20.0 + self.count * inside(self.interval, "s"))


class Rest(Operation):
    """Leave the plate for the membranes to close."""

    temperature: Temperature = key("0..40 degC", "warm enough to reseal", default="25 degC")
    duration: Duration = key("1..240 min", "time to reseal", default="30 min")
    max_duration: Duration | None = key("1..480 min", "aggregation goes on; twice the time if not given", default=None)

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        duration = inside(self.duration, "s")
        longest = 2 * duration if self.max_duration is None else inside(self.max_duration, "s")
        yield phases.Rest(inside(self.temperature, "degC"), duration, longest), duration


class Collect(Operation):
    """The liquid handler pools the wells into a bottle."""

    product: str = monitored("", "bottle that takes the wells")

    def after(self, site: Site[Any]) -> Stock:
        plate = site.holds(PLATE)
        return emptied(poured(site.stock, self.product, plate.part(WELL_YIELD * plate.volume)), PLATE)

    def expand(self, site: Site[Electroporation]) -> Iterable[Expanded]:
        wells, volume = site.procedure.wells, float(f"{WELL_YIELD * site.holds(PLATE).volume:.9g}")
        yield phases.CollectPlate(self.product, wells, volume), 5 * MINUTE + wells * 10.0


class ElectroporationOperation(OneOf):
    """One operation of an electroporation unit procedure."""

    check_conductivity: CheckConductivity | None = None
    prepare: Prepare | None = None
    chill: Chill | None = None
    pulse: Pulse | None = None
    rest: Rest | None = None
    collect: Collect | None = None
    sample: Sample | None = None
    approve: Approve | None = None


class Electroporation(Strict):
    """Loading of one plate."""

    name: str = monitored("", "what this unit procedure is for", default="loading")
    gap: Length = critical("1..4 mm", "electrode gap of the plate", default="2 mm")
    operations: tuple[ElectroporationOperation, ...]

    @property
    def wells(self) -> int:
        """Wells that are prepared."""
        return sum(op.prepare.wells for op in self.operations if op.prepare)

    @property
    def temperature(self) -> float:
        """What the plate is chilled to, degC; room temperature when it is not."""
        chills = [op.chill for op in self.operations if op.chill]
        return inside(chills[-1].temperature, "degC") if chills else ROOM


def station(site: Site[Any]) -> Station:
    """The line's electroporator; ConfigError when the line has none."""
    if site.profile.electroporation is None:
        raise site.missing("electroporation")
    return site.profile.electroporation
