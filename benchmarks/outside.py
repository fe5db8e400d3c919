"""Our models beside the public programs, in one run: `python -m benchmarks.outside [--cadet PYTHON]`.

Both programs are GPL and stay outside: started as processes where they are installed, never imported.

CADET-Core has wheels for CPython 3.12 and later. Give it an environment of its own, and its Python to `--cadet`:

    uv venv --python 3.12 cadet && uv pip install --python cadet cadet-core h5py
    python -m benchmarks.outside --cadet cadet/bin/python

LyoPRONTO is no package of any registry: its row repeats its published speed and the answers stored with the cases.
Prints a table and writes benchmarks/results/outside.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import trapezoid

from benchmarks.physics import best, plain_python
from sim.model import evaluate, lyophilization
from sim.model.validation import Case, cases

RESULTS = Path(__file__).parent / "results" / "outside.json"
CASES = Path(__file__).parents[1] / "tests" / "data" / "cases"
SCRIPT = Path(__file__).parent / "cadet_case.py"
GRIDS = ((40, 5), (60, 8), (100, 12))
"""Cells along the column and shells in a bead."""
LYOPRONTO = "0.14-0.28 s a case (v1.2.0, two cores)"

Row = dict[str, Any]


def columns() -> list[Row]:
    """Every column case of the general rate model, in inside units, with the moments that are exact."""
    found = []
    for case in _cases("sec", "grm"):
        values = _values(case)
        values["end"] = 1.5 * values["fraction_count"] * values["fraction_volume"] / values["flow"]
        found.append({"name": case.name, "values": values, "exact": evaluate.compute("sec", "grm", values)})
    return found


def ours(case: Row) -> Row:
    """Time of one case through the same function as `vesiflow model sec`."""
    species = len(case["values"]["species"])
    _, seconds = best(lambda: float(len(evaluate.compute("sec", "grm", case["values"]))))
    return {"case": case["name"], "program": "vesiflow", "seconds": seconds, "ms per species": 1e3 * seconds / species}


def cadet(python: Path, case: Row, grid: tuple[int, int]) -> Row:
    """Time of CADET-Core, and how far its moments lie from the exact ones (largest over the species)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "column.json"
        path.write_text(json.dumps(case["values"]), encoding="utf-8")
        command = [python, SCRIPT, path, *map(str, grid)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python}: {done.stderr.strip().splitlines()[-1]}")
    answer = json.loads(done.stdout)
    names = [one["name"] for one in case["values"]["species"]]
    errors = [_errors(answer["times"], answer[name], case["exact"][name]) for name in names]
    return {
        "case": case["name"],
        "program": f"CADET-Core, {grid[0]} x {grid[1]}",
        "seconds": answer["seconds"],
        "ms per species": 1e3 * answer["seconds"] / len(names),
        "mean off by": max(mean for mean, _ in errors),
        "variance off by": max(variance for _, variance in errors),
    }


def _errors(times: list[float], outlet: list[float], exact: Mapping[str, float]) -> tuple[float, float]:
    """Relative errors of mean and variance of a curve."""
    t, c = np.array(times), np.array(outlet)
    amount = trapezoid(c, t)
    mean = trapezoid(c * t, t) / amount
    variance = trapezoid(c * (t - mean) ** 2, t) / amount
    return abs(mean / exact["first_moment_s"] - 1.0), abs(variance / exact["variance_s2"] - 1.0)


def drying() -> list[Row]:
    """Our time of the published primary drying cases, and LyoPRONTO's stored answers against ours."""
    stored = {item["id"]: item["lyopronto"] for item in json.loads((CASES / "lyo.json").read_text("utf-8"))["cases"]}
    rows = []
    for case in _cases("lyophilization", "primary_drying"):
        values = _values(case)
        result = lyophilization.primary(values)
        _, seconds = best(_timed(values))
        rows.append({"case": case.name, "program": "vesiflow", "seconds": seconds})
        apart = stored[case.name]["primary_drying_h"] / result["primary_drying_h"] - 1.0
        rows.append({"case": case.name, "program": f"LyoPRONTO: {LYOPRONTO}", "duration apart by": abs(apart)})
    return rows


def _timed(values: Mapping[str, Any]) -> Callable[[], float]:
    return lambda: lyophilization.primary(dict(values))["primary_drying_h"]


def _cases(unit: str, calculation: str) -> list[Case]:
    return [case for case in cases(CASES) if (case.unit, case.calculation) == (unit, calculation)]


def _values(case: Case) -> dict[str, Any]:
    """A case as the command reads it, through a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.yaml"
        path.write_text(json.dumps(case.content), encoding="utf-8")
        return evaluate.parsed(case.unit, path)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cadet", type=Path, metavar="PYTHON", help="Python of an environment with cadet-core and h5py"
    )
    python = parser.parse_args().cadet
    _, yardstick = best(plain_python)
    rows = []
    for case in columns():
        rows.append(ours(case))
        rows += [cadet(python, case, grid) for grid in GRIDS] if python else []
    rows += drying()
    for row in rows:
        timed = f"{1e3 * row['seconds']:9.1f} ms" if "seconds" in row else f"{'':12}"
        apart = "".join(f"  {key} {value:.2%}" for key, value in row.items() if key.endswith("by"))
        print(f"{row['case']:28} {row['program']:56} {timed}{apart}")
    document = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "python": platform.python_version(),
            "processor": platform.machine(),
            "yardstick ms": 1e3 * yardstick,
        },
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
