"""How warm the ice gets and how long it takes: the quasi-steady vial of Pikal, just enough for checks and durations.

Units of the literature inside this file: cm, g, h, cal, Torr, degC; functions take and give inside units (Pa, m^3,
kg, s). Constants: 2R/6R vial heat transfer KC 2.75e-4, KP 8.93e-4, KD 0.46; 5 % sugar cake R0 1.4, A1 16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

TORR = 133.322368
_KC, _KP, _KD = 2.75e-4, 8.93e-4, 0.46
_R0, _A1 = 1.4, 16.0
_HEAT, _ICE_CONDUCTIVITY, _ICE_DENSITY, _SOLID_DENSITY = 678.0, 0.0059, 0.918, 1.5
_OUTER = 1.21  # outer to inner vial area


@dataclass(frozen=True, slots=True)
class Vial:
    """Inner area cm^2, fill mL, solids g/mL."""

    area: float
    fill: float
    solids: float

    @classmethod
    def of(cls, area: float, fill: float, solids: float) -> Vial:
        """From inside units: m^2, m^3, kg/m^3."""
        return cls(area * 1e4, fill * 1e6, solids * 1e-3)

    @property
    def height(self) -> float:
        """Frozen height, cm."""
        return self.fill / (self.area * _ICE_DENSITY) * (1 - self.solids * (1 - _ICE_DENSITY) / _SOLID_DENSITY)

    @property
    def water(self) -> float:
        """Water, g."""
        return self.fill * (1 - self.solids / _SOLID_DENSITY)


@dataclass(frozen=True, slots=True)
class Drying:
    """Warmest ice degC, time s, fastest sublimation kg/s of one vial."""

    warmest: float
    duration: float
    rate: float


def vapour_pressure(temperature: float) -> float:
    """Ice, Torr, from degC."""
    return 2.698e10 * math.exp(-6144.96 / (temperature + 273.15))


def sublimation_temperature(vial: Vial, layer: float, shelf: float, pressure: float, share: float = 1.0) -> float:
    """degC of the ice under a dry `layer` cm: where shelf heat and sublimation balance (bisection, 1e-6 K).

    `pressure` in Torr; `share` multiplies the heat transfer (edge vials get more than the centre).
    """
    transfer = share * (_KC + _KP * pressure / (1 + _KD * pressure)) * vial.area * _OUTER
    resistance = 3600 * (_R0 + _A1 * layer)

    def surplus(ice: float) -> float:
        loss = _HEAT * (vapour_pressure(ice) - pressure) / resistance
        bottom = ice + loss * (vial.height - layer) / _ICE_CONDUCTIVITY
        return loss * vial.area - transfer * (shelf - bottom)

    equilibrium = 6144.96 / math.log(2.698e10 / pressure) - 273.15
    low, high = sorted((shelf, equilibrium))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if surplus(middle) > 0 else (middle, high)
    return (low + high) / 2


def primary_drying(vial: Vial, shelf: float, pressure: float, share: float = 1.0, steps: int = 60) -> Drying | None:
    """Drying at constant shelf degC and `pressure` Pa; None when nothing sublimes (shelf colder than the ice).

    `share` of the centre vial's heat transfer.
    """
    torr = pressure / TORR
    if shelf <= 6144.96 / math.log(2.698e10 / torr) - 273.15:
        return None
    hours, warmest, fastest = 0.0, -math.inf, 0.0
    for index in range(steps):
        layer = vial.height * (index + 0.5) / steps
        ice = sublimation_temperature(vial, layer, shelf, torr, share)
        rate = vial.area / (_R0 + _A1 * layer) * (vapour_pressure(ice) - torr)  # g/h
        hours += vial.water / steps / rate
        warmest, fastest = max(warmest, ice), max(fastest, rate)
    return Drying(warmest, hours * 3600, fastest / 3.6e6)
