"""`vesiflow run`: a batch as a Prefect flow, with an embedded Prefect server unless one is given."""

from __future__ import annotations

import getpass
from importlib import import_module
from pathlib import Path
from typing import Any

from console.progress import shown, waiting
from console.running import aside, drive
from console.summary import print_summary, screen
from flows import settings
from flows.embedded import embedded
from flows.versions import refuse_broken
from line.connect import refuse_known
from line.prepare import batch_volume, prepare
from line.record import record_of
from protocols.control import ControlRecipe
from records.store import BatchFolder, Store
from vesiflow.clock import WallClock
from vesiflow.ids import ulid


def run(
    recipe: str,
    /,
    *,
    line: str = "sim",
    seed: int | None = None,
    batch: str | None = None,
    volume: str | None = None,
    who: str | None = None,
    server: str | None = None,
    controller: str | None = None,
    unattended: bool = False,
    quiet: bool = False,
) -> int:
    """Run a batch as a Prefect flow.

    Parameters
    ----------
    recipe
        Name of a packaged recipe, or a YAML file.
    line
        Name of a packaged line, or a YAML file.
    seed
        Of a simulated line; the same seed gives the same batch.
    batch
        Id of the batch; the same id never starts twice. By default recipe, date and four characters.
    volume
        Batch size instead of the recipe's, for example "1.5 L".
    who
        Name that goes into the record; by default the user's.
    server
        URL of a Prefect server, for example http://127.0.0.1:4200; by default one is embedded.
    controller
        URL of the service that owns the line (`vesiflow line serve`); by default the line is hosted here.
    unattended
        Stop a batch that the line holds, because nobody is there to decide; a line hosted here always does, for
        nobody could reach it.
    quiet
        Print nothing but errors.
    """
    job = prepare(recipe, line, batch_volume(volume))
    name, store = batch or _batch_id(job.recipe.recipe), Store()
    if controller is None:
        refuse_known(store, job.line, name)
    refuse_broken()
    own = settings.apply(home=store.root, server=server, quiet=True, patient=True)
    order = {
        "recipe": recipe,
        "line": line,
        "batch": name,
        "volume": volume,
        "seed": seed,
        "who": who or getpass.getuser(),
        "controller": controller,
        "when_held": "stop" if unattended or controller is None else "wait",
    }
    reason = drive(_with_prefect(order, job.recipe, own, quiet))
    if not quiet:
        _conclude(store.batch(job.line.name, name), reason)
    return 1 if reason else 0


def _conclude(folder: BatchFolder, reason: str) -> None:
    if not folder.telemetry.exists():
        screen().print(f"batch {folder.batch}: {reason or 'Complete'}; its record is where its controller is")
        return
    print_summary(record_of(folder), reason)
    report = folder.report if folder.report.exists() else f"vesiflow batch report {folder.batch}"
    screen().print(f"record: {folder.folder}\nreport: {report}", highlight=False, soft_wrap=True)


def _batch_id(recipe: str) -> str:
    """ "exosome-20260105-0800-7K2M"."""
    utc = WallClock().utc()
    return f"{recipe[:40]}-{utc:%Y%m%d-%H%M}-{ulid(utc)[-4:]}"


async def _with_prefect(order: dict[str, Any], control: ControlRecipe, own: Path | None, quiet: bool) -> str:
    """Run the flow, on a server that starts while Prefect is imported unless the user has one."""
    if own is not None:
        server = embedded(own / "server.log")
        with waiting("Prefect's server starts", quiet=quiet):
            import_module("flows.batch")
            await server.answers()
    return await _manufacture(order, control, quiet)


async def _manufacture(order: dict[str, Any], control: ControlRecipe, quiet: bool) -> str:
    """Run the flow; why the batch did not complete, or ""."""
    # Prefect reads its settings when it is imported, and takes seconds to do so: only now, and by name
    execution, batch = import_module("flows.execution"), import_module("flows.batch")
    parameters = import_module("flows.order").Order.model_validate(order)
    with shown(control, quiet=quiet) as watch:
        token = execution.watcher.set(watch)
        try:
            await aside(lambda: batch.manufacture(parameters))
        except (execution.BatchFailed, import_module("prefect.exceptions").CancelledRun) as error:
            return str(error)
        finally:
            execution.watcher.reset(token)
    return ""
