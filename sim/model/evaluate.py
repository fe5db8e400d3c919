"""From a case file to results, through the functions that the twins step.

    evaluate("tff", Path("run.yaml"))      {"t_concentration_h": 0.78, ...}

A case that cannot be computed raises ConfigError with one line, `run.yaml: species[1].sieving: must be ...`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy.integrate import IntegrationWarning

from sim.model import electroporation, lyophilization, sec, tff
from sim.model.calculation import Calculation, Values
from sim.model.fields import Bad, shown
from sim.model.source import FILE, load
from vesiflow.errors import ConfigError

CALCULATIONS: dict[str, dict[str, Calculation]] = {
    "tff": tff.CALCULATIONS,
    "sec": sec.CALCULATIONS,
    "electroporation": electroporation.CALCULATIONS,
    "lyophilization": lyophilization.CALCULATIONS,
}

T = TypeVar("T")


def evaluate(unit: str, path: Path) -> Values:
    """Results of the case in `path`, keyed and in units as the calculation says."""
    return _told(path, lambda: compute(*read(unit, path)))


def parsed(unit: str, path: Path) -> tuple[str, Values]:
    """(calculation, its values in inside units) of the case in `path`; errors as `evaluate` tells them."""
    return _told(path, lambda: read(unit, path)[1:])


def read(unit: str, path: Path) -> tuple[str, str, Values]:
    """(unit, calculation, values) of a case; raises Bad."""
    if unit not in CALCULATIONS:
        raise Bad(FILE, f"unknown unit {shown(unit)}, must be one of {', '.join(CALCULATIONS)}")
    content = load(path)
    if "calculation" not in content:
        raise Bad("calculation", f"is missing, must be one of {', '.join(CALCULATIONS[unit])}")
    name = content.pop("calculation")
    if not isinstance(name, str) or name not in CALCULATIONS[unit]:
        raise Bad("calculation", _not_of(unit, name))
    return unit, name, CALCULATIONS[unit][name].keys.read(content, "")


def _not_of(unit: str, name: Any) -> str:
    owner = next((u for u, known in CALCULATIONS.items() if isinstance(name, str) and name in known), None)
    if owner:
        return f"{name} is a calculation of {owner}, not of {unit}"
    return f"must be one of {', '.join(CALCULATIONS[unit])} (got {shown(name)})"


def compute(unit: str, name: str, values: Values) -> Values:
    """Results of values that were read; raises Bad, also for a result that is no finite number."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # Overflow in an array ends as a result that is not finite, which is told below; a quadrature that does
            # not converge must not pass as a number.
            warnings.simplefilter("error", IntegrationWarning)
            result = CALCULATIONS[unit][name].compute(values)
    except Bad:
        raise
    except ArithmeticError:
        raise Bad(FILE, f"{name} leaves the range of numbers for these values") from None
    except (ValueError, IntegrationWarning) as error:
        raise Bad(FILE, f"{name} does not converge: {' '.join(str(error).split())}") from None
    _finite(result, "")
    return result


def _finite(value: Any, key: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _finite(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _finite(item, f"{key}[{i}]")
    elif not math.isfinite(value):
        raise Bad(FILE, f"the result {key} is not a finite number for these values")


def _told(path: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except Bad as error:
        raise ConfigError(f"{path.name or path}: {error.key}: {error.reason}") from None
