"""Cases of lyophilization. Primary drying stays in cm, g, Torr and cal, as in `sim.physics.primary_drying`."""

from __future__ import annotations

import math

from sim.model.calculation import Calculation, Values
from sim.model.fields import (
    Bad,
    Fields,
    ListOf,
    Number,
    Table,
    not_negative,
    positive,
    share,
    signed,
    temperature,
)
from sim.physics import drying_run, freezing, primary_drying, secondary_drying, vacuum
from sim.physics.schedule import Schedule, staged

HOUR = 3600.0
MELTING = 0.0  # degC
ROUNDING = 1e-9  # a length in mm and the same in cm


def primary(case: Values) -> Values:
    done = drying(case)
    vial = done.vial
    fastest = done.fastest()
    front, bottom = done.hottest()
    return {
        "Lpr0_cm": vial.height,
        "water_mass_g_per_vial": vial.water,
        "primary_drying_h": done.duration / HOUR,
        "max_Tbot_C": bottom,
        "max_Tsub_C": front,
        "max_flux_kg_h_m2": done.flux(fastest),
        "t_max_flux_h": fastest.time / HOUR,
        "final_flux_kg_h_m2": done.flux(done.course[-1]),
        "t50_h": done.time_at(0.5) / HOUR,
        "t90_h": done.time_at(0.9) / HOUR,
    }


def drying(case: Values) -> drying_run.DryingRun:
    """The run of a case through its recipe."""
    vial = primary_drying.Vial(
        case["vial"]["area"],
        case["vial"]["product_area"],
        case["vial"]["fill_volume"],
        case["product"]["solid_content"],
        **_material(case),
    )
    shelf, pressure = courses(case)
    try:
        done = drying_run.dry(vial, shelf, pressure)
    except drying_run.NotDry as error:
        raise Bad("shelf", str(error)) from None
    if (hottest := done.hottest()[1]) > MELTING:
        raise Bad("shelf", f"the ice melts: the product reaches {hottest:.1f} degC")
    return done


def courses(case: Values) -> tuple[Schedule, Schedule]:
    """Shelf (degC) and chamber pressure (Torr) of a case over time (s)."""
    shelf, chamber = case["shelf"], case["chamber_pressure"]
    for key, recipe in (("chamber_pressure", chamber), ("shelf", shelf)):
        points, times = len(recipe["setpoints"]), len(recipe["durations"])
        if points != times:
            raise Bad(f"{key}.durations", f"must have as many entries as setpoints (got {times} and {points})")
    return (
        staged(shelf["init"], shelf["setpoints"], shelf["durations"], shelf["ramp"] / 60.0),
        staged(
            chamber.get("init", chamber["setpoints"][0]),
            chamber["setpoints"],
            chamber["durations"],
            chamber["ramp"] / 60.0,
        ),
    )


def point(case: Values) -> Values:
    layer, height = case["dry_layer"], case["fill_height"]
    pressure, shelf = case["chamber_pressure"], case["shelf_temperature"]
    if layer > height * (1.0 + ROUNDING):
        raise Bad("dry_layer", f"must not be more than fill_height (got {layer:g} cm and {height:g} cm)")
    vapour = primary_drying.vapour_pressure(shelf)
    if pressure >= vapour:
        reason = f"nothing sublimes: ice at {shelf:g} degC has {vapour:.4g} torr (got {pressure:.4g} torr)"
        raise Bad("chamber_pressure", reason)
    front, bottom, rate = sublimation(case)
    vial = _vial(case)
    if bottom > MELTING:
        raise Bad("shelf_temperature", f"the ice melts: the product reaches {bottom:.1f} degC")
    return {
        "Kv": vial.heat_transfer(pressure),
        "Rp": vial.resistance(layer),
        "Tsub_C": front,
        "Tbot_C": bottom,
        "sublimation_g_h": rate,
    }


def sublimation(case: Values) -> tuple[float, float, float]:
    """(front degC, bottom degC, g/h) of a point case, without its checks."""
    inputs = primary_drying.Inputs(_vial(case), case["shelf_temperature"], case["chamber_pressure"])
    layer = min(case["dry_layer"], case["fill_height"])
    return primary_drying.balance(inputs, layer, 0.0, case["shelf_temperature"], case["fill_height"])


def _vial(case: Values) -> primary_drying.Vial:
    return primary_drying.Vial(case["vial"]["area"], case["vial"]["product_area"], **_material(case))


def _material(case: Values) -> dict[str, float]:
    product = {key: value for key, value in case["product"].items() if key != "solid_content"}
    return product | dict(case["heat_transfer"])


def freeze(case: Values) -> Values:
    shelf, point_, start, nucleation = (
        case[f"{name}_temperature"] for name in ("shelf", "freezing", "start", "nucleation")
    )
    _freezing_order(shelf, point_, start, nucleation)
    conductance = case["heat_transfer"] * case["vial"]["area"]
    mass, heat = case["solution_density"] * case["vial"]["fill_volume"], case["solution_heat_capacity"]
    liquid = freezing.liquid_time_constant(1.0, mass, heat, conductance)
    frozen = case["vial"]["product_area"] * case["fill_height"]
    ice = freezing.liquid_time_constant(case["ice_density"], frozen, case["ice_heat_capacity"], conductance)
    growth = freezing.crystallisation_time(
        mass, case["fusion_heat"], heat, point_ - nucleation, conductance, point_ - shelf
    )
    if growth < 0.0:
        raise Bad("nucleation_temperature", "is so cold that everything freezes at once: no crystallisation time")
    return {
        "tau_liquid_s": liquid,
        "t_to_nucleation_s": freezing.time_to_reach(start, nucleation, shelf, liquid),
        "crystallisation_time_s": growth,
        "tau_ice_s": ice,
        "T_30min_after_crystallisation_C": freezing.relaxed(point_, shelf, 1800.0, ice),
    }


def _freezing_order(shelf: float, point_: float, start: float, nucleation: float) -> None:
    if point_ <= shelf:
        raise Bad("freezing_temperature", f"must be above shelf_temperature (got {point_:g} and {shelf:g} degC)")
    if not shelf < nucleation <= point_:
        bounds = f"above shelf_temperature {shelf:g} degC and not above freezing_temperature {point_:g} degC"
        raise Bad("nucleation_temperature", f"must be {bounds} (got {nucleation:g} degC)")
    if nucleation >= start:
        raise Bad("nucleation_temperature", f"must be below start_temperature {start:g} degC (got {nucleation:g} degC)")


def secondary(case: Values) -> Values:
    rate = secondary_drying.desorption_rate(
        case["rate"], case["activation_energy"], case["reference_temperature"], case["temperature"]
    )
    return {
        "k_1_h": rate,
        "w_pct": secondary_drying.step(case["initial_moisture"], case["equilibrium_moisture"], rate, case["time"]),
    }


def pirani(case: Values) -> Values:
    return {"pirani_over_cm": vacuum.pirani_ratio(case["water_fraction"])}


def equipment_capability(case: Values) -> Values:
    flow = vacuum.capability(case["intercept"], case["slope"], case["chamber_pressure"])
    return {"max_batch_sublimation_kg_h": flow}


_RESISTANCE: Fields = {
    "R0": positive("cm^2*h*torr/g"),
    "A1": not_negative("cm*h*torr/g"),
    "A2": not_negative("1/cm"),
}
_HEAT = Table(
    {
        "KC": positive("cal/s/K/cm^2"),
        "KP": not_negative("cal/s/K/cm^2/torr"),
        "KD": not_negative("1/torr"),
    }
)
_AREAS: Fields = {"area": positive("cm^2"), "product_area": positive("cm^2")}
_TIMES = ListOf((positive("s"),))
# All solids and no water is no product: the end of the range itself is out.
_SOLIDS = Number("g/mL", 0.0, math.nextafter(primary_drying.SOLUTE_DENSITY, 0.0), open=False)

CALCULATIONS = {
    "primary_drying": Calculation(
        Table(
            {
                "vial": Table({**_AREAS, "fill_volume": positive("mL")}),
                "product": Table({"solid_content": _SOLIDS, **_RESISTANCE}),
                "heat_transfer": _HEAT,
                "chamber_pressure": Table(
                    {
                        "init": positive("torr", optional=True),
                        "setpoints": ListOf((positive("torr"),)),
                        "durations": _TIMES,
                        "ramp": positive("torr/min"),
                    }
                ),
                "shelf": Table(
                    {
                        "init": temperature(),
                        "setpoints": ListOf((temperature(),)),
                        "durations": _TIMES,
                        "ramp": positive("K/min"),
                    }
                ),
            }
        ),
        primary,
    ),
    "point": Calculation(
        Table(
            {
                "chamber_pressure": positive("torr"),
                "shelf_temperature": temperature(),
                "dry_layer": not_negative("cm"),
                "fill_height": positive("cm"),
                "vial": Table(_AREAS),
                "product": Table(_RESISTANCE),
                "heat_transfer": _HEAT,
            }
        ),
        point,
    ),
    "freezing": Calculation(
        Table(
            {
                "vial": Table(
                    {"fill_volume": positive("m^3"), "area": positive("m^2"), "product_area": positive("m^2")}
                ),
                "heat_transfer": positive("W/m^2/K"),
                **{f"{name}_temperature": temperature() for name in ("start", "nucleation", "freezing", "shelf")},
                "solution_density": positive("kg/m^3"),
                "solution_heat_capacity": positive("J/kg/K"),
                "fusion_heat": positive("J/kg"),
                "ice_heat_capacity": positive("J/kg/K"),
                "ice_density": positive("kg/m^3"),
                "fill_height": positive("m"),
            }
        ),
        freeze,
    ),
    "secondary_drying": Calculation(
        Table(
            {
                "initial_moisture": not_negative("percent"),
                "equilibrium_moisture": not_negative("percent"),
                "rate": positive("1/h"),
                "activation_energy": positive("J/mol"),
                "reference_temperature": temperature(),
                "temperature": temperature(),
                "time": not_negative("h"),
            }
        ),
        secondary,
    ),
    "pirani": Calculation(Table({"water_fraction": share()}), pirani),
    "equipment_capability": Calculation(
        Table({"intercept": signed("kg/h"), "slope": positive("kg/h/torr"), "chamber_pressure": positive("torr")}),
        equipment_capability,
    ),
}
