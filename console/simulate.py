"""`vesiflow simulate`: a recipe on a simulated line, same controller, drivers and bytes as a real batch, no Prefect."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from console import junit as junit_file
from console.files import expect_writable, write_json
from console.progress import shown
from console.running import drive
from console.summary import print_summary
from line.connect import refuse_known
from line.prepare import batch_volume, prepare
from line.procedure import Outcome
from line.record import record_of
from line.simulation import Simulation, simulation
from records.batch_record import comparable
from records.model import BatchRecord
from records.store import BatchFolder, Store
from sim.faults.files import find

WHO = "vesiflow simulate"


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
    fault: tuple[str, ...] = (),
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
    fault
        What goes wrong: a fault of `vesiflow faults list`, or a YAML file of faults; may be given several times.
        One that never strikes is told, and the exit code is 1.
    quiet
        Print nothing but errors.
    """
    told: list[str] = []
    missed: list[str] = []
    faults = tuple(one for name in fault for one in find(name))
    found = simulation(prepare(recipe, line, batch_volume(volume)), seed, faults)
    job = replace(found, tell=told.extend, warn=missed.extend)
    expect_writable(json, junit)
    with _store(keep) as store:
        refuse_known(store, job.line, job.batch)
        folder = store.batch(job.line.name, job.batch)
        try:
            outcome = drive(_run(job, store, quiet))
        finally:
            if keep and folder.telemetry.exists():
                _close(folder)
        record = record_of(folder)
        _written(record, job, outcome, json, junit)
        if not quiet:
            print("".join(f"{line}\n" for line in told), end="")
            print_summary(record, outcome.reason)
            _say_where(folder if keep else None, json, junit)
    for one in missed:
        print(f"{WHO}: {one}", file=sys.stderr)
    return 0 if outcome.complete and not missed else 1


def _close(folder: BatchFolder) -> None:
    from line.closing import close_record  # the plotting library takes a second that a plain simulation need not wait

    close_record(folder)


def _written(record: BatchRecord, job: Simulation, outcome: Outcome, json: Path | None, junit: Path | None) -> None:
    if json:
        write_json(json, comparable(record))
    if junit:
        junit_file.write(junit, job.recipe, outcome)


def _say_where(folder: BatchFolder | None, *files: Path | None) -> None:
    for path in (folder.report if folder else None, *files):
        if path:
            print(f"written: {path}")


async def _run(job: Simulation, store: Store, quiet: bool) -> Outcome:
    with shown(job.recipe, quiet=quiet) as watch:
        return await job.run(store, WHO, watch)


@contextmanager
def _store(keep: Path | None) -> Iterator[Store]:
    if keep is not None:
        yield Store(keep)
        return
    with tempfile.TemporaryDirectory(prefix="vesiflow-") as folder:
        yield Store(Path(folder))
