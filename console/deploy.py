"""`vesiflow deploy`: the deployments of a line on a Prefect server, with a diff first."""

from __future__ import annotations

from importlib import import_module

from console.running import drive
from flows import settings
from flows.deployment_file import deployments
from flows.versions import refuse_broken
from line.prepare import line_file
from records.store import Store


def deploy(*, line: str = "sim", server: str | None = None, dry_run: bool = False) -> int:
    """Create or update work pool and deployments of a line on a Prefect server; doing it again changes nothing.

    Parameters
    ----------
    line
        Name of a packaged line, or a YAML file.
    server
        URL of the Prefect server, for example http://127.0.0.1:4200; by default the one Prefect is set up for.
    dry_run
        Only show what would change.
    """
    refuse_broken()
    wanted = deployments(line_file(line).name)
    settings.apply(home=Store().root, server=server, quiet=True)
    api = import_module("flows.deploy")  # Prefect reads its settings when it is imported: only now
    changes = drive(api.plan(wanted))
    for change in changes:
        print("\n".join(change.lines()))
    if not changes:
        print("nothing to change")
    elif not dry_run:
        drive(api.apply(wanted))
        pool = wanted[0].work_pool.name
        print(f"{len(changes)} changed; now run a worker beside the line: prefect worker start --pool {pool}")
    return 0
