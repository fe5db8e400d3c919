"""Freeze-drying: operations and the phases they become.

The critical temperature of primary drying follows from the formulation (collapse temperature of its cake) unless the
recipe gives one; durations come from ramps and from the quasi-steady vial of `protocols.drying`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Self

from protocols import phases
from protocols.drying import Drying, Vial, primary_drying
from protocols.fields import DIFFERENCE, PRESSURE_RISE, Strict, critical, inside, key, monitored
from protocols.materials import LIQUIDS
from protocols.operation import Expanded, OneOf, Operation, Site, scale
from protocols.stock import VIALS, Content, Stock, placed, poured
from protocols.units.common import MINUTE, Approve, Sample
from vesiflow.line_profile import FreezeDryer
from vesiflow.quantities import Duration, ParticleConcentration, Quantity, Ramp, Temperature, Vacuum, Volume

SOLUTION_COLLAPSE = -45.0
ROOM = 20.0
FILLABLE = 0.99
"""Share of the bulk that gets into vials."""


class Formulate(Operation):
    """Dilute with formulation buffer to a particle concentration, by the last particle count."""

    source: str = monitored("", "bottle that is diluted")
    product: str = monitored("", "bottle that takes the bulk")
    buffer: str = critical("", "its sugar holds the vesicles in the dry state")
    concentration: ParticleConcentration = critical("1e8..1e13 1/mL", "particles a vial")
    max_volume: Volume = key("0.5..5000 mL", "what the vials and the deck can take")

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"max_volume": scale(self.max_volume, factor)})

    def bulk(self, site: Site[Any]) -> float:
        """Expected volume, m^3."""
        bottle, most = site.holds(self.source), inside(self.max_volume, "m^3")
        wanted = bottle.particles / inside(self.concentration, "1/m^3")
        return max(min(wanted, most), bottle.volume) if wanted else most

    def after(self, site: Site[Any]) -> Stock:
        bottle = site.holds(self.source)
        bulk = bottle.diluted(self.bulk(site) - bottle.volume, self.buffer)
        return placed(placed(site.stock, self.product, bulk), self.source, bottle.take(bottle.volume))

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        concentration, most = inside(self.concentration, "1/m^3"), inside(self.max_volume, "m^3")
        yield phases.Formulate(self.source, self.product, self.buffer, concentration, most), 15 * MINUTE


class Fill(Operation):
    """The liquid handler fills vials."""

    source: str = monitored("", "bottle that is filled from")
    vials: int = key("1..2000", "at most; as many as the bulk fills")
    fill_volume: Volume = critical("0.1..10 mL", "height of the cake: drying time goes with its square")

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"vials": scale(self.vials, factor)})

    def expected(self, site: Site[Any]) -> int:
        """Vials the bulk is expected to fill."""
        bulk = FILLABLE * site.holds(self.source).volume
        return min(int(bulk / inside(self.fill_volume, "m^3") + 1e-9), self.vials)

    def after(self, site: Site[Any]) -> Stock:
        bottle, volume = site.holds(self.source), self.expected(site) * inside(self.fill_volume, "m^3")
        return poured(placed(site.stock, self.source, bottle.take(volume)), VIALS, bottle.part(volume))

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        params = phases.FillVials(self.source, self.vials, inside(self.fill_volume, "m^3"))
        yield params, 10 * MINUTE + self.vials * 20.0


class Load(Operation):
    """The operator half-stoppers the vials, loads the shelf and closes the door."""

    def expand(self, site: Site[Lyophilization]) -> Iterable[Expanded]:
        yield phases.LoadVials(site.procedure.vials), 20 * MINUTE


class Ramped(Operation):
    """A shelf programme."""

    temperature: Temperature = critical("-55..60 degC", "shelf temperature at the end of the ramp")
    ramp: Ramp = key("0.02..2 K/min", "how fast the shelf moves", default="0.5 K/min")

    def target(self) -> tuple[float, float]:
        """Shelf degC and ramp K/s."""
        return inside(self.temperature, "degC"), inside(self.ramp, "K/s")

    def ramping(self, start: float) -> float:
        """Time from `start` degC, s."""
        temperature, ramp = self.target()
        return abs(temperature - start) / ramp


class Freeze(Ramped):
    """Shelf down, hold until every vial is solid."""

    duration: Duration = critical("10..1440 min", "hold at the end of the ramp", default="2 h")

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        duration = inside(self.duration, "s")
        yield phases.Freeze(*self.target(), duration), self.ramping(ROOM) + duration


class Anneal(Ramped):
    """Shelf up between glass transition and melting, so that ice crystals grow; then back."""

    duration: Duration = key("10..1440 min", "larger crystals dry faster", default="2 h")

    def expand(self, site: Site[Lyophilization]) -> Iterable[Expanded]:
        back, duration = site.procedure.frozen_at, inside(self.duration, "s")
        yield phases.Anneal(*self.target(), duration, back), 2 * self.ramping(back) + duration


class Evacuate(Operation):
    """Condenser cold, then the chamber down to pressure."""

    pressure: Vacuum = critical("10..1000 mTorr", "chamber pressure")
    condenser: Temperature = key("-90..-30 degC", "colder than the ice by 20 K and more", default="-50 degC")
    max_duration: Duration = monitored("5..240 min", "a leak takes longer", default="90 min")

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        pressure, condenser = inside(self.pressure, "Pa"), inside(self.condenser, "degC")
        yield phases.Evacuate(pressure, condenser, inside(self.max_duration, "s")), 30 * MINUTE


class PrimaryDrying(Ramped):
    """Sublime the ice below collapse; ends when Pirani and capacitance gauge agree for the soak."""

    pressure: Vacuum = critical("10..1000 mTorr", "chamber pressure")
    ratio: float = critical("1.01..1.5", "Pirani over capacitance gauge at the end", default=1.1)
    soak: Duration = critical("0..720 min", "how long they must agree: the last vials", default="30 min")
    min_duration: Duration = key("0..200 h", "no end before", default="1 h")
    max_duration: Duration = key("1..240 h", "held for a decision after", default="60 h")
    margin: Annotated[Quantity, DIFFERENCE] = critical("0..20 K", "kept below collapse", default="2 K")
    critical_temperature: Temperature | None = critical(
        "-60..10 degC", "collapse of the cake; from the formulation if not given", default=None
    )

    def collapse(self, site: Site[Any]) -> float:
        """Critical product temperature, degC: given, or of the liquids in the vials."""
        if self.critical_temperature is not None:
            return inside(self.critical_temperature, "degC")
        return collapse_temperature(site.holds(VIALS))

    def estimate(self, site: Site[Lyophilization]) -> Drying | None:
        """Quasi-steady drying of one vial; None when nothing sublimes."""
        vial = Vial.of(dryer(site).vial_area, site.procedure.fill_volume, solids(site.holds(VIALS)))
        return primary_drying(vial, inside(self.temperature, "degC"), inside(self.pressure, "Pa"))

    def expand(self, site: Site[Lyophilization]) -> Iterable[Expanded]:
        shortest, longest = inside(self.min_duration, "s"), inside(self.max_duration, "s")
        estimate, soak = self.estimate(site), inside(self.soak, "s")
        drying = estimate.duration if estimate else longest
        params = phases.PrimaryDrying(
            *self.target(),
            inside(self.pressure, "Pa"),
            self.ratio,
            soak,
            shortest,
            longest,
            self.collapse(site),
            inside(self.margin, "K"),
        )
        ramping = self.ramping(site.procedure.frozen_at)
        yield params, min(max(ramping + drying + soak, shortest), longest)


class SecondaryDrying(Ramped):
    """Warm slowly, desorb; a pressure-rise test shows that it is dry."""

    ramp: Ramp = critical("0.02..1 K/min", "slower than the glass transition rises", default="0.1 K/min")
    pressure: Vacuum = key("10..1000 mTorr", "chamber pressure")
    duration: Duration = critical("0.5..100 h", "residual moisture", default="6 h")
    max_rise: Annotated[Quantity, PRESSURE_RISE] = key(
        "0.1..100 mTorr/min", "pressure rise of the isolated chamber", default="10 mTorr/min"
    )

    def expand(self, site: Site[Lyophilization]) -> Iterable[Expanded]:
        pressure, duration = inside(self.pressure, "Pa"), inside(self.duration, "s")
        rise = inside(self.max_rise, "Pa/s")
        ramping = self.ramping(site.procedure.dried_at)
        yield phases.SecondaryDrying(*self.target(), pressure, duration, rise), ramping + duration + 5 * MINUTE


class Backfill(Operation):
    """Dry nitrogen into the isolated chamber."""

    pressure: Vacuum = key("10000..101325 Pa", "partial vacuum pulls the stoppers in", default="80 kPa")

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        yield phases.Backfill(inside(self.pressure, "Pa")), 5 * MINUTE


class Stopper(Operation):
    """The operator closes the stoppers and confirms the count."""

    def expand(self, site: Site[Lyophilization]) -> Iterable[Expanded]:
        yield phases.Stopper(site.procedure.vials), 5 * MINUTE


class Unload(Operation):
    """Vent, warm the shelf, unload and count."""

    temperature: Temperature = monitored("0..30 degC", "above the dew point of the room", default="20 degC")

    def expand(self, site: Site[Lyophilization]) -> Iterable[Expanded]:
        yield phases.UnloadVials(site.procedure.vials, inside(self.temperature, "degC")), 30 * MINUTE


class LyophilizationOperation(OneOf):
    """One operation of a freeze-drying unit procedure."""

    formulate: Formulate | None = None
    fill: Fill | None = None
    load: Load | None = None
    freeze: Freeze | None = None
    anneal: Anneal | None = None
    evacuate: Evacuate | None = None
    primary_drying: PrimaryDrying | None = None
    secondary_drying: SecondaryDrying | None = None
    backfill: Backfill | None = None
    stopper: Stopper | None = None
    unload: Unload | None = None
    sample: Sample | None = None
    approve: Approve | None = None


class Lyophilization(Strict):
    """Freeze-drying of one load."""

    name: str = monitored("", "what this unit procedure is for", default="freeze-drying")
    operations: tuple[LyophilizationOperation, ...]

    @property
    def vials(self) -> int:
        """Vials that are filled."""
        return sum(op.fill.vials for op in self.operations if op.fill)

    @property
    def fill_volume(self) -> float:
        """Of one vial, m^3."""
        return next((inside(op.fill.fill_volume, "m^3") for op in self.operations if op.fill), 0.0)

    @property
    def frozen_at(self) -> float:
        """Shelf at the end of freezing, degC."""
        return next((op.freeze.target()[0] for op in self.operations if op.freeze), ROOM)

    @property
    def dried_at(self) -> float:
        """Shelf at the end of primary drying, degC."""
        found = [op.primary_drying.target()[0] for op in self.operations if op.primary_drying]
        return found[-1] if found else self.frozen_at


def dryer(site: Site[Any]) -> FreezeDryer:
    """The line's freeze-dryer; ConfigError when the line has none."""
    if site.profile.lyophilization is None:
        raise site.missing("lyophilization")
    return site.profile.lyophilization


def solids(content: Content) -> float:
    """Dissolved solids, kg/m^3."""
    return sum(share * LIQUIDS.get(name, LIQUIDS["PBS"]).solids for name, share in content.liquids.items())


def collapse_temperature(content: Content) -> float:
    """Of the freeze-dried cake, degC: the liquids' own, weighed by their solids; salts pull it down."""
    return _weighed(content, "collapse")


def glass_temperature(content: Content) -> float:
    """Of the freeze concentrate (Tg'), degC, weighed like `collapse_temperature`."""
    return _weighed(content, "glass")


def _weighed(content: Content, name: str) -> float:
    known = {liquid: LIQUIDS.get(liquid, LIQUIDS["PBS"]) for liquid in content.liquids}
    total = solids(content)
    if total <= 0:
        return SOLUTION_COLLAPSE
    parts = (share * known[liquid].solids * getattr(known[liquid], name) for liquid, share in content.liquids.items())
    return round(float(sum(parts)) / total, 2)
