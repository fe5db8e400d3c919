"""A campaign of many points on Dask beside the same on one core: `python -m benchmarks.campaign [points] [recipe]`.

Points are batches without wire on the simulated line, each with its own value of a varied parameter; 200 unless given.
Prefect's server runs before Dask is measured, as beside a deployment; without it every process of Dask starts its own.
Prints a table and writes benchmarks/results/campaign.json. CPU seconds include the processes of Dask, not the server's.
"""

from __future__ import annotations

import asyncio
import csv
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

from benchmarks import kept
from flows import settings
from flows.embedded import embedded
from line.campaign import Design, Row, make
from records.store import Store

VARY = {"tff": "diafilter.volumes=4..8", "lyophilization": "primary_drying.temperature=-34..-26 degC"}


def design(recipe: str, points: int) -> Design:
    """What both make."""
    return Design((recipe,), (1,), "sim", (VARY[recipe],), samples=points, wire=False)


def one_core(chosen: Design) -> list[Row]:
    """One after the other, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return [make(one, chosen.line, Path(folder), wire=False) for one in chosen.points()]


def served(chosen: Design) -> list[Row]:
    """Start the server that the campaign reports to; it ends with this process, and its CPU seconds are not counted."""
    server = embedded(Store().root / "server.log")
    asyncio.run(server.answers())
    import_module("flows.campaign")
    return []


def on_dask(chosen: Design) -> list[Row]:
    """The campaign flow with a process per core."""
    flow = import_module("flows.campaign")  # Prefect reads its settings when it is imported
    order = flow.CampaignOrder(
        name="benchmark", recipes=chosen.recipes, seeds=chosen.seeds, vary=chosen.vary, samples=chosen.samples,
        wire=False, runner="dask", workers=os.cpu_count() or 1,
    )  # fmt: skip
    asyncio.run(flow.campaign(order))
    with (Store().root / "campaigns" / order.name / "results.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cpu() -> float:
    """CPU seconds of this process and of children that have ended."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


def main() -> None:
    """Both, and the table."""
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    recipe = sys.argv[2] if len(sys.argv) > 2 else "tff"
    chosen, rows = design(recipe, points), []
    with tempfile.TemporaryDirectory() as home:
        os.environ["VESIFLOW_HOME"] = home
        settings.apply(home=Store().root, quiet=True)
        for name, work in (
            ("one core", one_core),
            ("Prefect: server and import", served),
            ("Dask, its start included", on_dask),
        ):
            wall, used = time.perf_counter(), cpu()
            made = work(chosen)
            row = {"name": name, "points": points, "wall_s": time.perf_counter() - wall, "cpu_s": cpu() - used}
            if made:
                row["states"] = dict(Counter(str(one["state"]) for one in made))
            rows.append(row)
            print(f"{name:34} {row['wall_s']:8.1f} s wall {row['cpu_s']:8.1f} s CPU", flush=True)
    kept.store("campaign", {"recipe": recipe, "rows": rows})


if __name__ == "__main__":
    main()
