"""Quantities at the edges, plain floats inside.

Recipes, line files, the API, the command line and records carry numbers with units ("3.5 psi", "300 kDa").
Inside `devices`, `line` and `sim` every number is a plain float in the **inside units**: SI base units
(m^3, m^3/s, Pa, s, kg, m, S/m, V, F, 1/m^3 ...) with two exceptions that every instrument shares:
temperatures are degC (temperature differences kelvin) and absorbance is AU.
The conversion happens once, here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

import pint
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

Quantity: TypeAlias = pint.Quantity[Any]

units: pint.UnitRegistry[Any] = pint.UnitRegistry(cache_folder=None, on_redefinition="ignore")
units.define("@alias torr = Torr")
units.define("LMH = liter / meter**2 / hour")
units.define("particle = [] = particles")
units.define("revolutions_per_minute = 1 / minute = rpm")  # turns, where pint counts radians
units.define("absorbance_unit = [] = AU_abs")

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*")
_RANGE = re.compile(rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*(.*?)\s*")
_AU = {"AU": 1.0, "mAU": 1e-3}


def quantity(text: str | float, unit: str) -> Quantity:
    """The quantity written in `text`, checked to have the dimension of `unit`.

    Numbers and units are split before pint sees them, so that "-35 degC" is an offset temperature.
    Raises ValueError with a reason a technician understands.
    """
    if isinstance(text, bool):
        raise ValueError(f"{text!r} is not a number with a unit")
    if isinstance(text, int | float):
        number, name = float(text), ""
    else:
        match = _QUANTITY.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not a number with a unit")
        number, name = float(match[1]), match[2]
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a finite number")
    if unit in _AU and name in _AU:
        return units.Quantity(number * _AU[name], "")
    found = _unit(name)
    if found.dimensionality != _unit("" if unit in _AU else unit).dimensionality:
        shown = f"in {name}" if name else "a bare number"
        raise ValueError(f"{text!r} is {shown}, expected a unit like {unit or 'none'}")
    return units.Quantity(number, found)


@lru_cache(maxsize=512)
def _unit(name: str) -> pint.Unit:
    if name == "%":
        name = "percent"
    try:
        return units.Unit(name)
    except Exception as error:  # pint raises a dozen kinds for a misspelt unit
        raise ValueError(f"{name!r} is not a unit") from error


def inside(value: Quantity, unit: str) -> float:
    """`value` as a plain float in the inside unit `unit`."""
    return float(value.to(_unit("" if unit in _AU else unit)).magnitude)


def parse(text: str | float, unit: str) -> float:
    """`text` ("88 mL/min") as a plain float in `unit`; ValueError when the dimension differs."""
    return inside(quantity(text, unit), unit)


def parse_range(text: str, unit: str) -> tuple[float, float]:
    """`text` ("0..300 mL/min") as (low, high) in `unit`."""
    match = _RANGE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a range like '0..300 mL/min'")
    low, high = (parse(f"{match[i]} {match[3]}".strip(), unit) for i in (1, 2))
    if low > high:
        raise ValueError(f"{text!r}: the lower end is above the upper end")
    return low, high


@lru_cache(maxsize=256)
def factor(from_unit: str, to_unit: str) -> tuple[float, float]:
    """(scale, offset) so that `to = scale * from + offset`; for plots and tables of many values."""
    zero = convert(0.0, from_unit, to_unit)
    return convert(1.0, from_unit, to_unit) - zero, zero


def convert(value: float, from_unit: str, to_unit: str) -> float:
    """A plain float from one unit to another."""
    if from_unit == to_unit:
        return value
    if from_unit in _AU and to_unit in _AU:
        return value * _AU[from_unit] / _AU[to_unit]
    return float(units.Quantity(value, _unit(from_unit)).to(_unit(to_unit)).magnitude)


def show(value: float, unit: str, display: str | None = None, digits: int = 4) -> str:
    """A plain float as text with a unit: `show(1.4667e-6, "m^3/s", "mL/min")` is "88 mL/min"."""
    number = convert(value, unit, display or unit)
    text = f"{number:.{digits}g}"
    shown = "" if (display or unit) in ("", "1") else f" {display or unit}"
    return f"{float(text) + 0.0:.{max(digits, 6)}g}{shown}" if "e" not in text else f"{text}{shown}"  # no "-0"


@dataclass(frozen=True)
class Dimension:
    """A pydantic annotation: a string with a unit of this dimension becomes a pint quantity.

    `unit` is the inside unit; `display` is what people see; `example` goes into forms and messages.
    """

    name: str
    unit: str
    display: str
    example: str
    unit_pattern: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _written, return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "title": self.name,
            "pattern": rf"^\s*{_NUMBER}\s*(?:{self.unit_pattern})\s*$",
            "examples": [self.example],
            "description": f"{self.name} with its unit, for example {self.example}",
        }

    def _validate(self, value: Any) -> Quantity:
        if isinstance(value, pint.Quantity):
            value = _written(value)
        if not isinstance(value, str | int | float):
            raise PydanticCustomError(
                "quantity", "expected a {name} like '{example}'", {"name": self.name, "example": self.example}
            )
        try:
            return quantity(value, self.unit)
        except ValueError as error:
            raise PydanticCustomError(
                "quantity",
                "{reason}; write a {name} like '{example}'",
                {"reason": str(error), "name": self.name, "example": self.example},
            ) from None


def _written(value: Quantity) -> str:
    unit = f"{value.units:~C}".replace("**", "^").replace("Δ", "delta_").replace("°C", "degC")
    unit = re.sub(r"(?<![A-Za-z])([num\u00b5]?)l(?![A-Za-z])", r"\1L", unit)
    return f"{value.magnitude:.12g} {unit}".strip()


def written(value: Quantity) -> str:
    """A quantity as it would be written in a recipe: "88 mL/min"."""
    return _written(value)


_VOL = "(?:n|u|µ|m|c|d)?[lL]|(?:mm|cm|dm|m)(?:\\^|\\*\\*)3"
_TIME = "(?:ms|us|µs|s|sec|second|min|minute|h|hour|d|day)s?"
_PRESSURE = "psi|(?:m|u|k|M|h)?(?:bar|Pa|torr|Torr)|atm|mmHg"
_LENGTH = "(?:n|u|µ|m|c|k)?m"

VOLUME = Dimension("volume", "m^3", "mL", "2 L", _VOL)
FLOW = Dimension("flow rate", "m^3/s", "mL/min", "88 mL/min", rf"(?:{_VOL})/{_TIME}")
MASS = Dimension("mass", "kg", "g", "20 g", "(?:n|u|µ|m|k)?g")
PRESSURE = Dimension("pressure", "Pa", "psi", "2 psi", _PRESSURE)
VACUUM = Dimension("chamber pressure", "Pa", "mtorr", "60 mTorr", _PRESSURE)
TEMPERATURE = Dimension("temperature", "degC", "degC", "-25 degC", "degC|°C|K|kelvin")
RAMP = Dimension("temperature ramp", "K/s", "K/min", "0.5 K/min", rf"(?:K|kelvin|delta_degC)/{_TIME}")
DURATION = Dimension("duration", "s", "min", "30 min", _TIME)
LENGTH = Dimension("length", "m", "mm", "0.5 mm", _LENGTH)
AREA = Dimension("area", "m^2", "cm^2", "235 cm^2", rf"(?:{_LENGTH})(?:\^|\*\*)2")
SPEED = Dimension("speed of rotation", "1/s", "rpm", "500 rpm", "rpm|1/s|1/min|Hz")
SHEAR = Dimension("shear rate", "1/s", "1/s", "4000 1/s", "1/s|s\\^-1|Hz")
FLUX = Dimension("flux", "m/s", "LMH", "45 LMH", "LMH|L/m\\^2/h")
CUTOFF = Dimension("molecular weight cut-off", "kg", "kDa", "300 kDa", "k?Da")
CONDUCTIVITY = Dimension("conductivity", "S/m", "mS/cm", "1.2 mS/cm", "(?:u|µ|m)?S/(?:c|m)?m")
VOLTAGE = Dimension("voltage", "V", "V", "400 V", "k?V")
CAPACITANCE = Dimension("capacitance", "F", "uF", "125 uF", "(?:u|µ|m|n)?F")
RESISTANCE = Dimension("resistance", "ohm", "ohm", "50 ohm", "k?ohm")
FIELD = Dimension("electric field", "V/m", "V/cm", "1000 V/cm", "k?V/(?:c|m)?m")
PARTICLE_CONCENTRATION = Dimension(
    "particle concentration", "1/m^3", "1/mL", "2.5e9 1/mL", rf"(?:1|particles?)/(?:{_VOL})"
)
CONCENTRATION = Dimension("mass concentration", "kg/m^3", "g/L", "1 g/L", rf"(?:n|u|µ|m|k)?g/(?:{_VOL})")
MOLARITY = Dimension("molar concentration", "mol/m^3", "umol/L", "2 umol/L", rf"(?:n|u|µ|m)?(?:mol/(?:{_VOL})|M)")
PURITY = Dimension("purity, particles per mass of protein", "1/kg", "1/ug", "3e10 1/ug", "1/(?:n|u|µ|m)?g")
PARTICLES = Dimension("number of particles", "", "", "5e12", "(?:particles?)?")
FRACTION = Dimension("fraction", "", "percent", "5 %", "%|percent|")
VELOCITY = Dimension("linear velocity", "m/s", "cm/h", "30 cm/h", rf"(?:{_LENGTH})/{_TIME}")
ABSORBANCE = Dimension("absorbance", "AU", "mAU", "50 mAU", "m?AU")

_DIMENSIONS = [value for value in globals().values() if isinstance(value, Dimension)]


def pattern(unit: str) -> str:
    """A regular expression for numbers in `unit` ("mL"): bare, or with any unit of the same kind ("0.5 L")."""
    kind = _unit(unit).dimensionality
    known = [item.unit_pattern for item in _DIMENSIONS if item.unit != "AU" and _unit(item.unit).dimensionality == kind]
    return rf"^\s*{_NUMBER}\s*(?:{'|'.join([*known, re.escape(unit)])})?\s*$"


Volume = Annotated[Quantity, VOLUME]
Flow = Annotated[Quantity, FLOW]
Mass = Annotated[Quantity, MASS]
Pressure = Annotated[Quantity, PRESSURE]
Vacuum = Annotated[Quantity, VACUUM]
Temperature = Annotated[Quantity, TEMPERATURE]
Ramp = Annotated[Quantity, RAMP]
Duration = Annotated[Quantity, DURATION]
Length = Annotated[Quantity, LENGTH]
Area = Annotated[Quantity, AREA]
Shear = Annotated[Quantity, SHEAR]
Flux = Annotated[Quantity, FLUX]
Cutoff = Annotated[Quantity, CUTOFF]
Conductivity = Annotated[Quantity, CONDUCTIVITY]
Voltage = Annotated[Quantity, VOLTAGE]
Capacitance = Annotated[Quantity, CAPACITANCE]
Resistance = Annotated[Quantity, RESISTANCE]
Field = Annotated[Quantity, FIELD]
ParticleConcentration = Annotated[Quantity, PARTICLE_CONCENTRATION]
Concentration = Annotated[Quantity, CONCENTRATION]
Molarity = Annotated[Quantity, MOLARITY]
Purity = Annotated[Quantity, PURITY]
Particles = Annotated[Quantity, PARTICLES]
Fraction = Annotated[Quantity, FRACTION]
Velocity = Annotated[Quantity, VELOCITY]
Absorbance = Annotated[Quantity, ABSORBANCE]
