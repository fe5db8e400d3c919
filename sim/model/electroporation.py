"""Cases of electroporation."""

from __future__ import annotations

import math

from sim.model.calculation import Calculation, Values
from sim.model.fields import Bad, Count, Fields, Table, not_negative, positive, signed, temperature
from sim.physics import loading, pulse

V_CM = 100.0  # V/m
KV_CM = 1e5  # V/m
LITRE = 1e-3


def resistance(case: Values) -> float:
    """Resistance of the whole discharge, ohm: given, or from the conductivity of the sample."""
    if "resistance" in case:
        return float(case["resistance"])
    if "conductivity" not in case:
        raise Bad("resistance", "is missing (or give conductivity)")
    return pulse.Cell(case["gap"], case["volume"], case["conductivity"]).resistance


def exponential(case: Values) -> Values:
    voltage, capacitance, ohm = case["voltage"], case["capacitance"], resistance(case)
    tau = pulse.time_constant(ohm, capacitance)
    energy = pulse.stored_energy(voltage, capacitance)
    return {
        "E0_V_cm": pulse.field(voltage, case["gap"]) / V_CM,
        "tau_ms": tau * 1e3,
        "V_at_5ms": pulse.decayed(voltage, 5e-3, ohm, capacitance),
        "peak_current_A": voltage / ohm,
        "charge_C": capacitance * voltage,
        "stored_energy_J": energy,
        "adiabatic_dT_all_energy_K": pulse.heating(energy, case["volume"], heat_capacity(case)),
        "t_to_37pct_ms": tau * 1e3,
    }


def truncated(case: Values) -> Values:
    voltage, ohm, capacitance, time = (case[k] for k in ("voltage", "resistance", "capacitance", "truncation_time"))
    return {
        "V_end": pulse.decayed(voltage, time, ohm, capacitance),
        "delivered_J": pulse.delivered_energy(voltage, capacitance, ohm, time),
    }


def square(case: Values) -> Values:
    voltage, length, count = case["voltage"], case["pulse_length"], case["pulse_count"]
    cell = pulse.Cell(case["gap"], case["volume"], case["conductivity"])
    energy = pulse.square_energy(voltage, cell.resistance, length, count)
    strength = pulse.field(voltage, cell.gap)
    return {
        "E_V_cm": strength / V_CM,
        "R_sample_ohm": cell.resistance,
        "current_A": voltage / cell.resistance,
        "energy_J": energy,
        "dT_adiabatic_K": pulse.heating(energy, cell.volume, heat_capacity(case)),
        "dT_formula_K": pulse.square_heating(cell.conductivity, strength, length, count, heat_capacity(case)),
    }


def membrane(case: Values) -> Values:
    radius, field = case["radius"], case["field"]
    shell = loading.MembraneProperties(
        case["membrane_capacitance"], case["conductivity_inside"], case["conductivity_outside"]
    )
    return {
        "dVm_V": loading.membrane_voltage(field, radius, case["angle"]),
        "tau_m_s": loading.charging_time(radius, shell),
        "dVm_at_60deg_V": loading.membrane_voltage(field, radius, math.pi / 3.0),
        "E_for_1V_kV_cm": loading.field_for(1.0, radius) / KV_CM,
        "E_for_0p2V_kV_cm": loading.field_for(0.2, radius) / KV_CM,
    }


def loading_ceiling(case: Values) -> Values:
    diameter, bilayer = case["diameter"], case["bilayer"]
    if bilayer >= diameter / 2.0:
        raise Bad("bilayer", f"must be less than half of diameter (got {bilayer * 1e9:g} nm and {diameter * 1e9:g} nm)")
    return {
        "lumen_volume_L": loading.lumen_volume(diameter, bilayer) / LITRE,
        "molecules_per_vesicle": loading.molecules_per_vesicle(case["cargo"], diameter, bilayer),
        "max_encapsulated_fraction": loading.loading_ceiling(case["particle_concentration"], diameter, bilayer),
    }


def heat_capacity(case: Values) -> float:
    """J/m^3/K, water unless given."""
    return float(case.get("heat_capacity", pulse.HEAT_CAPACITY))


_CUVETTE: Fields = {"gap": positive("m"), "volume": positive("m^3")}
_HEAT: Fields = {"heat_capacity": positive("J/m^3/K", optional=True)}

CALCULATIONS = {
    "exponential": Calculation(
        Table(
            {
                "voltage": positive("V"),
                "capacitance": positive("F"),
                **_CUVETTE,
                "resistance": positive("ohm", optional=True),
                "conductivity": positive("S/m", optional=True),
                "start_temperature": temperature(optional=True),
                **_HEAT,
            }
        ),
        exponential,
    ),
    "truncated": Calculation(
        Table(
            {
                "voltage": positive("V"),
                "resistance": positive("ohm"),
                "capacitance": positive("F"),
                "truncation_time": positive("s"),
            }
        ),
        truncated,
    ),
    "square": Calculation(
        Table(
            {
                "voltage": positive("V"),
                "pulse_length": positive("s"),
                "pulse_count": Count(),
                **_CUVETTE,
                "conductivity": positive("S/m"),
                **_HEAT,
            }
        ),
        square,
    ),
    "membrane": Calculation(
        Table(
            {
                "field": positive("V/m"),
                "radius": positive("m"),
                "angle": signed("deg"),
                "membrane_capacitance": positive("F/m^2"),
                "conductivity_inside": positive("S/m"),
                "conductivity_outside": positive("S/m"),
            }
        ),
        lambda case: membrane(case | {"angle": math.radians(case["angle"])}),
    ),
    "loading_ceiling": Calculation(
        Table(
            {
                "diameter": positive("m"),
                "bilayer": positive("m"),
                "cargo": not_negative("mol/m^3"),
                "particle_concentration": not_negative("1/m^3"),
            }
        ),
        loading_ceiling,
    ),
}
