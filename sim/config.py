"""The `simulation:` section of a line file: the truth behind the instruments, with defaults for all of it.

Every value is a quantity string; inside they are plain floats in the inside units (SI, degC, AU). What a line file
says about its equipment is what people believe; what stands here is what is so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vesiflow.quantities import parse


def _in(unit: str) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        if not isinstance(value, str | int | float):
            raise ValueError(f"{value!r} is not a number with a unit")
        return parse(value, unit)

    return convert


Volume = Annotated[float, BeforeValidator(_in("m^3")), Field(ge=0)]
Flow = Annotated[float, BeforeValidator(_in("m^3/s")), Field(ge=0)]
Length = Annotated[float, BeforeValidator(_in("m")), Field(gt=0)]
Area = Annotated[float, BeforeValidator(_in("m^2")), Field(gt=0)]
Time = Annotated[float, BeforeValidator(_in("s")), Field(ge=0)]
Mass = Annotated[float, BeforeValidator(_in("kg")), Field(ge=0)]
Pressure = Annotated[float, BeforeValidator(_in("Pa"))]
Temperature = Annotated[float, BeforeValidator(_in("degC"))]
Particles = Annotated[float, BeforeValidator(_in("1/m^3")), Field(ge=0)]
Grams = Annotated[float, BeforeValidator(_in("kg/m^3")), Field(ge=0)]
Molar = Annotated[float, BeforeValidator(_in("mol/m^3")), Field(ge=0)]
Fraction = Annotated[float, BeforeValidator(_in("")), Field(ge=0, le=1)]
PerHour = Annotated[float, BeforeValidator(_in("1/s")), Field(ge=0)]
Resistance = Annotated[float, BeforeValidator(_in("1/m")), Field(gt=0)]
Velocity = Annotated[float, BeforeValidator(_in("m/s")), Field(gt=0)]
Diffusivity = Annotated[float, BeforeValidator(_in("m^2/s")), Field(gt=0)]


class Section(BaseModel):
    """Unknown keys are errors: a misspelt name must not silently leave a default in place."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sensor(Section):
    """How an instrument differs from the truth, in the inside unit of what it reads (lag in s, drift per s).

    `gain` is relative, `noise` the standard deviation of a reading, `resolution` the step, 0 for none.
    """

    gain: float = 0.0
    bias: float = 0.0
    drift: float = 0.0
    noise: float = Field(0.0, ge=0)
    relative_noise: float = Field(0.0, ge=0)
    resolution: float = Field(0.0, ge=0)
    lag: float = Field(0.0, ge=0)
    low: float = float("-inf")
    high: float = float("inf")


def _gauge(bias: float) -> Sensor:
    """A disposable pressure sensor: 0.25 % of full scale, a few mbar off, 0.3 s, 2 mbar of noise."""
    return Sensor(gain=0.0025, bias=bias, noise=200.0, resolution=69.0, lag=0.3, low=-69e3, high=414e3)


def _balance(bias: float = 0.0) -> Sensor:
    """A precision balance: 0.01 g, 1 s, 5 mg/h."""
    return Sensor(bias=bias, noise=5e-6, resolution=1e-5, lag=1.0, drift=5e-6 / 3600.0, low=0.0, high=6.2)


def _cell() -> Sensor:
    """A conductivity cell: 2 % of reading, 1 s."""
    return Sensor(gain=0.01, noise=1e-4, relative_noise=0.003, resolution=1e-5, lag=1.0, low=0.0, high=20.0)


def _thermocouple(bias: float) -> Sensor:
    """Type T, 0.1 degC shown."""
    return Sensor(bias=bias, noise=0.05, resolution=0.1, lag=5.0, low=-200.0, high=200.0)


SENSORS: Mapping[str, Sensor] = {
    "tff.feed_pressure": _gauge(500.0),
    "tff.retentate_pressure": _gauge(-300.0),
    "tff.permeate_pressure": _gauge(200.0),
    "tff.pcd": Sensor(gain=0.001, noise=50.0, resolution=6.9, lag=0.2, low=0.0, high=207e3),
    "tff.retentate_balance": _balance(),
    "tff.permeate_balance": _balance(),
    "tff.conductivity": _cell(),
    "sec.pressure": Sensor(gain=0.01, noise=1000.0, resolution=6895.0, lag=1.0, low=0.0),
    "sec.conductivity": _cell(),
    "sec.uv": Sensor(gain=0.005, noise=5e-5, drift=1e-4 / 3600.0, resolution=1e-5, lag=1.0, low=-0.1, high=2.0),
    "ep.conductivity": _cell(),
    "lyo.shelf": Sensor(bias=0.05, noise=0.01, resolution=0.01, lag=2.0, low=-100.0, high=350.0),
    "lyo.shelf_probe": Sensor(bias=-0.05, noise=0.01, resolution=0.01, lag=5.0, low=-100.0, high=350.0),
    "lyo.capacitance": Sensor(gain=0.0025, drift=0.067 / 86400.0, relative_noise=0.001, lag=0.5, low=0.0),
    "lyo.pirani": Sensor(gain=0.02, relative_noise=0.003, lag=5.0, low=0.0, high=9.9e4),
    "lyo.condenser": _thermocouple(0.2),
    "lyo.product_centre": _thermocouple(0.3),
    "lyo.product_edge": _thermocouple(-0.2),
}
"""Data-sheet defaults by sensor name."""

_UNITS = {"pressure": "Pa", "pcd": "Pa", "balance": "kg", "conductivity": "S/m", "uv": "AU", "pirani": "Pa",
          "capacitance": "Pa"}  # fmt: skip
_PURE = ("gain", "relative_noise")


def sensor_unit(name: str) -> str:
    """The inside unit of what sensor `name` reads; a temperature unless its name says otherwise."""
    kind = name.partition(".")[2]
    return next((unit for ending, unit in _UNITS.items() if kind.endswith(ending)), "degC")


def _sensors(value: Any) -> Any:
    """The section `sensors`: quantities in the sensor's unit, on top of the data-sheet defaults of that sensor."""
    if not isinstance(value, Mapping):
        return value
    unknown = [str(name) for name in value if name not in SENSORS]
    if unknown:
        raise ValueError(f"no sensor called {unknown[0]!r}; there is {', '.join(SENSORS)}")
    return {name: _sensor(name, given) for name, given in value.items()}


def _sensor(name: str, given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    unit = sensor_unit(name)
    change = {"degC": "K"}.get(unit, unit)
    units = {"lag": "s", "drift": f"{change}/s", "low": unit, "high": unit, **dict.fromkeys(_PURE, "")}
    values = {key: _in(units.get(key, change))(one) if isinstance(one, str) else one for key, one in given.items()}
    return SENSORS[name].model_dump() | values


class Medium(Section):
    """Conditioned medium as harvested: serum-free by default."""

    particles: Particles = parse("2.5e9 1/mL", "1/m^3")
    small: Fraction = 0.30
    large: Fraction = 0.15
    protein: Grams = 1.0
    complexes: Fraction = Field(0.005, description="share of the protein in complexes too big for the pores")
    ldl: Grams = parse("2 ng/mL", "kg/m^3")
    hdl: Grams = parse("40 ng/mL", "kg/m^3")


class Tff(Section):
    """The tangential flow skid: vessels, what its pumps really deliver, what its membranes really are."""

    reservoir: Volume = parse("2.3 L", "m^3")
    permeate_bottle: Volume = parse("5 L", "m^3")
    buffer_bottle: Volume = parse("5 L", "m^3")
    vessel_mass: Mass = Field(0.0, description="empty reservoir on its balance, when nobody tared it")
    hold_up: Volume = parse("4.8 mL", "m^3")
    residue: Volume = parse("0.25 mL", "m^3")
    feed_per_revolution: Volume = parse("1.47 mL", "m^3")
    tubing_wear: PerHour = parse("0.5 percent/h", "1/s")
    reglo_gain: tuple[float, float, float, float] = (0.992, 1.006, 1.0, 1.0)
    fittings: Pressure = Field(parse("0.15 psi", "Pa"), description="outside the fibres at 100 mL/min")
    ripple: Fraction = 0.03
    membrane: Mapping[str, Resistance] = {"100 kDa": 9e11, "300 kDa": 5e11, "500 kDa": 3.2e11, "750 kDa": 2.4e11}
    mass_transfer: Velocity = parse("30 LMH", "m/s")
    gel: Grams = 150.0
    osmotic: tuple[float, ...] = Field((), description="Pa/(g/L)^i of protein at the wall, from the linear term on")
    fouling: PerHour = parse("0.15 1/h", "1/s")
    adsorption: Fraction = 0.008
    cleaning: Fraction = 0.93
    damage_shear: float = Field(6000.0, gt=0)


class Sec(Section):
    """The column as packed and its plumbing."""

    column_length: Length = parse("25 cm", "m")
    column_diameter: Length = parse("5 cm", "m")
    bed_porosity: Fraction = 0.33
    particle_porosity: Fraction = 0.9
    bead_radius: Length = parse("45 um", "m")
    axial_dispersion: Diffusivity = parse("2.2e-7 m^2/s", "m^2/s")
    max_pressure: Pressure = parse("45 psi", "Pa")
    loop: Volume = parse("30 mL", "m^3")
    dead_volume: Volume = parse("2 mL", "m^3")
    detector_delay: Volume = parse("0.5 mL", "m^3")
    mixing_volume: Volume = Field(parse("0.05 mL", "m^3"), description="stirred part of tubing and detector cell")
    tubes: int = Field(60, ge=1)
    tube_volume: Volume = parse("15 mL", "m^3")
    adsorption: Fraction = Field(0.08, description="share of the vesicles that a new bed keeps")
    adsorbing_particles: float = Field(4e12, gt=0, description="vesicles seen until a bed is used to them")
    pump_gain: float = 0.997
    collects_at: int = Field(1, ge=0, le=1, description="diverter state that leads into the tubes: how it is plumbed")
    frit: float = Field(1.2e11, ge=0, description="Pa s/m^3 of frits and tubing")
    frit_particles: float = Field(5e13, gt=0, description="vesicles that double the resistance of the frits")
    selector: tuple[str, ...] = Field(("PBS", "0.5 M NaOH", "20 % ethanol"), min_length=1)
    usual_flow: Flow = parse("9.8 mL/min", "m^3/s")
    uv_path: Length = parse("5 mm", "m")


class Electroporation(Section):
    """Plate, pulser and what the sample does."""

    wells: int = Field(96, ge=1)
    gap: Length = parse("2 mm", "m")
    cold_block: Temperature = 2.0
    room: Temperature = 22.0
    capacitor: float = Field(0.04, description="relative error of the capacitor")
    bubbles: Fraction = Field(0.0, description="share of wells with a bubble")


class Lyophilization(Section):
    """Freeze-dryer and vials."""

    places: int = Field(120, ge=1)
    edge_share: Fraction = 0.2
    edge_heat: float = Field(1.4, gt=0, description="mean factor on heat transfer of edge vials")
    vial_area: Area = parse("3.8 cm^2", "m^2")
    product_area: Area = parse("3.14 cm^2", "m^2")
    vial_volume: Volume = parse("6 mL", "m^3")
    shelf_lag: Time = parse("5 min", "s")
    cake_resistance: tuple[float, float, float] = Field((1.4, 16.0, 0.0), description="R0, A1, A2 in cm, h, Torr, g")
    heat_transfer: tuple[float, float, float] = Field(
        (2.75e-4, 8.93e-4, 0.46), description="KC, KP, KD in cal, cm, Torr"
    )
    nucleation: Temperature = -10.0
    critical_temperature: Temperature = -29.0
    chamber_volume: Volume = parse("60 L", "m^3")
    pump_down: Time = parse("25 min", "s")
    condenser: Temperature = -75.0
    condenser_capacity: Mass = parse("2 kg", "kg")
    leak: float = Field(2e-3, ge=0, description="Pa/s pressure rise of the dry, isolated chamber")


class People(Section):
    """How fast the person is and how well the laboratory measures."""

    walk: Time = parse("60 s", "s")
    handle: Time = parse("30 s", "s")
    assay: Time = parse("45 min", "s")
    counting_error: Fraction = 0.08
    protein_error: Fraction = 0.05
    pouring_loss: Volume = parse("0.05 mL", "m^3")


class SimulationConfig(Section):
    """All of the above; `simulation: {}` gives a plausible line. `bottles` adds to or replaces the library."""

    seed: int = 1
    medium: Medium = Medium()
    bottles: Mapping[str, Mapping[str, Molar]] = {}
    sensors: Annotated[Mapping[str, Sensor], BeforeValidator(_sensors)] = {}
    tff: Tff = Tff()
    sec: Sec = Sec()
    electroporation: Electroporation = Electroporation()
    lyophilization: Lyophilization = Lyophilization()
    people: People = People()

    def sensor(self, name: str) -> Sensor:
        """How the sensor `name` reads."""
        return self.sensors.get(name, SENSORS.get(name, Sensor()))
