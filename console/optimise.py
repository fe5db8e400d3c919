"""`vesiflow optimise`: the fastest programme that the product bears."""

from __future__ import annotations

import math
from pathlib import Path

from console.explore_plot import expect_picture
from console.files import expect_writable
from console.optimise_plot import write_plot
from console.summary import plain_table, screen
from devices.line_file import load_line
from line.direct.drying import HOUR, Problem, problem, rounded, snippet
from protocols.load import load
from sim.design_space import Judgement, judge, optimum
from vesiflow.errors import ConfigError
from vesiflow.quantities import parse, show

FINE = 60.0


def lyophilization(recipe: str, /, *, line: str = "sim", margin: str | None = None, plot: Path | None = None) -> int:
    """Find the shelf temperature and pressure that dry fastest while all vials stay below collapse.

    Parameters
    ----------
    recipe
        Name of a packaged recipe, or a YAML file.
    line
        Name of a packaged line, or a YAML file.
    margin
        Distance of the warmest ice to the collapse temperature, for example "2 K"; the recipe's unless given.
    plot
        Draw the design space to this file (.svg, .png or .pdf).
    """
    task = problem(load(recipe), load_line(line), _kelvin(margin))
    expect_picture(plot)
    expect_writable(plot)
    found = optimum(task.load, task.limits)
    if found is None:
        raise ConfigError(
            "no programme keeps the product below its limit",
            device=recipe,
            value=f"{task.limits.product:.1f} degC",
            remedy="a smaller margin, a colder condenser or shelf, or a formulation that collapses later",
        )
    best = judge(task.load, *rounded(found.shelf, found.pressure), FINE)
    present = judge(task.load, *task.present, FINE)
    _print(task, present, best)
    if plot is not None:
        write_plot(plot, task, present, best)
        print(f"written: {plot}")
    return 0


def _kelvin(text: str | None) -> float | None:
    try:
        return None if text is None else parse(text, "K")
    except ValueError as error:
        raise ConfigError(str(error), action="margin", remedy="write it like '2 K'") from None


def _print(task: Problem, present: Judgement, best: Judgement) -> None:
    console = screen()
    table = plain_table("", ">recipe", ">optimum")
    rows = (
        ("shelf", f"{present.shelf:.1f} degC", f"{best.shelf:.1f} degC"),
        ("pressure", show(present.pressure, "Pa", "mTorr", 3), show(best.pressure, "Pa", "mTorr", 3)),
        ("primary drying of centre vials", _hours(present), _hours(best)),
        ("warmest ice, centre", f"{present.centre:.1f} degC", f"{best.centre:.1f} degC"),
        ("warmest ice, edge", f"{present.edge:.1f} degC", f"{best.edge:.1f} degC"),
        ("below collapse by", f"{task.critical - present.edge:.1f} K", f"{task.critical - best.edge:.1f} K"),
        ("vapour, share of what the machine passes", f"{100 * present.load:.1f} %", f"{100 * best.load:.1f} %"),
    )
    for row in rows:
        table.add_row(*row)
    console.print(f"collapse at {task.critical:.1f} degC, limit {task.limits.product:.1f} degC", highlight=False)
    console.print(table)
    print(snippet(task, best))


def _hours(seen: Judgement) -> str:
    return f"{seen.duration / HOUR:.1f} h" if math.isfinite(seen.duration) else "never dry"
