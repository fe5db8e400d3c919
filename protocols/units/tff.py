"""Tangential flow filtration: membrane, operations and the phases they become.

Shear becomes feed flow by gamma = 4 Q/(n pi r^3); the length of the fibres follows from the area when it is not
given. Durations are volumes over expected permeate flows, an estimate for people: the line ends by mass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any, Self

from protocols import phases
from protocols.fields import PERMEABILITY, Strict, critical, inside, key, monitored
from protocols.operation import Expanded, OneOf, Operation, Site, scale
from protocols.stock import RESERVOIR, Content, Stock, emptied, placed, poured
from protocols.units.common import MINUTE, Approve, Sample
from vesiflow.quantities import Area, Cutoff, Duration, Flux, Fraction, Length, Pressure, Quantity, Shear, Volume

GEL_CONCENTRATION = 150.0  # kg/m^3, soluble protein
MASS_TRANSFER = 20 / 3.6e6  # m/s, hollow fibre at 4000 1/s
SLOW = 30e-6 / 60  # m^3/s, a pump nobody described
PERMEABILITY_PER_KDA = 0.5  # LMH/bar and kDa a used-but-good module still has; new ones have several times as much


class Membrane(Strict):
    """A hollow-fibre module."""

    cutoff: Cutoff = critical("10..1000 kDa", "decides which species leave with the permeate")
    area: Area = key("10..5000 cm^2", "sets the permeate flow at a given flux")
    fibres: int = key("1..2000", "shares the feed flow: shear follows")
    lumen: Length = critical("0.2..2 mm", "inner diameter of a fibre: shear goes with its third power")
    length: Length | None = monitored("5..200 cm", "effective fibre length, computed from the area", default=None)
    max_shear: Shear = critical("1000..12000 1/s", "above it vesicles are lost at every pass", default="6000 1/s")
    max_tmp: Pressure = critical("0.5..30 psi", "above it the gel layer compacts", default="5 psi")
    barcode: str | None = monitored("", "what the operator must scan; HF<kDa>-<cm2> if not given", default=None)

    @property
    def fibre_length(self) -> float:
        """Given or computed length, m: A = n pi d L."""
        if self.length is not None:
            return inside(self.length, "m")
        return inside(self.area, "m^2") / (self.fibres * math.pi * inside(self.lumen, "m"))

    def flow(self, shear: float) -> float:
        """Feed flow m^3/s that gives wall shear 1/s."""
        return shear * self.fibres * math.pi * (inside(self.lumen, "m") / 2) ** 3 / 4

    @property
    def lumen_volume(self) -> float:
        """Volume inside the fibres, m^3."""
        return self.fibres * math.pi * (inside(self.lumen, "m") / 2) ** 2 * self.fibre_length

    @property
    def min_permeability(self) -> float:
        """Water permeability m/s/Pa below which a module of this cut-off is not fit for use."""
        return PERMEABILITY_PER_KDA * inside(self.cutoff, "kDa") / 3.6e11

    @property
    def label(self) -> str:
        """The barcode, by default from cut-off and area."""
        return self.barcode or f"HF{inside(self.cutoff, 'kDa'):g}-{inside(self.area, 'cm^2'):g}"

    def resolved(self) -> phases.Membrane:
        """In inside units."""
        return phases.Membrane(
            inside(self.cutoff, "kg"),
            inside(self.area, "m^2"),
            self.fibres,
            inside(self.lumen, "m"),
            self.fibre_length,
            inside(self.max_shear, "1/s"),
            inside(self.max_tmp, "Pa"),
            self.label,
        )


class Filtration(Operation):
    """What every filtering operation may set for itself; else the unit procedure's value holds."""

    shear: Shear | None = critical("300..8000 1/s", "wall shear sweeps the gel layer and breaks vesicles", default=None)
    tmp: Pressure | None = critical("0.3..20 psi", "drives the permeate and compacts the gel layer", default=None)
    max_flux: Flux | None = key("1..150 LMH", "keeps the flux below the gel-limited one", default=None)

    def setting(self, site: Site[Tff], name: str) -> Quantity:
        """The operation's own value of `name`, else the procedure's."""
        own: Quantity | None = getattr(self, name)
        common: Quantity = getattr(site.procedure, name)
        return common if own is None else own

    def feed_flow(self, site: Site[Tff]) -> float:
        """m^3/s."""
        return site.procedure.membrane.flow(inside(self.setting(site, "shear"), "1/s"))

    def drive(self, site: Site[Tff]) -> tuple[float, float, float]:
        """Feed flow m^3/s, TMP Pa, flux limit m/s."""
        tmp, flux = self.setting(site, "tmp"), self.setting(site, "max_flux")
        return self.feed_flow(site), inside(tmp, "Pa"), inside(flux, "m/s")

    def permeate_flow(self, site: Site[Tff], protein: float) -> float:
        """Expected permeate flow m^3/s at `protein` kg/m^3: pressure, gel or flux limit, whichever is lowest."""
        membrane, tmp = site.procedure.membrane, inside(self.setting(site, "tmp"), "Pa")
        gel = MASS_TRANSFER * math.log(GEL_CONCENTRATION / min(max(protein, 1e-3), 0.9 * GEL_CONCENTRATION))
        flux = min(inside(self.setting(site, "max_flux"), "m/s"), 2 * membrane.min_permeability * tmp, gel)
        return flux * inside(membrane.area, "m^2")


class InstallModule(Operation):
    """The operator mounts the membrane module and scans its barcode."""

    def expand(self, site: Site[Tff]) -> Iterable[Expanded]:
        yield phases.InstallModule(site.procedure.membrane.resolved()), 10 * MINUTE


class Flush(Filtration):
    """Flush with buffer and measure the water permeability; an unfit module is refused."""

    buffer: str = monitored("", "what the module is flushed with")
    volume: Volume = key("10..5000 mL", "removes storage solution; at least 20 L a square metre is usual")
    min_permeability: Annotated[Quantity, PERMEABILITY] | None = key(
        "1..5000 LMH/bar", "fitness of the module", default=None
    )

    def expand(self, site: Site[Tff]) -> Iterable[Expanded]:
        membrane, volume = site.procedure.membrane, inside(self.volume, "m^3")
        least = membrane.min_permeability
        if self.min_permeability is not None:
            least = inside(self.min_permeability, "m/s/Pa")
        duration = fill_and_drain(site, volume) + 10 * MINUTE
        yield phases.Flush(membrane.resolved(), self.buffer, volume, *self.drive(site), least), duration


class Load(Operation):
    """The operator hangs the bottle; its mass on the balance is the evidence."""

    source: str = monitored("", "bottle that is filtered")
    volume: Volume | None = critical("1..20000 mL", "what is processed; the whole bottle if not given", default=None)

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"volume": scale(self.volume, factor)})

    def amount(self, site: Site[Any]) -> float:
        """m^3."""
        return inside(self.volume, "m^3") if self.volume is not None else site.holds(self.source).volume

    def after(self, site: Site[Any]) -> Stock:
        bottle, amount = site.holds(self.source), self.amount(site)
        loaded = poured(site.stock, RESERVOIR, bottle.part(amount))
        return placed(loaded, self.source, bottle.take(amount))

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        yield phases.LoadFeed(self.source, self.amount(site)), 10 * MINUTE


class Concentrate(Filtration):
    """Filter down to a volume at constant shear and TMP."""

    to: Volume = critical("1..5000 mL", "sets the volume reduction")

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"to": scale(self.to, factor)})

    def after(self, site: Site[Tff]) -> Stock:
        target = inside(self.to, "m^3")
        return placed(site.stock, RESERVOIR, site.holds(RESERVOIR).concentrated(target))

    def expand(self, site: Site[Tff]) -> Iterable[Expanded]:
        target, feed = inside(self.to, "m^3"), site.holds(RESERVOIR)
        flow = self.permeate_flow(site, _mean_protein(feed, feed.concentrated(target)))
        duration = max(feed.volume - target, 0.0) / flow + 2 * MINUTE
        yield phases.Concentrate(site.procedure.membrane.resolved(), target, *self.drive(site)), duration


class Diafilter(Filtration):
    """Exchange the buffer at constant volume."""

    volumes: float = critical("0.5..20", "diavolumes: what is free leaves by exp(-N S)")
    buffer: str = critical("", "what replaces the liquid")

    def after(self, site: Site[Tff]) -> Stock:
        return placed(site.stock, RESERVOIR, site.holds(RESERVOIR).diafiltered(self.volumes, self.buffer))

    def expand(self, site: Site[Tff]) -> Iterable[Expanded]:
        feed = site.holds(RESERVOIR)
        flow = self.permeate_flow(site, _mean_protein(feed, feed.diafiltered(self.volumes, self.buffer)))
        membrane, duration = site.procedure.membrane.resolved(), self.volumes * feed.volume / flow + 2 * MINUTE
        yield phases.Diafilter(membrane, self.volumes, self.buffer, *self.drive(site)), duration


class Dilute(Operation):
    """Add buffer; with `concentrate` after it a step of discontinuous diafiltration."""

    by: float = critical("1.01..20", "X of a step: what is free falls by X, C = C0 X^(-S) once concentrated back")
    buffer: str = monitored("", "what is added")

    def added(self, site: Site[Any]) -> float:
        """m^3."""
        return (self.by - 1.0) * site.holds(RESERVOIR).volume

    def after(self, site: Site[Tff]) -> Stock:
        return placed(site.stock, RESERVOIR, site.holds(RESERVOIR).diluted(self.added(site), self.buffer))

    def expand(self, site: Site[Tff]) -> Iterable[Expanded]:
        added = self.added(site)
        yield phases.Dilute(self.buffer, added), fill_and_drain(site, added) / 2 + 5 * MINUTE


class Recover(Operation):
    """Pump the retentate into a bottle, rinse the loop and add the rinse."""

    product: str = monitored("", "bottle that takes the retentate")
    rinse: Volume = key("0..500 mL", "brings the hold-up home and dilutes", default="0 mL")
    shear: Shear = critical("100..4000 1/s", "gentle: the loop runs empty", default="1000 1/s")

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"rinse": scale(self.rinse, factor)})

    def after(self, site: Site[Tff]) -> Stock:
        retentate = site.holds(RESERVOIR)
        rinsed = Content(inside(self.rinse, "m^3"), liquids=retentate.liquids)
        filled = poured(site.stock, self.product, retentate)
        return emptied(poured(filled, self.product, rinsed), RESERVOIR)

    def expand(self, site: Site[Tff]) -> Iterable[Expanded]:
        flow = site.procedure.membrane.flow(inside(self.shear, "1/s"))
        rinse = inside(self.rinse, "m^3")
        duration = fill_and_drain(site, site.holds(RESERVOIR).volume + rinse) + 5 * MINUTE
        yield phases.Recover(self.product, rinse, flow), duration


class Clean(Filtration):
    """Circulate a cleaning agent, flush, and see what share of the permeability came back."""

    agent: str = monitored("", "cleaning agent")
    volume: Volume = key("10..5000 mL", "agent, then as much water", default="200 mL")
    duration: Duration = key("5..240 min", "contact time", default="30 min")
    min_recovery: Fraction = monitored("10..100 %", "share of the permeability before use", default="70 %")

    def expand(self, site: Site[Tff]) -> Iterable[Expanded]:
        volume, duration = inside(self.volume, "m^3"), inside(self.duration, "s")
        flow, tmp, flux = self.drive(site)
        recovery = inside(self.min_recovery, "")
        params = phases.CleanMembrane(
            site.procedure.membrane.resolved(), self.agent, volume, duration, flow, tmp, flux, recovery
        )
        yield params, duration + 2 * fill_and_drain(site, volume) + 10 * MINUTE


class TffOperation(OneOf):
    """One operation of a TFF unit procedure."""

    install_module: InstallModule | None = None
    flush: Flush | None = None
    load: Load | None = None
    concentrate: Concentrate | None = None
    diafilter: Diafilter | None = None
    dilute: Dilute | None = None
    recover: Recover | None = None
    clean: Clean | None = None
    sample: Sample | None = None
    approve: Approve | None = None


class Tff(Strict):
    """A tangential flow filtration with one membrane module."""

    name: str = monitored("", "what this unit procedure is for", default="filtration")
    membrane: Membrane
    shear: Shear = critical("300..8000 1/s", "wall shear unless an operation says otherwise", default="4000 1/s")
    tmp: Pressure = critical(
        "0.3..20 psi", "transmembrane pressure unless an operation says otherwise", default="2 psi"
    )
    max_flux: Flux = key("1..150 LMH", "flux limit unless an operation says otherwise", default="40 LMH")
    operations: tuple[TffOperation, ...]


def _mean_protein(one: Content, other: Content) -> float:
    """Mean protein concentration over a step, kg/m^3."""
    densities = [content.protein / content.volume for content in (one, other) if content.volume > 0]
    return sum(densities) / len(densities) if densities else 0.0


def fill_and_drain(site: Site[Any], volume: float) -> float:
    """Time to pump `volume` m^3 in and out again at the largest flows of the line's pumps, s."""
    flows = (
        site.profile.roles.get(f"tff.{name}_pump", {}).get("flow", (0.0, SLOW))[1] for name in ("buffer", "recovery")
    )
    return sum(volume / (flow or SLOW) for flow in flows)
