"""`vesiflow deploy`: what a line needs on a Prefect server, with a diff first."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from console.running import drive
from flows import settings
from flows.deployment_file import deployments
from flows.versions import refuse_broken
from line.prepare import line_file
from line.service import find
from records.store import Store


def deploy(
    *, line: str = "sim", controller: str | None = None, server: str | None = None, dry_run: bool = False
) -> int:
    """Create or update work pool, limit, variable and deployments of a line on a Prefect server; again changes nothing.

    Parameters
    ----------
    line
        Name of a packaged line, or a YAML file. The server keeps its absolute path: it is read where the worker is.
    controller
        URL of the line's controller service, as the worker reaches it; by default the one that runs on this machine, or
        what the server knows already.
    server
        URL of the Prefect server, for example http://127.0.0.1:4200; by default the one Prefect is set up for.
    dry_run
        Only show what would change.
    """
    refuse_broken()
    name, store = line_file(line).name, Store()
    running = find(store, name)
    settings.apply(home=store.root, server=server, quiet=True)
    api = import_module("flows.deploy")  # Prefect reads its settings when it is imported: only now
    place = api.Whereabouts(file=portable(line), controller=controller or (running.url if running else None))
    wanted = api.Wanted(name, place, deployments(name))
    changes = drive(api.plan(wanted))
    for change in changes:
        print("\n".join(change.lines()))
    if not changes:
        print("nothing to change")
    elif not dry_run:
        drive(api.apply(wanted))
        print(f"{len(changes)} changed")
    if not dry_run and not drive(api.has_worker(wanted)):
        print(f"no worker waits for runs; start one beside the line: prefect worker start --pool {wanted.pool}")
    return 0


def portable(line: str) -> str:
    """How another process names a line: a file by its absolute path, a packaged line by its name."""
    return str(Path(line).resolve()) if line.endswith((".yaml", ".yml")) else line
