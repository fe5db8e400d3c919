"""Runs CADET-Core on one column, as a program outside: `python cadet_case.py COLUMN.json CELLS SHELLS`.

Started by `benchmarks.outside` with the Python of an environment of its own, which has `cadet-core` and `h5py`. It
talks to the program `cadet-cli` by its published file interface and prints one JSON object: seconds, times and one
outlet curve a species.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py

POINTS = 2001


def settings(case: dict[str, Any], cells: int, shells: int) -> dict[str, Any]:
    """The file of one rectangular injection (unit 1) into a column without binding (unit 0)."""
    species = case["species"]
    count = len(species)
    area = case["column_diameter"] ** 2 * 3.141592653589793 / 4.0
    injected = case["injection_volume"] / case["flow"]
    end = case["end"]
    # A time a hair after the change of sections cannot be reached: the grid begins there.
    times = [0.0, *(injected + (end - injected) * i / (POINTS - 2) for i in range(POINTS - 1))]
    newton = {"GS_TYPE": 1, "MAX_KRYLOV": 0, "MAX_RESTARTS": 10, "SCHUR_SAFETY": 1e-8}
    column = {
        "UNIT_TYPE": "GENERAL_RATE_MODEL", "NCOMP": count, "ADSORPTION_MODEL": "NONE", "NBOUND": [0] * count,
        "COL_LENGTH": case["column_length"], "CROSS_SECTION_AREA": area, "COL_POROSITY": case["bed_porosity"],
        "COL_DISPERSION": case["axial_dispersion"], "PAR_POROSITY": case["particle_porosity"],
        "PAR_RADIUS": case["bead_radius"], "PAR_CORERADIUS": 0.0, "PAR_GEOM": "SPHERE", "NPARTYPE": 1,
        "PORE_ACCESSIBILITY": [one["accessibility"] for one in species],
        "FILM_DIFFUSION": [one["film_coefficient"] for one in species], "FILM_DIFFUSION_MULTIPLEX": 0,
        "PAR_DIFFUSION": [one["pore_diffusivity"] for one in species], "PAR_SURFDIFFUSION": [0.0] * count,
        "INIT_C": [0.0] * count,
        "discretization": {
            "NCOL": cells, "NPAR": shells, "PAR_DISC_TYPE": "EQUIDISTANT_PAR", "USE_ANALYTIC_JACOBIAN": 1, **newton,
            "SPATIAL_METHOD": "FV", "RECONSTRUCTION": "WENO",
            "weno": {"BOUNDARY_MODEL": 0, "WENO_EPS": 1e-10, "WENO_ORDER": 3},
        },
    }  # fmt: skip

    def piece(value: float) -> dict[str, list[float]]:
        none = [0.0] * count
        return {"CONST_COEFF": [value] * count, "LIN_COEFF": none, "QUAD_COEFF": none, "CUBE_COEFF": none}

    inlet = {
        "UNIT_TYPE": "INLET", "NCOMP": count, "INLET_TYPE": "PIECEWISE_CUBIC_POLY",
        "sec_000": piece(1.0), "sec_001": piece(0.0),
    }  # fmt: skip
    joined = {"SECTION": 0, "CONNECTIONS": [1.0, 0.0, -1.0, -1.0, -1.0, -1.0, case["flow"]]}
    return {
        "model": {
            "NUNITS": 2, "unit_000": column, "unit_001": inlet, "solver": newton,
            "connections": {"NSWITCHES": 1, "CONNECTIONS_INCLUDE_PORTS": 1, "switch_000": joined},
        },
        "return": {
            "WRITE_SOLUTION_TIMES": 1, "SPLIT_COMPONENTS_DATA": 0, "unit_000": {"WRITE_SOLUTION_OUTLET": 1}
        },
        "solver": {
            "NTHREADS": 1, "USER_SOLUTION_TIMES": times,
            "sections": {"NSEC": 2, "SECTION_CONTINUITY": [0], "SECTION_TIMES": [0.0, injected, end]},
            "time_integrator": {
                "ABSTOL": 1e-9, "RELTOL": 1e-7, "ALGTOL": 1e-10, "INIT_STEP_SIZE": 1e-6, "MAX_STEPS": 100000
            },
        },
    }  # fmt: skip


def write(group: Any, content: dict[str, Any]) -> None:
    """Groups and datasets of an HDF5 file."""
    for name, value in content.items():
        if isinstance(value, dict):
            write(group.create_group(name), value)
        else:
            group[name] = value.encode() if isinstance(value, str) else value  # it reads texts of fixed length only


def main() -> None:
    case = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "column.h5"
        with h5py.File(path, "w") as file:
            write(file.create_group("input"), settings(case, int(sys.argv[2]), int(sys.argv[3])))
        begun = time.perf_counter()
        done = subprocess.run(
            [Path(sys.executable).parent / "cadet-cli", path], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - begun
        if done.returncode:
            sys.exit(f"cadet-cli: {done.stdout}{done.stderr}")
        with h5py.File(path) as file:
            solution = file["output/solution"]
            outlet = solution["unit_000/SOLUTION_OUTLET"][()]
            answer = {"seconds": seconds, "times": solution["SOLUTION_TIMES"][()].tolist()}
    names = [one["name"] for one in case["species"]]
    answer |= {name: outlet[..., i].ravel().tolist() for i, name in enumerate(names)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
