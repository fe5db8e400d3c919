"""The curve that explains each calculation: a few series against one axis, made by the functions of `sim.physics`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.model import electroporation, lyophilization, sec, tff
from sim.model.calculation import Values
from sim.physics import freezing, loading, primary_drying, pulse, secondary_drying, tff_flux, tff_run, vacuum

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """Series (label, x, y) with axis titles; `right` names the series that belong to a second axis."""

    x: str
    y: str
    series: tuple[tuple[str, Floats, Floats], ...]
    right: str = ""
    right_series: tuple[tuple[str, Floats, Floats], ...] = ()


def _of(x: Floats, function: Callable[[float], float]) -> Floats:
    return np.array([function(float(value)) for value in x])


def shear(case: Values) -> Curves:
    fibres = tff_flux.Fibres(case["fibre_count"], case["fibre_diameter"], case["fibre_length"])
    flow = np.linspace(0.0, 2.0 * case["feed_flow"], 50)
    drop = _of(flow, lambda q: tff_flux.pressure_drop(fibres, q, case["viscosity"]) / 1e3)
    return Curves(
        "feed flow, mL/min",
        "wall shear, 1/s",
        (("wall shear", flow * 6e7, _of(flow, lambda q: tff_flux.wall_shear(fibres, q))),),
        "pressure drop, kPa",
        (("pressure drop", flow * 6e7, drop),),
    )


def concentration(case: Values) -> Curves:
    start, end, sieving = tff.volumes(case)
    x = np.linspace(start, end, 100)
    given = case["start_concentration"]
    y = _of(x, lambda v: tff_run.concentrated(given.value, start, v, sieving))
    unit = f", {given.unit}" if given.unit and given.unit != "dimensionless" else ""
    return Curves("retentate volume, L", f"concentration{unit}", ((case.get("species", "retentate"), x * 1e3, y),))


def diafiltration(case: Values) -> Curves:
    x = np.linspace(0.0, max(case["diavolumes"], 1e-9), 100)
    return Curves(
        "diavolumes", "share kept", (("retentate", x, _of(x, lambda n: tff_run.diafiltered_share(n, case["sieving"]))),)
    )


def discontinuous(case: Values) -> Curves:
    x = np.linspace(0, case["steps"], min(case["steps"], 200) + 1)
    kept = _of(x, lambda n: tff_run.discontinuous_share(int(n), case["dilution_ratio"], case["sieving"]))
    return Curves("steps", "share kept", (("retentate", x, kept),))


def gel_flux(case: Values) -> Curves:
    start, end, sieving = tff.volumes(case | {"sieving": 1.0 - case["rejection"]})
    x = np.linspace(start, end, 100)
    bulk = _of(x, lambda v: tff_run.concentrated(case["start_concentration"], start, v, sieving))
    y = _of(bulk, lambda c: tff_flux.gel_flux(case["mass_transfer"], case["gel_concentration"], c) * 3.6e6)
    return Curves("retentate volume, L", "flux, L/m2/h", (("flux", x * 1e3, y),))


def optimal(case: Values) -> Curves:
    gel = case["gel_concentration"]
    x = np.linspace(0.05, 0.95, 100) * gel
    # Time for one diavolume of a fixed mass of product: V is proportional to 1/C, the flux to ln(Cg/C).
    y = _of(x, lambda c: 1.0 / (c * np.log(gel / c)))
    return Curves("concentration, g/L", "relative time", (("diafiltration", x, y / y.min()),))


def resistance(case: Values) -> Curves:
    total = case["membrane_resistance"] + case["fouling_resistance"]
    x = np.linspace(0.0, 2.0 * case["transmembrane_pressure"], 50)
    y = _of(x, lambda p: tff_flux.resistance_flux(p, total, case["viscosity"]) * 3.6e6)
    return Curves("TMP, kPa", "flux, L/m2/h", (("flux", x / 1e3, y),))


def hermia(case: Values) -> Curves:
    x = np.linspace(0.0, max(case["time"], 1.0), 100)
    law = case["initial_flux"], case["fouling_constant"]
    return Curves(
        "time, h",
        "flux, L/m2/h",
        tuple(
            (name, x / 3600.0, _of(x, lambda t, name=name: tff_flux.hermia_flux(name, *law, t) * 3.6e6))  # type: ignore[misc]
            for name in tff_flux.HERMIA_ORDER
        ),
    )


def osmotic(case: Values) -> Curves:
    x = np.linspace(0.0, 2.0 * case["transmembrane_pressure"], 60)
    rest = (
        case["membrane_resistance"],
        case["viscosity"],
        case["mass_transfer"],
        case["bulk_concentration"],
        case["osmotic_coefficients"],
    )
    y = _of(x, lambda p: tff_flux.osmotic_flux(p, *rest) * 3.6e6)
    water = _of(x, lambda p: tff_flux.resistance_flux(p, rest[0], rest[1]) * 3.6e6)
    return Curves("TMP, kPa", "flux, L/m2/h", (("product", x / 1e3, y), ("water", x / 1e3, water)))


def run(case: Values) -> Curves:
    start, end, _ = tff.volumes(case | {"sieving": 0.0})
    volume = np.linspace(start, end, 60)
    washed = np.linspace(0.0, case["diavolumes"], 60)
    permeate = np.concatenate([start - volume, start - end + washed * end]) * 1e3
    series = []
    for item in case["species"]:
        after = _of(volume, lambda v, s=item["sieving"]: tff_run.concentrated(1.0, start, v, s))  # type: ignore[misc]
        then = after[-1] * _of(washed, lambda n, s=item["sieving"]: tff_run.diafiltered_share(n, s))  # type: ignore[misc]
        series.append((item["name"], permeate, np.concatenate([after, then])))
    return Curves("permeate, L", "concentration over feed", tuple(series))


def chromatogram(case: Values) -> Curves:
    last = case["fraction_volume"] * case["fraction_count"]
    responses = sec.responses(case) if "species" in case else {"outlet": sec.equilibrium(case)}
    series = []
    for name, response in responses.items():
        curve = sec.elution(case, response)
        shown = curve.volumes <= last
        series.append((name, curve.volumes[shown] * 1e6, np.clip(curve.c[shown], 0.0, None)))
    return Curves("volume, mL", "c/c0", tuple(series))


def exponential(case: Values) -> Curves:
    tau = pulse.time_constant(electroporation.resistance(case), case["capacitance"])
    x = np.linspace(0.0, case.get("truncation_time", 5.0 * tau), 200)
    y = _of(x, lambda t: pulse.decayed(case["voltage"], t, tau, 1.0))
    return Curves("time, ms", "voltage, V", (("pulse", x * 1e3, y),))


def square(case: Values) -> Curves:
    edges = np.array([0.0, 0.0, 1.0, 1.0, 1.5]) * case["pulse_length"] * 1e3
    level = np.array([0.0, 1.0, 1.0, 0.0, 0.0]) * case["voltage"]
    return Curves("time, ms", "voltage, V", ((f"one of {case['pulse_count']}", edges, level),))


def membrane(case: Values) -> Curves:
    x = np.linspace(0.0, 2.0 * case["field"], 50)
    return Curves(
        "field, kV/cm",
        "membrane voltage, V",
        (("pole", x / 1e5, _of(x, lambda e: loading.membrane_voltage(e, case["radius"]))),),
    )


def ceiling(case: Values) -> Curves:
    x = np.linspace(2.0 * case["bilayer"], 2.0 * case["diameter"], 80)
    y = _of(x, lambda d: loading.loading_ceiling(case["particle_concentration"], d, case["bilayer"]))
    return Curves("diameter, nm", "largest encapsulated share", (("ceiling", x * 1e9, y),))


def drying(case: Values) -> Curves:
    done = lyophilization.drying(case)
    shelf, _ = lyophilization.courses(case)
    hours = np.array([state.time for state in done.course]) / 3600.0
    return Curves(
        "time, h",
        "temperature, degC",
        (
            ("shelf", hours, _of(hours, lambda h: shelf.at(h * 3600.0))),
            ("vial bottom", hours, np.array([state.bottom for state in done.course])),
            ("front", hours, np.array([state.front for state in done.course])),
        ),
        "flux, kg/h/m2",
        (("flux", hours, np.array([done.flux(state) for state in done.course])),),
    )


def point(case: Values) -> Curves:
    lyophilization.point(case)  # refuses what cannot be drawn
    low = primary_drying.frost_point(case["chamber_pressure"])
    x = np.linspace(low, case["shelf_temperature"] + 10.0, 60)
    y = _of(x, lambda shelf: lyophilization.sublimation(case | {"shelf_temperature": shelf})[2])
    return Curves("shelf, degC", "sublimation, g/h", (("vial", x, y),))


def freeze(case: Values) -> Curves:
    result = lyophilization.freeze(case)
    shelf, point_, begin = (case[f"{name}_temperature"] for name in ("shelf", "freezing", "start"))
    nucleated = result["t_to_nucleation_s"]
    frozen = nucleated + result["crystallisation_time_s"]
    liquid, ice = np.linspace(0.0, nucleated, 60), np.linspace(0.0, 1800.0, 80)
    cooling = _of(liquid, lambda t: freezing.relaxed(begin, shelf, t, result["tau_liquid_s"]))
    after = _of(ice, lambda t: freezing.relaxed(point_, shelf, t, result["tau_ice_s"]))
    time = np.concatenate([liquid, [nucleated], frozen + ice]) / 60.0
    return Curves("time, min", "temperature, degC", (("product", time, np.concatenate([cooling, [point_], after])),))


def secondary(case: Values) -> Curves:
    rate = lyophilization.secondary(case)["k_1_h"]
    x = np.linspace(0.0, max(case["time"], 1.0), 100)
    y = _of(x, lambda t: secondary_drying.step(case["initial_moisture"], case["equilibrium_moisture"], rate, t))
    return Curves("time, h", "moisture, %", (("cake", x, y),))


def pirani(case: Values) -> Curves:
    x = np.linspace(0.0, 1.0, 21)
    y = _of(x, vacuum.pirani_ratio)
    return Curves("water share of the gas", "Pirani over capacitance gauge", (("ratio", x, y),))


def capability(case: Values) -> Curves:
    x = np.linspace(0.0, 2.0 * case["chamber_pressure"], 50)
    y = _of(x, lambda p: vacuum.capability(case["intercept"], case["slope"], p))
    return Curves("chamber pressure, Torr", "largest sublimation, kg/h", (("capability", x, y),))


CURVES: dict[tuple[str, str], Callable[[Values], Curves]] = {
    ("tff", "shear"): shear,
    ("tff", "concentration"): concentration,
    ("tff", "diafiltration"): diafiltration,
    ("tff", "discontinuous_diafiltration"): discontinuous,
    ("tff", "gel_flux"): gel_flux,
    ("tff", "optimal_diafiltration"): optimal,
    ("tff", "resistance_in_series"): resistance,
    ("tff", "hermia"): hermia,
    ("tff", "osmotic"): osmotic,
    ("tff", "run"): run,
    ("sec", "grm"): chromatogram,
    ("sec", "edm"): chromatogram,
    ("sec", "resolution"): chromatogram,
    ("electroporation", "exponential"): exponential,
    ("electroporation", "truncated"): exponential,
    ("electroporation", "square"): square,
    ("electroporation", "membrane"): membrane,
    ("electroporation", "loading_ceiling"): ceiling,
    ("lyophilization", "primary_drying"): drying,
    ("lyophilization", "point"): point,
    ("lyophilization", "freezing"): freeze,
    ("lyophilization", "secondary_drying"): secondary,
    ("lyophilization", "pirani"): pirani,
    ("lyophilization", "equipment_capability"): capability,
}
