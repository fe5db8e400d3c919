"""Power loss at any byte and writes that fail: `python -m benchmarks.disk power`, `python -m benchmarks.disk writes`.

`power --prefixes 500` cuts, zeroes or spoils the journal's log at 500 places or mixes its file in mid-checkpoint;
`writes --part 1/4` fails every n-th write of a batch, once with a full disk (ENOSPC), once with an error (EIO), and
every n-th fsync.
Both print a table, write benchmarks/results, and end with 1 when an acknowledged entry was lost, something went out
without its durable intent, or a batch came to no end that says why.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from benchmarks.disk import power, writes
from benchmarks.kept import add_up, table


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.disk", description=__doc__)
    parser.add_argument("what", choices=("power", "writes"))
    parser.add_argument("--prefixes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="only each such write")
    parser.add_argument("--part", default="1/1", help="K/N: only the K-th of N parts")
    given = parser.parse_args()
    if given.what == "power":
        return prefixes(given.prefixes, given.seed)
    return failures(given.every, given.part)


def prefixes(count: int, seed: int) -> int:
    """Power loss."""
    rows = {kind: Counter(trials=0, lost=0) for kind in power.TAILS}
    bad = []
    for number in range(count):
        what = power.trial(number, seed)
        rows[power.TAILS[number % len(power.TAILS)]].update(trials=1, lost=int(bool(what)))
        bad += [what] if what else []
    print(*bad, sep="\n", end="\n" if bad else "")
    command = f"python -m benchmarks.disk power --prefixes {count} --seed {seed}"
    table(add_up("power_loss", command, "1/1", [{"tail": kind, **row} for kind, row in rows.items()], bad))
    return 1 if bad else 0


def failures(every: int, part: str) -> int:
    """Writes that fail."""
    number, parts = map(int, part.split("/"))
    rows, bad = [], []
    for kind in writes.KINDS:
        total: Counter[str] = Counter()
        for at in range(1, writes.chances(kind) + 1, every)[number - 1 :: parts]:
            counts, trouble = writes.trial(kind, at)
            total.update(counts)
            bad += [f"{kind} at write {at}: {trouble}"] if trouble else []
        rows.append({"error": kind, **{name: int(value) for name, value in total.items()}})
    print(*bad, sep="\n", end="\n" if bad else "")
    command = f"python -m benchmarks.disk writes --every {every}"
    table(add_up("disk_writes", command, part, rows, bad, writes=writes.chances("EIO"), syncs=writes.chances("fsync")))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
