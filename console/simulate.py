"""`vesiflow simulate`: a recipe on a simulated line, same controller, drivers and bytes as a real batch, no Prefect."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console import junit as junit_file
from console.files import expect_writable, write_json
from console.progress import shown
from console.running import drive
from console.summary import print_summary
from devices.line_file import LineFile
from line.connect import reached, refuse_known
from line.prepare import batch_volume
from line.prepare import prepare as prepared
from line.procedure import Outcome, Procedure
from line.record import record_of
from protocols.control import ControlRecipe
from records.batch_record import comparable
from records.store import BatchFolder, Store
from vesiflow.errors import ConfigError

WHO = "vesiflow simulate"


@dataclass(frozen=True)
class Simulation:
    """What is simulated, where, under which id."""

    recipe: ControlRecipe
    line: LineFile
    seed: int

    @property
    def batch(self) -> str:
        """The same for the same recipe and seed."""
        return f"sim-{self.recipe.recipe}-{self.seed}"


def simulate(
    recipe: str,
    /,
    *,
    line: str = "sim",
    seed: int = 1,
    volume: str | None = None,
    json: Path | None = None,
    junit: Path | None = None,
    keep: Path | None = None,
    quiet: bool = False,
) -> int:
    """Run a recipe on a simulated line, without Prefect.

    Parameters
    ----------
    recipe
        Name of a packaged recipe, or a YAML file.
    line
        Name of a packaged line, or a YAML file; every instrument must be simulated.
    seed
        Decides all noise; the same seed gives the same result, byte for byte.
    volume
        Batch size instead of the recipe's, for example "1.5 L".
    json
        Write the result to this file.
    junit
        Write a JUnit report with one test case per phase to this file.
    keep
        Keep journal, telemetry and report in this folder; otherwise they go when the command ends.
    quiet
        Print nothing but errors.
    """
    job = prepare(recipe, line, seed, volume)
    expect_writable(json, junit)
    with _store(keep) as store:
        refuse_known(store, job.line, job.batch)
        folder = store.batch(job.line.name, job.batch)
        try:
            outcome = drive(run(job, store, quiet))
        finally:
            if keep and folder.telemetry.exists():
                _close(folder)
        record = record_of(folder)
        if json:
            write_json(json, comparable(record))
        if junit:
            junit_file.write(junit, job.recipe, outcome)
        if not quiet:
            print_summary(record, outcome.reason)
            _say_where(folder if keep else None, json, junit)
    return 0 if outcome.complete else 1


def _close(folder: BatchFolder) -> None:
    from line.closing import close_record  # the plotting library takes a second that a plain simulation need not wait

    close_record(folder)


def _say_where(folder: BatchFolder | None, *files: Path | None) -> None:
    for path in (folder.report if folder else None, *files):
        if path:
            print(f"written: {path}")


def prepare(recipe: str, line: str, seed: int, volume: str | None) -> Simulation:
    """Read and check everything before anything is written; ConfigError with all problems."""
    found = prepared(recipe, line, batch_volume(volume))
    real = [name for name, spec in found.line.instruments.items() if not spec.at.startswith("sim://")]
    if found.line.simulation is None or real:
        raise ConfigError(
            "this line is not simulated",
            device=found.line.name,
            value=", ".join(real) or None,
            remedy="use `vesiflow run` for real instruments",
        )
    return Simulation(found.recipe, found.line, seed)


async def run(job: Simulation, store: Store, quiet: bool) -> Outcome:
    """All phases in order on a line hosted here."""
    async with reached(job.line, store, seed=job.seed) as client:
        with shown(job.recipe, quiet=quiet) as watch:
            return await Procedure(client, job.recipe, job.batch, WHO, watch, attended=False).run()


@contextmanager
def _store(keep: Path | None) -> Iterator[Store]:
    if keep is not None:
        yield Store(keep)
        return
    with tempfile.TemporaryDirectory(prefix="vesiflow-") as folder:
        yield Store(Path(folder))
