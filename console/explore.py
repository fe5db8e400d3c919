"""`vesiflow explore`: what if? A recipe's parameters sampled, made directly on the plant, on all cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import track
from scipy.stats import spearmanr

from console.explore_files import write_study
from console.explore_plot import expect_picture, write_plot
from console.files import expect_writable
from console.summary import plain_table, screen
from devices.line_file import load_line
from line.direct.study import Row, Study
from line.direct.sweep import points, run
from protocols.load import load
from protocols.resolve import resolve
from protocols.vary import Variation, variation
from records.tables import expect_table
from vesiflow.errors import ConfigError

MOST = 100_000


def explore(
    recipe: str,
    /,
    *,
    vary: Annotated[list[str], Parameter(consume_multiple=True)],
    line: str = "sim",
    samples: int = 64,
    seed: int = 1,
    method: Literal["lhs", "sobol"] = "lhs",
    out: Path = Path("explore.csv"),
    plot: Path | None = None,
    cores: int | None = None,
    unchecked: bool = False,
) -> int:
    """Sample parameters of a recipe and make every batch on the simulated plant, on all cores.

    Parameters
    ----------
    recipe
        Name of a packaged recipe, or a YAML file.
    vary
        PATH=LOW..HIGH, for example primary_drying.temperature="-35..-25 degC"; any end of a path that fits one place.
    line
        Name of a packaged line, or a YAML file; it must be simulated.
    samples
        How many batches; Sobol rounds up to a power of two.
    seed
        Decides the samples and all noise.
    method
        lhs (Latin hypercube) or sobol.
    out
        Table of all samples, .csv or .parquet.
    plot
        Draw yield, purity, duration and failures over each parameter to this file (.svg, .png or .pdf).
    cores
        Processes; all cores unless given.
    unchecked
        Make also what the recipe's check refuses, to see how it goes wrong.
    """
    study = prepare(recipe, line, vary, samples, seed, method, unchecked)
    expect_table(out)
    expect_picture(plot)
    expect_writable(out, plot)
    if cores is not None and cores < 1:
        raise ConfigError("must be at least 1", action="cores", value=cores)
    quiet = not Console(stderr=True).is_terminal
    total = len(points(study))
    rows = list(track(run(study, cores), "batches", total, console=Console(stderr=True), disable=quiet))
    write_study(out, study, rows)
    if plot is not None:
        write_plot(plot, study, rows)
    print_study(study, rows)
    for path in (out, plot):
        if path:
            print(f"written: {path}")
    return 0


def prepare(
    recipe: str,
    line: str,
    vary: Sequence[str],
    samples: int,
    seed: int,
    method: Literal["lhs", "sobol"],
    unchecked: bool = False,
) -> Study:
    """Read and check everything before the first batch; ConfigError."""
    master, file = load(recipe), load_line(line)
    if file.simulation is None:
        raise ConfigError("this line is not simulated", device=file.name, remedy="choose a line with `simulation:`")
    variations = tuple(variation(master, text) for text in vary)
    for found, count in Counter(v.path for v in variations).items():
        if count > 1:
            raise ConfigError("is varied twice", device=found)
    if not 1 <= samples <= MOST:
        raise ConfigError("out of range", action="samples", value=samples, bounds=f"1 to {MOST}")
    if seed < 0:
        raise ConfigError("must not be negative", action="seed", value=seed)
    resolve(master, file.profile)
    return Study(recipe, line, variations, samples, seed, method, unchecked)


def print_study(study: Study, rows: Sequence[Row]) -> None:
    """How many of what, where it went wrong, and what follows which parameter."""
    console = screen()
    counts = Counter(row.outcome for row in rows)
    good = sum(row.releasable for row in rows)
    console.print(
        f"{len(rows)} batches: {counts['complete']} complete, {good} of them within all release criteria, "
        f"{counts['failed']} failed, {counts['refused']} refused by the check",
        highlight=False,
    )
    reasons = Counter((row.outcome, row.failed_at or row.reason) for row in rows if row.outcome != "complete")
    if reasons:
        table = plain_table("outcome", "where", ">batches")
        for (outcome, where), count in reasons.most_common(8):
            table.add_row(outcome, where, str(count))
        console.print(table)
    made = [row for row in rows if row.outcome == "complete"]
    if len(made) >= 4:
        _print_ranks(console, study.variations, made)


def _print_ranks(console: Console, variations: Sequence[Variation], made: Sequence[Row]) -> None:
    """Spearman rank correlations: sign and strength of what follows which parameter."""
    table = plain_table("rank correlation with", ">yield", ">purity", ">duration")
    for index, one in enumerate(variations):
        given = [row.values[index] for row in made]
        cells = [
            rank(given, [getattr(row, name) for row in made])
            for name in ("overall_yield", "particles_per_ug", "duration_h")
        ]
        table.add_row(one.path, *cells)
    console.print(table)


def rank(given: Sequence[float], found: Sequence[float | None]) -> str:
    """Spearman's coefficient as text; a dash where one of the two does not vary."""
    pairs = [(x, y) for x, y in zip(given, found, strict=True) if y is not None]
    if len(pairs) < 4 or len({x for x, _ in pairs}) < 2 or len({y for _, y in pairs}) < 2:
        return "–"
    x, y = zip(*pairs, strict=True)
    return f"{float(spearmanr(x, y).statistic):+.2f}"
