"""Parameters of every recipe phase: what the line controller is told, in inside units (SI, degC, AU).

One frozen dataclass a phase, named as in ISA-88 by what it makes happen; `KINDS` maps the name used in control
recipes, journals and reports ("tff.concentrate") to its parameters. Bottles are named containers that carry
material from one unit to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membrane:
    """A hollow-fibre module: cut-off (kg per molecule), area m^2, lumen and length m, limits 1/s and Pa."""

    cutoff: float
    area: float
    fibres: int
    lumen: float
    length: float
    max_shear: float
    max_tmp: float
    barcode: str


@dataclass(frozen=True, slots=True)
class InstallModule:
    """The operator mounts a membrane module and scans its barcode."""

    membrane: Membrane


@dataclass(frozen=True, slots=True)
class Flush:
    """Flush with buffer, measure the water permeability (m/s/Pa) and refuse a module below `min_permeability`."""

    membrane: Membrane
    buffer: str
    volume: float
    feed_flow: float
    tmp: float
    max_flux: float
    min_permeability: float


@dataclass(frozen=True, slots=True)
class LoadFeed:
    """The operator hangs the bottle `source`; its mass on the balance is the evidence."""

    source: str
    volume: float


@dataclass(frozen=True, slots=True)
class Concentrate:
    """Down to `target_volume` m^3 at constant feed flow (shear) and TMP."""

    membrane: Membrane
    target_volume: float
    feed_flow: float
    tmp: float
    max_flux: float


@dataclass(frozen=True, slots=True)
class Diafilter:
    """`volumes` diavolumes of `buffer` at constant retentate mass; ends by permeate mass, never by time."""

    membrane: Membrane
    volumes: float
    buffer: str
    feed_flow: float
    tmp: float
    max_flux: float


@dataclass(frozen=True, slots=True)
class Dilute:
    """Add `volume` m^3 of `buffer` to the retentate, by the balance."""

    buffer: str
    volume: float


@dataclass(frozen=True, slots=True)
class Recover:
    """Pump the retentate into bottle `product`, rinse the loop with `rinse` m^3 of buffer and add it."""

    product: str
    rinse: float
    feed_flow: float


@dataclass(frozen=True, slots=True)
class CleanMembrane:
    """Circulate `agent`, flush, measure permeability again; report what share of the first one came back."""

    membrane: Membrane
    agent: str
    volume: float
    duration: float
    feed_flow: float
    tmp: float
    max_flux: float
    min_recovery: float


@dataclass(frozen=True, slots=True)
class Equilibrate:
    """Run `volume` of `buffer` through the column until conductivity and UV are flat."""

    buffer: str
    volume: float
    flow: float
    max_pressure: float


@dataclass(frozen=True, slots=True)
class Inject:
    """Load `volume` m^3 of bottle `source`, all of it at most, into the sample loop and switch it onto the column."""

    source: str
    volume: float
    flow: float


@dataclass(frozen=True, slots=True)
class Elute:
    """Elute `volume`; collect fractions between `collect_from` and `collect_to` (m^3 after injection)."""

    volume: float
    flow: float
    max_pressure: float
    collect_from: float
    collect_to: float
    fraction_volume: float
    uv_threshold: float


@dataclass(frozen=True, slots=True)
class PoolFractions:
    """Pool the fractions whose mean UV is at least `peak_share` of the first peak, at most `max_volume`."""

    product: str
    peak_share: float
    max_volume: float


@dataclass(frozen=True, slots=True)
class WashColumn:
    """Run `agent` (cleaning or storage solution) through the column."""

    agent: str
    volume: float
    flow: float
    max_pressure: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """A pulse train: V, s, F, ohm (0 none); `shape` exponential or square."""

    shape: str
    voltage: float
    count: int
    interval: float
    gap: float
    width: float
    capacitance: float
    resistance: float


@dataclass(frozen=True, slots=True)
class CheckConductivity:
    """Refuse a sample in bottle `source` above `limit` S/m: it would arc."""

    source: str
    limit: float


@dataclass(frozen=True, slots=True)
class PreparePlate:
    """The liquid handler puts sample and cargo into `wells` wells (m^3 each); cargo stock in mol/m^3."""

    source: str
    cargo: str
    wells: int
    sample_volume: float
    cargo_volume: float
    cargo_stock: float


@dataclass(frozen=True, slots=True)
class Chill:
    """Plate on the cold block until `temperature` (degC), for at least `duration` s."""

    temperature: float
    duration: float


@dataclass(frozen=True, slots=True)
class PulsePlate:
    """Pulse every column of the plate once; voltage and time constant verified from the instrument's log."""

    pulse: Pulse
    wells: int
    wells_per_pulse: int
    voltage_tolerance: float
    time_constant_min: float
    time_constant_max: float


@dataclass(frozen=True, slots=True)
class Rest:
    """Leave the plate at `temperature` for `duration` s, at most `max_duration`."""

    temperature: float
    duration: float
    max_duration: float


@dataclass(frozen=True, slots=True)
class CollectPlate:
    """The liquid handler pools `volume` m^3 in all, the same from each of the wells, into bottle `product`."""

    product: str
    wells: int
    volume: float


@dataclass(frozen=True, slots=True)
class Formulate:
    """Dilute `source` with `buffer` to `concentration` 1/m^3 by the last particle count, at most `max_volume`."""

    source: str
    product: str
    buffer: str
    concentration: float
    max_volume: float


@dataclass(frozen=True, slots=True)
class FillVials:
    """The liquid handler fills up to `vials` vials with `fill_volume` m^3 each."""

    source: str
    vials: int
    fill_volume: float


@dataclass(frozen=True, slots=True)
class LoadVials:
    """The operator half-stoppers the vials, loads the shelf and closes the door."""

    vials: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Shelf to `temperature` (degC) at `ramp` K/s, hold `duration` s."""

    temperature: float
    ramp: float
    duration: float


@dataclass(frozen=True, slots=True)
class Anneal:
    """Shelf up to `temperature` for `duration` s, then back to `back_to`."""

    temperature: float
    ramp: float
    duration: float
    back_to: float


@dataclass(frozen=True, slots=True)
class Evacuate:
    """Condenser below `condenser` degC, then the chamber to `pressure` Pa within `max_duration` s."""

    pressure: float
    condenser: float
    max_duration: float


@dataclass(frozen=True, slots=True)
class PrimaryDrying:
    """Shelf at `temperature`, chamber at `pressure`, until Pirani / capacitance <= `ratio` for `soak` s.

    Product temperature must stay below `critical_temperature` less `margin` K.
    """

    temperature: float
    ramp: float
    pressure: float
    ratio: float
    soak: float
    min_duration: float
    max_duration: float
    critical_temperature: float
    margin: float


@dataclass(frozen=True, slots=True)
class SecondaryDrying:
    """Shelf at `temperature` for `duration` s; ends with a pressure-rise test of at most `max_rise` Pa/s."""

    temperature: float
    ramp: float
    pressure: float
    duration: float
    max_rise: float


@dataclass(frozen=True, slots=True)
class Backfill:
    """Isolate, let dry nitrogen in to `pressure` Pa."""

    pressure: float


@dataclass(frozen=True, slots=True)
class Stopper:
    """The operator closes the stoppers under partial vacuum and confirms the count."""

    vials: int


@dataclass(frozen=True, slots=True)
class UnloadVials:
    """Vent, warm the shelf to `temperature`, unload and count."""

    vials: int
    temperature: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Take a sample of `volume` m^3 of bottle `source`; enter the results of `assays` (names of ASSAYS)."""

    point: str
    source: str
    assays: tuple[str, ...]
    volume: float = 0.0


@dataclass(frozen=True, slots=True)
class Approve:
    """A named person approves going on."""

    question: str


PhaseParams = (
    InstallModule | Flush | LoadFeed | Concentrate | Diafilter | Dilute | Recover | CleanMembrane
    | Equilibrate | Inject | Elute | PoolFractions | WashColumn
    | CheckConductivity | PreparePlate | Chill | PulsePlate | Rest | CollectPlate
    | Formulate | FillVials | LoadVials | Freeze | Anneal | Evacuate | PrimaryDrying | SecondaryDrying
    | Backfill | Stopper | UnloadVials | Sample | Approve
)  # fmt: skip

KINDS: Mapping[str, type] = {
    "tff.install_module": InstallModule,
    "tff.flush": Flush,
    "tff.load": LoadFeed,
    "tff.concentrate": Concentrate,
    "tff.diafilter": Diafilter,
    "tff.dilute": Dilute,
    "tff.recover": Recover,
    "tff.clean": CleanMembrane,
    "sec.equilibrate": Equilibrate,
    "sec.inject": Inject,
    "sec.elute": Elute,
    "sec.pool": PoolFractions,
    "sec.wash": WashColumn,
    "electroporation.check_conductivity": CheckConductivity,
    "electroporation.prepare": PreparePlate,
    "electroporation.chill": Chill,
    "electroporation.pulse": PulsePlate,
    "electroporation.rest": Rest,
    "electroporation.collect": CollectPlate,
    "lyophilization.formulate": Formulate,
    "lyophilization.fill": FillVials,
    "lyophilization.load": LoadVials,
    "lyophilization.freeze": Freeze,
    "lyophilization.anneal": Anneal,
    "lyophilization.evacuate": Evacuate,
    "lyophilization.primary_drying": PrimaryDrying,
    "lyophilization.secondary_drying": SecondaryDrying,
    "lyophilization.backfill": Backfill,
    "lyophilization.stopper": Stopper,
    "lyophilization.unload": UnloadVials,
    "sample": Sample,
    "approve": Approve,
}

ASSAYS: Mapping[str, tuple[str, str]] = {
    "particles": ("particle concentration", "1/mL"),
    "protein": ("total protein", "ug/mL"),
    "size": ("mode diameter", "nm"),
    "conductivity": ("conductivity", "mS/cm"),
    "cargo_protected": ("protected cargo per particle", "1"),
    "cargo_apparent": ("apparent cargo per particle", "1"),
    "tetraspanins": ("positive tetraspanin markers", "1"),
    "negative_markers": ("negative markers below limit", "1"),
    "potency": ("potency against reference", "percent"),
    "moisture": ("residual moisture", "percent"),
    "recovery": ("particle recovery after reconstitution", "percent"),
    "volume": ("volume", "mL"),
}
"""Assay name -> (what it is, the unit the result is entered in)."""
