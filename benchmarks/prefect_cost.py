"""What Prefect adds to a batch: `python -m benchmarks.prefect_cost`, about two minutes.

Start of the embedded server (with and without a database), import, first flow run, one step as a task and as a subflow;
then the packaged batch without and with Prefect. Wall and CPU seconds, for on a busy machine only the latter can be
compared. Prints a table and writes benchmarks/results/prefect_cost.json.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import kept
from flows import settings
from flows.embedded import Server, embedded

Row = dict[str, Any]
STEPS, SUBFLOWS = 100, 5


@contextmanager
def timed(name: str, rows: list[Row], share: int = 1) -> Iterator[None]:
    """A row with wall and CPU seconds of the block, children that ended in it included, divided by `share`."""
    wall, used = time.perf_counter(), _cpu()
    yield
    rows.append({"name": name, "wall_s": (time.perf_counter() - wall) / share, "cpu_s": (_cpu() - used) / share})


def _cpu() -> float:
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in found)


def starts(log: Path, rows: list[Row]) -> None:
    """Start the server twice on one database; the second one stays until this process ends."""
    for name, start in (("server start, new database", Server), ("server start, database there", embedded)):
        with timed(name, rows):
            server = start(log)
            asyncio.run(server.answers())
        rows[-1]["cpu_s"] += _used(server.pid)
        if start is Server:
            server.stop()


def _used(pid: int) -> float:
    """CPU seconds of another process so far (proc(5): utime and stime in ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def steps(rows: list[Row]) -> None:
    """One step of each kind inside a flow run, and the flow run itself."""
    with timed("import prefect", rows):
        prefect, policies = import_module("prefect"), import_module("prefect.cache_policies")

    async def nothing(number: int) -> int:
        return number

    step = prefect.task(retries=0, cache_policy=policies.NO_CACHE, persist_result=False)(nothing)
    subflow = prefect.flow(name="subflow", persist_result=False)(nothing)

    async def several(kind: Callable[[int], Any], count: int) -> None:
        for number in range(count):
            await kind(number)

    async def measure() -> None:
        with timed("one step without Prefect", rows, STEPS):
            await several(nothing, STEPS)
        with timed("one step as a task", rows, STEPS):
            await several(step, STEPS)
        with timed("one step as a subflow", rows, SUBFLOWS):
            await several(subflow, SUBFLOWS)

    async def empty() -> None:
        pass

    with timed("first flow run", rows):
        asyncio.run(prefect.flow(name="empty", persist_result=False)(empty)())
    asyncio.run(prefect.flow(name="measure", persist_result=False)(measure)())


def batches(home: Path, rows: list[Row]) -> None:
    """The packaged batch, without and with Prefect and its embedded server."""
    environment = {name: value for name, value in os.environ.items() if name not in settings.CHOSEN}
    environment |= {"VESIFLOW_HOME": str(home), "HOME": str(home)}
    for command in ("simulate", "run"):
        with timed(f"vesiflow {command} exosome", rows):
            arguments = [sys.executable, "-m", "console", command, "exosome", "--seed", "1", "--quiet"]
            subprocess.run(arguments, env=environment, check=True)


def main() -> None:
    """Print a table and keep it."""
    rows: list[Row] = []
    for name in settings.CHOSEN:
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the server has its database there yet
        home = Path(folder)
        os.environ["HOME"] = folder
        own = settings.apply(home=home, quiet=True)
        assert own is not None
        starts(own / "server.log", rows)
        steps(rows)
        batches(home / "batches", rows)
        for row in rows:
            print(f"{row['name']:40} {row['wall_s']:9.4f} s wall {row['cpu_s']:9.4f} s CPU")
        alone, both = (row["cpu_s"] for row in rows[-2:])
        print(f"Prefect adds {both - alone:.1f} s of CPU to a batch")
    kept.store("prefect_cost", {"load": os.getloadavg()[0], "rows": rows})


if __name__ == "__main__":
    main()
