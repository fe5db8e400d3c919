"""Cases of size-exclusion chromatography."""

from __future__ import annotations

import math
from itertools import combinations

from sim.model.calculation import Calculation, Values
from sim.model.fields import Count, Fields, Named, Table, Text, not_negative, positive, share
from sim.physics import sec
from sim.physics.sec_transfer import Moments, Response

ML = 1e-6  # m^3


def grm(case: Values) -> Values:
    return {name: _peak(case, response) for name, response in responses(case).items()}


def edm(case: Values) -> Values:
    response = equilibrium(case)
    peak = _peak(case, response)
    kept = {key: peak[key] for key in ("first_moment_s", "variance_s2", "plates", "peak_c_over_c0", "fraction_mass")}
    return {"retention_volume_mL": response.retention * case["flow"] / ML, **kept}


def resolution(case: Values) -> Values:
    moments = {name: _whole(case, response) for name, response in responses(case).items()}
    return {f"Rs_{a}_{b}": sec.resolution(moments[a], moments[b]) for a, b in combinations(moments, 2)}


def responses(case: Values) -> dict[str, sec.GeneralRate]:
    """One general rate model per species."""
    column = sec.Column(
        case["column_length"],
        case["column_diameter"],
        case["bed_porosity"],
        case["particle_porosity"],
        case["bead_radius"],
        case["axial_dispersion"],
    )
    return {
        item["name"]: sec.GeneralRate(
            column, sec.Species(item["accessibility"], item["film_coefficient"], item["pore_diffusivity"]), case["flow"]
        )
        for item in case["species"]
    }


def equilibrium(case: Values) -> sec.Equilibrium:
    """The equilibrium-dispersive model of an edm case: V_R = V0 + Kd Vi."""
    retained = case["void_volume"] + case["partition_coefficient"] * case["pore_volume"]
    return sec.Equilibrium(retained / case["flow"], case["peclet"])


def elution(case: Values, response: Response) -> sec.Elution:
    """The outlet curve of a case."""
    last = case["fraction_volume"] * case["fraction_count"]
    return sec.elute(response, case["flow"], case["injection_volume"], last)


def _whole(case: Values, response: Response) -> Moments:
    return response.moments().with_injection(case["injection_volume"] / case["flow"])


def _peak(case: Values, response: Response) -> Values:
    curve, whole, flow = elution(case, response), _whole(case, response), case["flow"]
    time, height = curve.peak()
    return {
        "first_moment_s": whole.mean,
        "variance_s2": whole.variance,
        "mean_volume_mL": whole.mean * flow / ML,
        "sigma_volume_mL": math.sqrt(whole.variance) * flow / ML,
        "peak_time_s": time,
        "peak_c_over_c0": height,
        "plates": response.moments().plates,
        "fraction_mass": curve.fractions(case["fraction_volume"], case["fraction_count"]),
    }


_LOAD: Fields = {
    "flow": positive("m^3/s"),
    "injection_volume": positive("m^3"),
    "fraction_volume": positive("m^3"),
    "fraction_count": Count(),
}
_SPECIES = Table(
    {
        "name": Text(),
        "accessibility": share(),
        "film_coefficient": positive("m/s"),
        "pore_diffusivity": positive("m^2/s"),
    }
)
_COLUMN: Fields = {
    "column_length": positive("m"),
    "column_diameter": positive("m"),
    "bed_porosity": share(open_ends=True),
    "particle_porosity": share(open_ends=True),
    "bead_radius": positive("m"),
    "axial_dispersion": positive("m^2/s"),
    **_LOAD,
}

CALCULATIONS = {
    "grm": Calculation(Table({**_COLUMN, "species": Named(_SPECIES)}), grm),
    "edm": Calculation(
        Table(
            {
                "void_volume": positive("m^3"),
                "pore_volume": not_negative("m^3"),
                "partition_coefficient": share(),
                "peclet": positive(),
                **_LOAD,
            }
        ),
        edm,
    ),
    "resolution": Calculation(Table({**_COLUMN, "species": Named(_SPECIES, least=2)}), resolution),
}
