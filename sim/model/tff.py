"""Cases of tangential flow filtration. SI units between reading and writing; outputs in the unit of their key."""

from __future__ import annotations

import math

from sim.model.calculation import Calculation, Values
from sim.model.fields import (
    Bad,
    Concentration,
    Count,
    Fields,
    Named,
    Number,
    Series,
    Table,
    Text,
    not_negative,
    positive,
    share,
    signed,
)
from sim.physics import tff_flux as flux
from sim.physics import tff_run as runs

LMH = 1.0 / 3.6e6  # m/s
PSI = 6894.757293168361  # Pa
HOUR = 3600.0
LITRE = 1e-3
PER_UG = 1e-9  # kg


def shear(case: Values) -> Values:
    fibres = flux.Fibres(case["fibre_count"], case["fibre_diameter"], case["fibre_length"])
    flow, viscosity = case["feed_flow"], case["viscosity"]
    rate = flux.wall_shear(fibres, flow)
    return {
        "wall_shear_1_s": rate,
        "wall_shear_stress_Pa": viscosity * rate,
        "lumen_velocity_m_s": flux.lumen_velocity(fibres, flow),
        "reynolds": flux.reynolds(fibres, flow, viscosity),
        "pressure_drop_Pa": flux.pressure_drop(fibres, flow, viscosity),
        "area_cm2": fibres.area * 1e4,
    }


def concentration(case: Values) -> Values:
    start, end, sieving = volumes(case)
    lost = runs.lost_share(start, end, sieving)
    return {
        "VCF": start / end,
        "C_final": runs.concentrated(case["start_concentration"].value, start, end, sieving),
        "yield_fraction": runs.concentrate_yield(start, end, sieving),
        "permeate_mass_fraction": lost,
        "permeate_volume_L": (start - end) / LITRE,
    }


def diafiltration(case: Values) -> Values:
    washed = case["diavolumes"] * case["sieving"]
    return {
        "retained_fraction": runs.diafiltered_share(case["diavolumes"], case["sieving"]),
        "removed_percent": -100.0 * math.expm1(-washed),
        "log_reduction": washed / math.log(10.0),
    }


def discontinuous_diafiltration(case: Values) -> Values:
    return {"retained_fraction": runs.discontinuous_share(case["steps"], case["dilution_ratio"], case["sieving"])}


def gel_flux(case: Values) -> Values:
    limit = runs.GelLimit(case["mass_transfer"], case["gel_concentration"], case["area"])
    bulk = case["start_concentration"]
    start, end, sieving = volumes(case | {"sieving": 1.0 - case["rejection"]})
    final = below_gel("start_concentration", limit.gel, bulk, start, end, sieving)
    return {
        "J_initial_LMH": limit.flow(bulk) / limit.area / LMH,
        "J_final_LMH": limit.flow(final) / limit.area / LMH,
        "time_h": runs.concentration_time(limit, start, end, bulk, sieving) / HOUR,
        "C_final_g_L": final,
    }


def optimal_diafiltration(case: Values) -> Values:
    return {"C_opt_g_L": runs.optimal_diafiltration_concentration(case["gel_concentration"])}


def resistance_in_series(case: Values) -> Values:
    resistance = case["membrane_resistance"] + case["fouling_resistance"]
    speed = flux.resistance_flux(case["transmembrane_pressure"], resistance, case["viscosity"])
    per_bar = 1e5 * flux.permeability(resistance, case["viscosity"])
    return {"J_m_s": speed, "J_LMH": speed / LMH, "hydraulic_permeability_LMH_bar": per_bar / LMH}


def tmp(case: Values) -> Values:
    feed, retentate, permeate = (case[f"{end}_pressure"] for end in ("feed", "retentate", "permeate"))
    return {
        "TMP_psi": flux.transmembrane_pressure(feed, retentate, permeate) / PSI,
        "dP_psi": (feed - retentate) / PSI,
    }


def hermia(case: Values) -> Values:
    law = case["mechanism"], case["initial_flux"], case["fouling_constant"], case["time"]
    return {"J_LMH": flux.hermia_flux(*law) / LMH, "throughput_L_m2": flux.hermia_throughput(*law) / LITRE}


def osmotic(case: Values) -> Values:
    bulk, k = case["bulk_concentration"], case["mass_transfer"]
    speed = flux.osmotic_flux(
        case["transmembrane_pressure"],
        case["membrane_resistance"],
        case["viscosity"],
        k,
        bulk,
        case["osmotic_coefficients"],
    )
    if speed / k > flux.MAX_EXPONENT and bulk:
        raise Bad("mass_transfer", "is so small that the concentration at the wall has no finite value")
    return {"J_m_s": speed, "J_LMH": speed / LMH, "Cw_g_L": flux.wall_concentration(bulk, speed, k)}


def run(case: Values) -> Values:
    start, end, _ = volumes(case | {"sieving": 0.0})
    species = {item["name"]: item for item in case["species"]}
    order = list(species)
    gel = case["gel_species"]
    if gel not in species:
        raise Bad("gel_species", f"must be one of the species {', '.join(order)} (got {gel})")
    key = f"species[{order.index(gel)}].concentration"
    bulk = species[gel]["concentration"]
    if bulk.kind != "mass":
        got = f"{bulk.value:g} {bulk.unit}".strip()
        raise Bad(key, f"wrong dimension: the gel-forming species needs a mass per volume like g/L (got {got})")
    if bulk.value <= 0.0:
        raise Bad(key, f"must be greater than 0 (got {bulk.value:g} {bulk.unit})")
    below_gel(key, case["gel_concentration"], bulk.per_m3, start, end, species[gel]["sieving"])
    result = runs.run(
        runs.GelLimit(case["mass_transfer"], case["gel_concentration"], case["area"]),
        start,
        end,
        case["diavolumes"],
        gel,
        bulk.per_m3,
        {name: item["concentration"].value for name, item in species.items()},
        {name: item["sieving"] for name, item in species.items()},
    )
    return {
        "t_concentration_h": result.concentration_time / HOUR,
        "t_diafiltration_h": result.diafiltration_time / HOUR,
        "C_after_conc": result.after_concentration,
        "C_final": result.final,
        **_quality(species, result),
        "diafiltrate_L": result.diafiltrate / LITRE,
        "permeate_total_L": result.permeate / LITRE,
    }


def _quality(species: Values, result: runs.RunResult) -> Values:
    made: Values = {}
    if "EV" in species:
        made["EV_recovery"] = result.recovery["EV"]
    if "protein" in species:
        made["protein_removal_pct"] = 100.0 * (1.0 - result.recovery["protein"])
    if {"EV", "protein"} <= species.keys():
        vesicles, protein = species["EV"]["concentration"], species["protein"]["concentration"]
        if (vesicles.kind, protein.kind) == ("number", "mass"):
            left = protein.per_m3 * result.final["protein"] / protein.value if protein.value else 0.0
            if left <= 0.0:
                key = f"species[{list(species).index('protein')}].concentration"
                raise Bad(key, "no protein is left at the end: particles_per_ug_final has no finite value")
            made["particles_per_ug_final"] = vesicles.per_m3 * _change("EV", species, result) / left * PER_UG
    return made


def _change(name: str, species: Values, result: runs.RunResult) -> float:
    before = species[name]["concentration"].value
    return result.final[name] / before if before else 0.0


def volumes(case: Values) -> tuple[float, float, float]:
    """(start, end, sieving) with the end below the start."""
    start, end = case["start_volume"], case["end_volume"]
    if end >= start:
        raise Bad("end_volume", f"must be less than start_volume (got {end / LITRE:g} L and {start / LITRE:g} L)")
    return start, end, case["sieving"]


def below_gel(key: str, gel: float, bulk: float, start: float, end: float, sieving: float) -> float:
    """Concentration after the batch step; Bad when it reaches the gel concentration, where nothing permeates."""
    final = runs.concentrated(bulk, start, end, sieving)
    top = max(bulk, final)
    if top >= gel:
        raise Bad(key, f"must stay below gel_concentration {gel:g} g/L (got {top:g} g/L)")
    return final


_SHEAR: Fields = {
    "feed_flow": positive("m^3/s"),
    "fibre_count": Count(),
    "fibre_diameter": positive("m"),
    "fibre_length": positive("m"),
    "viscosity": positive("Pa*s"),
}
_VOLUMES: Fields = {"start_volume": positive("m^3"), "end_volume": positive("m^3")}
_GEL: Fields = {"gel_concentration": positive("g/L"), "mass_transfer": positive("m/s"), "area": positive("m^2")}
_WASH: Fields = {"diavolumes": not_negative(), "sieving": share()}
_MEMBRANE: Fields = {
    "transmembrane_pressure": positive("Pa"),
    "membrane_resistance": positive("1/m"),
    "viscosity": positive("Pa*s"),
}
_SPECIES = Table({"name": Text(), "sieving": share(), "concentration": Concentration()})

CALCULATIONS = {
    "shear": Calculation(Table(_SHEAR), shear),
    "concentration": Calculation(
        Table(
            {
                **_VOLUMES,
                "sieving": share(),
                "start_concentration": Concentration(),
                "species": Text(optional=True),
            }
        ),
        concentration,
    ),
    "diafiltration": Calculation(Table(_WASH), diafiltration),
    "discontinuous_diafiltration": Calculation(
        Table({"steps": Count(), "dilution_ratio": Number(low=1.0), "sieving": share()}), discontinuous_diafiltration
    ),
    "gel_flux": Calculation(
        Table({**_VOLUMES, "start_concentration": positive("g/L"), **_GEL, "rejection": share()}), gel_flux
    ),
    "optimal_diafiltration": Calculation(Table({"gel_concentration": positive("g/L")}), optimal_diafiltration),
    "resistance_in_series": Calculation(
        Table({**_MEMBRANE, "fouling_resistance": not_negative("1/m")}), resistance_in_series
    ),
    "tmp": Calculation(Table({f"{end}_pressure": signed("Pa") for end in ("feed", "retentate", "permeate")}), tmp),
    "hermia": Calculation(
        Table(
            {
                "initial_flux": positive("m/s"),
                "fouling_constant": positive("1/s"),
                "time": not_negative("s"),
                "mechanism": Text(tuple(flux.HERMIA_ORDER)),
            }
        ),
        hermia,
    ),
    "osmotic": Calculation(
        Table(
            {
                **_MEMBRANE,
                "mass_transfer": positive("m/s"),
                "bulk_concentration": not_negative("g/L"),
                "osmotic_coefficients": Series("Pa", "g/L"),
            }
        ),
        osmotic,
    ),
    "run": Calculation(
        Table(
            {
                **_VOLUMES,
                "diavolumes": not_negative(),
                **_GEL,
                "gel_species": Text(),
                "species": Named(_SPECIES),
            }
        ),
        run,
    ),
}
