"""What Prefect adds per step: python benchmarks/prefect_granularity.py

With PREFECT_API_URL set it measures on that server, else on an embedded one (whose start is measured, too).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

from flows import settings

settings.apply(home=Path(os.environ.get("VESIFLOW_HOME") or tempfile.mkdtemp()), quiet=True)

IMPORT_START = time.perf_counter()

from prefect import flow, task  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402

IMPORTED = time.perf_counter() - IMPORT_START


@task(retries=0, cache_policy=NO_CACHE, persist_result=False)
async def step(number: int) -> int:
    """A task that does nothing."""
    return number


@flow(persist_result=False)
async def subflow(number: int) -> int:
    """A flow that does nothing."""
    return number


async def plain(number: int) -> int:
    """No Prefect at all."""
    return number


@flow(persist_result=False)
async def measure() -> dict[str, float]:
    """Seconds per step of each kind."""
    found = {}
    for name, kind, count in (("plain", plain, 1000), ("task", step, 100), ("subflow", subflow, 5)):
        start = time.perf_counter()
        for number in range(count):
            await kind(number)
        found[name] = (time.perf_counter() - start) / count
    return found


def main() -> None:
    """Print a table."""
    start = time.perf_counter()
    found = asyncio.run(measure())
    total = time.perf_counter() - start
    inside = found["plain"] * 1000 + found["task"] * 100 + found["subflow"] * 5
    print(f"import prefect                {IMPORTED:8.2f} s")
    print(f"server start and first flow   {total - inside:8.2f} s")
    for name, value in found.items():
        print(f"one {name:<26}{value * 1000:8.2f} ms")


if __name__ == "__main__":
    main()
