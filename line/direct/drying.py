"""The primary drying of a recipe on a line as a design space problem, and the answer as a recipe again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from devices.line_file import LineFile
from protocols.fields import inside
from protocols.model import Recipe
from protocols.resolve import Step, walk
from protocols.stock import VIALS
from protocols.units.lyophilization import Evacuate, PrimaryDrying, dryer, solids
from sim.config import Lyophilization
from sim.design_space import Judgement, Limits, Load
from sim.lines import checked_config
from sim.physics.primary_drying import Vial, vapour_pressure
from sim.physics.vacuum import PASCAL_PER_TORR
from vesiflow.documents import Place
from vesiflow.errors import ConfigError
from vesiflow.quantities import show, written

EDGE = 1.5
"""The hottest vials at the edge: the check of recipes takes the same."""
CONDENSER_SHARE = 0.7
"""Ice on the condenser should stand at no more than this share of the chamber pressure."""
SPARE = 1.3
"""Longest duration over the computed one: vials differ."""
HOUR = 3600.0


@dataclass(frozen=True)
class Problem:
    """What is to be dried and within which limits; `present` is the shelf (degC) and pressure (Pa) of the recipe."""

    place: Place
    load: Load
    limits: Limits
    critical: float
    present: tuple[float, float]
    drying: PrimaryDrying
    evacuate: Evacuate | None


def problem(recipe: Recipe, line: LineFile, margin: float | None = None) -> Problem:
    """The first primary drying of `recipe`; `margin` K instead of the recipe's. ConfigError when there is none."""
    steps = list(walk(recipe, line.profile))
    found = next((step for step in steps if isinstance(step.operation, PrimaryDrying)), None)
    if found is None or not isinstance(found.operation, PrimaryDrying):
        raise ConfigError("has no primary_drying", device=recipe.recipe, remedy="choose a recipe that freeze-dries")
    drying = found.operation
    kept = inside(drying.margin, "K") if margin is None else margin
    if not 0.0 <= kept <= 20.0:
        raise ConfigError("out of range", action="margin", value=f"{kept:g} K", bounds="0 to 20 K")
    before = [s.operation for s in steps[: steps.index(found)] if isinstance(s.operation, Evacuate)]
    critical = drying.collapse(found.site)
    shelf, _ = drying.target()
    return Problem(
        found.path,
        _load(found, drying, line),
        Limits(critical - kept, *_reach(found, line, before[-1] if before else None)),
        critical,
        (shelf, inside(drying.pressure, "Pa")),
        drying,
        before[-1] if before else None,
    )


def _load(step: Step, drying: PrimaryDrying, line: LineFile) -> Load:
    """The vials as the line's machine dries them; what nobody has measured there are the twin's defaults."""
    procedure: Any = step.site.procedure
    truth = checked_config(line.simulation).lyophilization if line.simulation is not None else Lyophilization()
    area = dryer(step.site).vial_area
    content = solids(step.site.holds(VIALS))
    if procedure.fill_volume <= 0.0 or procedure.vials < 1 or content <= 0.0:
        raise ConfigError("fills no vials before it dries", device=step.unit, remedy="add `fill` to the recipe")
    vial = Vial(
        area * truth.vial_area / truth.product_area * 1e4, area * 1e4, procedure.fill_volume * 1e6, content * 1e-3,
        *truth.cake_resistance, *truth.heat_transfer,
    )  # fmt: skip
    return Load(vial, procedure.vials, procedure.frozen_at, drying.target()[1], EDGE)


def _reach(step: Step, line: LineFile, evacuate: Evacuate | None) -> tuple[tuple[float, float], tuple[float, float]]:
    """Shelf degC and pressure Pa that machine, roles and condenser allow."""
    machine = dryer(step.site)
    shelf = line.profile.roles.get("lyophilization.shelf", {}).get("temperature", (-math.inf, math.inf))
    pressure = line.profile.roles.get("lyophilization.vacuum", {}).get("pressure", (0.0, math.inf))
    cold = inside(evacuate.condenser, "degC") if evacuate else -math.inf
    ice = vapour_pressure(cold) * PASCAL_PER_TORR / CONDENSER_SHARE if evacuate else 0.0
    return (
        (max(machine.shelf_min, shelf[0]), min(machine.shelf_max, shelf[1])),
        (max(machine.min_pressure, pressure[0], ice), min(pressure[1], 1000.0)),
    )


def rounded(shelf: float, pressure: float) -> tuple[float, float]:
    """As an instrument takes it, on the safe side: 0.1 K down, 1 mTorr."""
    millitorr = round(pressure / PASCAL_PER_TORR * 1e3)
    return math.floor(shelf * 10.0 + 1e-6) / 10.0, millitorr * 1e-3 * PASCAL_PER_TORR


def values(task: Problem, best: Judgement) -> dict[str, str]:
    """The keys of `primary_drying` that change, as a recipe writes them."""
    shortest = max(math.floor(0.1 * best.duration / HOUR), 1)
    return {
        "temperature": f"{best.shelf:.1f} degC",
        "pressure": show(best.pressure, "Pa", "mTorr", 3),
        "min_duration": f"{shortest} h",
        "max_duration": f"{math.ceil(SPARE * best.duration / HOUR)} h",
    }


def snippet(task: Problem, best: Judgement) -> str:
    """Evacuation and primary drying as lines of a recipe."""
    lines = []
    if task.evacuate is not None:
        lines.append(_line("evacuate", task.evacuate, {"pressure": values(task, best)["pressure"]}))
    lines.append(_line("primary_drying", task.drying, values(task, best)))
    return "\n".join(lines)


def _line(name: str, operation: Any, changed: dict[str, str]) -> str:
    """An operation with all that was said about it, `changed` last words included."""
    said = {key: getattr(operation, key) for key in type(operation).model_fields if key in operation.model_fields_set}
    texts = {key: value if isinstance(value, int | float) else written(value) for key, value in said.items()}
    return f"- {name}: {{{', '.join(f'{key}: {text}' for key, text in (texts | changed).items())}}}"
