"""Size-exclusion chromatography: operations and the phases they become.

Volumes are written in column volumes (CV) and speeds as linear velocity (cm/h), so that a recipe fits another
column; the bed of the line makes litres and flows of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from protocols import phases
from protocols.fields import Strict, critical, inside, key, monitored
from protocols.operation import Expanded, OneOf, Operation, Site, scale
from protocols.stock import COLUMN, TUBES, Content, Stock, emptied, placed, poured
from protocols.units.common import MINUTE, Approve, Sample
from vesiflow.line_profile import SecSkid
from vesiflow.quantities import Absorbance, Fraction, Length, Pressure, Velocity, Volume

PARTICLE_RECOVERY = 0.9
"""Typical share of the particles that leaves a conditioned column in the pool."""
PROTEIN_LEFT = 0.02
"""Typical share of soluble protein that leaves with the particles."""
SPREAD = 0.06
"""What dispersion adds to the injected volume, in column volumes."""


class Column(Strict):
    """The bed the recipe was written for; the line must have one of this size."""

    diameter: Length = critical("5..300 mm", "sets the flow at a given velocity")
    length: Length = critical("20..1000 mm", "sets resolution and back pressure")


class Flowing(Operation):
    """What every pumping operation may set for itself; else the unit procedure's value holds."""

    velocity: Velocity | None = key("1..150 cm/h", "slower is sharper, faster is shorter", default=None)

    def flow(self, site: Site[Sec]) -> float:
        """m^3/s on the line's column."""
        velocity = site.procedure.velocity if self.velocity is None else self.velocity
        column = bed(site)
        return inside(velocity, "m/s") * column.column_volume / column.column_length


class Equilibrate(Flowing):
    """Run buffer through the column until conductivity and UV are flat."""

    buffer: str = critical("", "what the particles leave the column in")
    volumes: float = key("0.5..10", "column volumes, at most what is needed to a flat baseline", default=2.0)

    def after(self, site: Site[Sec]) -> Stock:
        return placed(site.stock, COLUMN, Content(0.0, liquids={self.buffer: 1.0}))

    def expand(self, site: Site[Sec]) -> Iterable[Expanded]:
        volume, flow = self.volumes * bed(site).column_volume, self.flow(site)
        yield phases.Equilibrate(self.buffer, volume, flow, _pressure(site)), volume / flow


class Inject(Flowing):
    """Load a bottle into the sample loop and switch it onto the column."""

    source: str = monitored("", "bottle that is loaded")
    volume: Volume | None = critical("0.01..500 mL", "at most; the whole bottle if not given", default=None)

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"volume": scale(self.volume, factor)})

    def amount(self, site: Site[Any]) -> float:
        """m^3."""
        return inside(self.volume, "m^3") if self.volume is not None else site.holds(self.source).volume

    def after(self, site: Site[Any]) -> Stock:
        bottle, amount = site.holds(self.source), self.amount(site)
        column, part = site.holds(COLUMN), bottle.part(amount)
        loaded = Content(part.volume, part.particles, part.protein, column.liquids or part.liquids)
        return placed(placed(site.stock, COLUMN, loaded), self.source, bottle.take(amount))

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        yield phases.Inject(self.source, self.amount(site), self.flow(site)), 10 * MINUTE


class Elute(Flowing):
    """Elute and collect a window in fractions."""

    volumes: float = key("0.5..5", "column volumes after injection, until the small molecules are out", default=1.5)
    collect_from: float = critical("0.1..2", "column volumes after injection: before the void volume", default=0.28)
    collect_to: float = critical("0.1..2", "column volumes after injection: before the proteins", default=0.5)
    fraction: Volume = key("0.1..50 mL", "small enough to cut, large enough for the tubes")
    uv_threshold: Absorbance = key("0.5..500 mAU", "what counts as a peak above the baseline", default="2 mAU")

    def fractions(self, column: SecSkid) -> int:
        """Tubes the window fills."""
        window = (self.collect_to - self.collect_from) * column.column_volume
        return -int(-window / inside(self.fraction, "m^3") // 1)

    def after(self, site: Site[Sec]) -> Stock:
        loaded = site.holds(COLUMN)
        volume = loaded.volume + SPREAD * bed(site).column_volume
        pool = Content(volume, loaded.particles * PARTICLE_RECOVERY, loaded.protein * PROTEIN_LEFT, loaded.liquids)
        return placed(placed(site.stock, TUBES, pool), COLUMN, Content(0.0, liquids=loaded.liquids))

    def expand(self, site: Site[Sec]) -> Iterable[Expanded]:
        bed_volume, flow = bed(site).column_volume, self.flow(site)
        params = phases.Elute(
            self.volumes * bed_volume,
            flow,
            _pressure(site),
            self.collect_from * bed_volume,
            self.collect_to * bed_volume,
            inside(self.fraction, "m^3"),
            inside(self.uv_threshold, "AU"),
        )
        yield params, self.volumes * bed_volume / flow


class Pool(Operation):
    """Pour the fractions that pass the rule into one bottle."""

    product: str = monitored("", "bottle that takes the pool")
    peak_share: Fraction = critical("1..95 %", "a fraction below this share of the peak is left out", default="20 %")
    max_volume: Volume = key("0.1..2000 mL", "what the next step can take")

    def after(self, site: Site[Any]) -> Stock:
        pool = site.holds(TUBES)
        volume = min(pool.volume, inside(self.max_volume, "m^3"))
        kept = Content(volume, pool.particles, pool.protein, pool.liquids)
        return emptied(poured(site.stock, self.product, kept), TUBES)

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        share, most = inside(self.peak_share, ""), inside(self.max_volume, "m^3")
        yield phases.PoolFractions(self.product, share, most), 10 * MINUTE


class Wash(Flowing):
    """Run a cleaning or storage solution through the column."""

    agent: str = monitored("", "cleaning agent, buffer or storage solution")
    volumes: float = key("0.2..10", "column volumes", default=1.0)

    def after(self, site: Site[Any]) -> Stock:
        return placed(site.stock, COLUMN, Content(0.0, liquids={self.agent: 1.0}))

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        volume, flow = self.volumes * bed(site).column_volume, self.flow(site)
        yield phases.WashColumn(self.agent, volume, flow, _pressure(site)), volume / flow


class SecOperation(OneOf):
    """One operation of a SEC unit procedure."""

    equilibrate: Equilibrate | None = None
    inject: Inject | None = None
    elute: Elute | None = None
    pool: Pool | None = None
    wash: Wash | None = None
    sample: Sample | None = None
    approve: Approve | None = None


class Sec(Strict):
    """A size-exclusion run on the line's column."""

    name: str = monitored("", "what this unit procedure is for", default="polish")
    column: Column | None = None
    velocity: Velocity = key("1..150 cm/h", "linear velocity unless an operation says otherwise", default="30 cm/h")
    max_pressure: Pressure = critical("0.05..20 bar", "a soft bed compresses above it", default="3 bar")
    operations: tuple[SecOperation, ...]


def bed(site: Site[Any]) -> SecSkid:
    """The line's column; ConfigError when the line has none."""
    if site.profile.sec is None:
        raise site.missing("SEC")
    return site.profile.sec


def _pressure(site: Site[Sec]) -> float:
    return inside(site.procedure.max_pressure, "Pa")
