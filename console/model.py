"""`vesiflow model`: evaluate one case of one unit operation."""

from __future__ import annotations

import json as json_text
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from sim.model.evaluate import evaluate
from sim.model.table import rows


def model(unit: str, case: Path, *, json: bool = False, plot: Path | None = None) -> None:
    """Evaluate one case of the process models that the simulated line runs on.

    Example:
        vesiflow model tff run.yaml --json
        vesiflow model lyophilization lyo.yaml --plot drying.svg

    where run.yaml holds

        calculation: shear
        feed_flow: 88 mL/min
        fibre_count: 30
        fibre_diameter: 0.5 mm
        fibre_length: 50 cm
        viscosity: 1 mPa*s

    Parameters
    ----------
    unit:
        tff, sec, electroporation or lyophilization.
    case:
        YAML file with a `calculation` and its values, each with a unit.
    json:
        Print one JSON object instead of a table.
    plot:
        Also draw the curve of the calculation to this file (.svg, .png or .pdf).
    """
    result = evaluate(unit, case)
    if plot is not None:
        from sim.model.plot import plot as draw  # matplotlib takes a second

        draw(unit, case, plot)
    if json:
        print(json_text.dumps(result, allow_nan=False))
        return
    table = Table("quantity", box=box.SIMPLE)
    table.add_column("value", justify="right")
    table.add_column("unit")
    for label, value, name in rows(result):
        table.add_row(label, f"{value:.6g}", name)
    Console(markup=False).print(table)
