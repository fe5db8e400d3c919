"""Record the golden journals of this version: `python -m benchmarks.golden`, once a release.

One batch of each trial recipe whose controller dies twice on the way, so that verdicts by evidence after a restart are
among its entries, goes to tests/data/journals/VERSION with what this version reads in it. Later versions must read the
same (tests/crash/test_golden.py). A folder that exists is never written again.
"""

from __future__ import annotations

import asyncio
import gzip
import sqlite3
import sys
import tempfile
from pathlib import Path

from benchmarks.crash.sweep import whole
from benchmarks.crash.trial import GAP, RECIPES, ROOT, SEED, _lives, job
from line.replay import replay
from records.store import Store
from vesiflow import __version__

FOLDER = ROOT / "tests" / "data" / "journals"


def main() -> int:
    """Command line."""
    folder = FOLDER / __version__
    if folder.exists():
        print(f"{folder} is there already: what a release wrote is not written again")
        return 1
    folder.mkdir(parents=True)
    for name in RECIPES:
        with tempfile.TemporaryDirectory() as root:
            record(name, Store(Path(root)), folder)
    return 0


def record(name: str, store: Store, folder: Path) -> None:
    """Journal, line file and decisions of one batch."""
    line, _ = job(name)
    places = whole(name).places
    intents = [n for n, place in enumerate(places, 1) if place.startswith("journal intent") and place.endswith("after")]
    end = asyncio.run(_lives(name, (intents[len(intents) // 2], intents[1]), store, SEED, GAP)).end
    (folder / f"{name}.line.yaml").write_text(line.text, encoding="utf-8")
    small = store.root / "small.sqlite"
    source = sqlite3.connect(store.journal(line.name))
    source.execute("VACUUM INTO ?", (str(small),))
    source.close()
    decisions = replay(small, line)
    (folder / f"{name}.sqlite.gz").write_bytes(gzip.compress(small.read_bytes(), mtime=0))
    (folder / f"{name}.txt").write_text("".join(f"{one}\n" for one in decisions), encoding="utf-8")
    print(f"{name}: {end}, {len(decisions)} decisions")


if __name__ == "__main__":
    sys.exit(main())
