"""What must hold while the unit of a phase rests: rows of `line.kept`, from the parameters of the phase."""

from __future__ import annotations

from collections.abc import Sequence

from line.kept import Kept
from line.phases.dryer_guard import COLD, OVERSHOOT, PRESSURE_HIGH, PRESSURE_LOST, WARM
from line.phases.freeze_drying import DRY
from line.run import PhaseRun
from protocols.phases import (
    CleanMembrane,
    Concentrate,
    Diafilter,
    Elute,
    Equilibrate,
    Flush,
    PrimaryDrying,
    SecondaryDrying,
    WashColumn,
)

_LEAK = 2e-3  # kg; a sound balance drifts by some milligrams a day
_THAWS = 5.0  # K
_VAPOUR = 1.6  # what a Pirani gauge shows of water vapour

_MASS, _PERMEATE = "tff.retentate_mass", "tff.permeate_mass"
_SHELF, _RUNS = "lyophilization.shelf", "lyophilization.shelf_runs"
_SETPOINT = "lyophilization.shelf_setpoint"
_CAPACITANCE, _PIRANI = "lyophilization.capacitance", "lyophilization.pirani"
_CONDENSER, _PRODUCT = "lyophilization.condenser", "lyophilization.product_"
_PULSES = "electroporation.pulse_logs"


def retentate(run: PhaseRun, params: object) -> Sequence[Kept]:
    """What is in the reservoir stays there, and nothing comes out of the membrane."""
    what = "the mass changes while every pump stands: a leak, a siphon, or somebody touched it"
    return (
        Kept(_MASS, "tff.leak", f"retentate: {what}", -_LEAK, _LEAK, "kg", (_MASS,)),
        Kept(_PERMEATE, "tff.leak", f"permeate: {what}", high=_LEAK, unit="kg", beside=(_PERMEATE,)),
    )


def circulation(run: PhaseRun, params: Flush | Concentrate | Diafilter | CleanMembrane) -> Sequence[Kept]:
    """The retentate, and a loop without pressure."""
    most, what = params.membrane.max_tmp, "the loop is under pressure while its pumps stand"
    pressures = ("tff.feed_pressure", "tff.retentate_pressure")
    return (*retentate(run, params), *(Kept(tag, "tff.tmp", what, high=most, unit="Pa") for tag in pressures))


def column(run: PhaseRun, params: Equilibrate | Elute | WashColumn) -> Sequence[Kept]:
    """A bed without pressure."""
    what = "the column is under pressure while its pump stands"
    return (Kept("sec.pressure", "sec.pressure", what, high=params.max_pressure, unit="Pa"),)


def pulser(run: PhaseRun, params: object) -> Sequence[Kept]:
    """Nobody presses GO."""
    return (Kept(_PULSES, "ep.held_pulse", "a pulse was given while the unit is held", high=0.0, beside=(_PULSES,)),)


def shelf(run: PhaseRun, params: object) -> Sequence[Kept]:
    """The shelf is cooled, and no warmer than it is set or was."""
    return (
        Kept(_RUNS, "lyo.gap", "the circulator stands while the dryer is held", low=0.0, beside=(_RUNS,)),
        Kept(_SHELF, "lyo.shelf", "the shelf warms while it is held", high=OVERSHOOT, unit="degC",
             beside=(_SETPOINT, _SHELF)),
    )  # fmt: skip


def frozen(run: PhaseRun, params: object) -> Sequence[Kept]:
    """Frozen product stays so."""
    probes = (f"{_PRODUCT}{name}" for name in DRY)
    what = "frozen product warms while the dryer is held"
    return (
        *shelf(run, params),
        *(Kept(tag, "lyo.product", what, high=_THAWS, unit="degC", beside=(tag,)) for tag in probes),
    )


def secondary_drying(run: PhaseRun, params: PrimaryDrying | SecondaryDrying) -> Sequence[Kept]:
    """The shelf, the vacuum and the condenser that keeps it."""
    wanted, cold = params.pressure, run.facts.get(COLD)
    lost, high = PRESSURE_LOST * wanted, PRESSURE_HIGH * wanted
    rows = [
        *shelf(run, params),
        Kept(_CAPACITANCE, "lyo.pressure", "the pressure rises while the dryer is held", high=high, unit="Pa"),
        Kept(_CAPACITANCE, "lyo.vacuum_lost", "the vacuum is lost while the dryer is held", high=lost, unit="Pa"),
        Kept(_PIRANI, "lyo.vacuum_lost", "the vacuum is lost while the dryer is held", high=_VAPOUR * lost, unit="Pa"),
    ]
    if cold is not None:
        what = "the condenser warms while the dryer is held"
        rows.append(Kept(_CONDENSER, "lyo.condenser", what, high=cold + WARM, unit="degC"))
    return rows


def primary_drying(run: PhaseRun, params: PrimaryDrying) -> Sequence[Kept]:
    """As secondary drying, and product that has ice left stays below collapse, less the margin."""
    limit, what = params.critical_temperature - params.margin, "product above collapse temperature less margin, held"
    iced = [f"{_PRODUCT}{name}" for name, dry in DRY.items() if dry not in run.memory.steps]
    return (
        *secondary_drying(run, params),
        *(Kept(tag, "lyo.product", what, high=limit, unit="degC") for tag in iced),
    )
