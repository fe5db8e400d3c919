"""Primary drying as a design space: what a shelf temperature and a chamber pressure do to a load of vials.

    best = optimum(load, limits)        the fastest programme that keeps every vial below its limit
    seen = judge(load, shelf, pressure) one programme: time, warmest ice in centre and edge, vapour load

A programme is a ramp to one shelf temperature at one chamber pressure, held until the ice is gone: what one
`primary_drying` of a recipe can say. Product temperature is that of the sublimation front; centre vials decide when
the load is dry, edge vials, which get `edge` times their heat, decide how warm it may be. Every judgement steps
`sim.physics.primary_drying`; temperatures degC, pressures Pa, times s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.optimize import brentq, minimize_scalar

from sim.physics import drying_run
from sim.physics.primary_drying import Vial, frost_point, vapour_pressure
from sim.physics.schedule import staged
from sim.physics.vacuum import PASCAL_PER_TORR, Dryer, capability

STEP = 1800.0  # s; within 1e-2 h and 0.001 K of 60 s
LONGEST = 1000.0 * 3600.0
TOLERANCE = 0.01  # K of shelf temperature
MACHINE = Dryer()
NEARLY = 0.98  # of the vapour pressure of the ice: above it nothing worth the name sublimes


@dataclass(frozen=True)
class Load:
    """`vials` alike but for the heat: centre vials have `vial`'s, the hottest edge vials `edge` times as much."""

    vial: Vial
    vials: float
    frozen: float  # degC, shelf at the start
    ramp: float  # K/s
    edge: float = 1.5
    dryer: Dryer = MACHINE


@dataclass(frozen=True)
class Limits:
    """What the ice may reach, and what shelf and pressure control can do."""

    product: float
    shelf: tuple[float, float]
    pressure: tuple[float, float]


@dataclass(frozen=True)
class Judgement:
    """One programme. `centre` and `edge` are the warmest ice, `load` the largest vapour flow over what passes."""

    shelf: float
    pressure: float
    duration: float
    centre: float
    edge: float
    load: float


def judge(load: Load, shelf: float, pressure: float, step: float = STEP) -> Judgement:
    """What comes of it; the duration is infinite when the ice is still there after a thousand hours."""
    runs = [_run(load, shelf, pressure, factor, step) for factor in (1.0, load.edge)]
    if runs[0] is None or runs[1] is None:
        return Judgement(shelf, pressure, math.inf, shelf, shelf, 0.0)
    centre, edge = runs[0], runs[1]
    passes = capability(load.dryer.intercept, load.dryer.slope, pressure)
    vapour = load.vials * (0.8 * centre.fastest().rate + 0.2 * edge.fastest().rate) / 3.6e6  # g/h to kg/s
    return Judgement(
        shelf,
        pressure,
        centre.duration,
        centre.hottest()[0],
        edge.hottest()[0],
        vapour / passes if passes > 0.0 else math.inf,
    )


def _run(load: Load, shelf: float, pressure: float, factor: float, step: float) -> drying_run.DryingRun | None:
    vial = load.vial
    heated = Vial(
        vial.area, vial.product_area, vial.fill_volume, vial.solids, vial.R0, vial.A1, vial.A2,
        vial.KC * factor, vial.KP * factor, vial.KD,
    )  # fmt: skip
    torr = pressure / PASCAL_PER_TORR
    if vapour_pressure(shelf) <= torr:
        return None
    try:
        return drying_run.dry(
            heated, staged(load.frozen, [shelf], [LONGEST], load.ramp), staged(torr, [torr], [LONGEST], 1.0), step
        )
    except drying_run.NotDry:
        return None


def warmest_shelf(load: Load, limits: Limits, pressure: float) -> float | None:
    """The warmest shelf at which edge vials stay below the product limit and the vapour passes; None when no shelf
    of this machine dries at this pressure."""
    low = max(limits.shelf[0], frost_point(pressure / PASCAL_PER_TORR) + 0.5)
    high = limits.shelf[1]

    def excess(shelf: float) -> float:
        seen = judge(load, shelf, pressure)
        return max(seen.edge - limits.product, 10.0 * (seen.load - 1.0))

    if low >= high or excess(low) > 0.0:
        return None
    return high if excess(high) <= 0.0 else float(brentq(excess, low, high, xtol=TOLERANCE))


def optimum(load: Load, limits: Limits) -> Judgement | None:
    """The fastest programme within the limits, None when there is none: the best pressure at its warmest shelf."""
    low = limits.pressure[0]
    high = min(limits.pressure[1], NEARLY * vapour_pressure(limits.product) * PASCAL_PER_TORR)
    if low >= high:
        return None

    def time(pressure: float) -> float:
        shelf = warmest_shelf(load, limits, pressure)
        return 2.0 * LONGEST if shelf is None else min(judge(load, shelf, pressure).duration, LONGEST)

    found = minimize_scalar(time, bounds=(low, high), method="bounded", options={"xatol": 0.02 * (high - low)})
    ends = min((low, float(found.x), high), key=time)
    shelf = warmest_shelf(load, limits, ends)
    return None if shelf is None else judge(load, shelf, ends)


def grid(load: Load, shelves: Sequence[float], pressures: Sequence[float]) -> list[list[Judgement]]:
    """Judgements by pressure, then shelf, for a picture."""
    return [[judge(load, shelf, pressure, 1800.0) for shelf in shelves] for pressure in pressures]
