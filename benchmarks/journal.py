"""Is a changed journal found? `python -m benchmarks.journal --entries 10000 --trials 20`.

A journal of so many entries is verified and timed; then copies are changed by somebody who can write the file but has
not the key, at places drawn over its whole length, and the entry that verification names is compared with the entry
that was changed. Writes benchmarks/results/journal.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.kept import add_up, table
from records.heads import Signer
from records.journal import Journal, VerifyResult, verify
from vesiflow.clock import VirtualClock

FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
Anchor = tuple[int, str]
Change = Callable[[sqlite3.Connection, int], object]


def written(path: Path, entries: int, signer: Signer) -> Anchor:
    """Actions with outcomes and notes, a head of a batch now and then; the last head is the anchor."""
    with Journal(path, VirtualClock(), code_version="1", boot_id="boot", source=Random(1), signer=signer) as journal:
        for number in range(entries // 3):
            name = journal.intent("B", "k/1", "feed", "set_flow", [number], "S", "read back", None, "s", "sim", 1)
            journal.outcome(name, "DONE", "reply", "OK", None, "acknowledged")
            journal.event("note", "B", text=f"note {number}", value=number / 7)
            if number % 400 == 399:
                journal.seal()
        return journal.seal()


def _rewritten(db: sqlite3.Connection, seq: int) -> None:
    """Another text, and every hash after it made to fit: what a bare chain does not show."""
    previous = None
    for at, body in db.execute("SELECT seq, body FROM audit WHERE seq >= ? ORDER BY seq", (seq,)).fetchall():
        entry = json.loads(body)
        entry["actor"] = "somebody else" if at == seq else entry["actor"]
        entry["prev_hash"] = previous or entry["prev_hash"]
        text = json.dumps(entry, separators=(",", ":"), sort_keys=True)
        previous = hashlib.sha256(text.encode()).hexdigest()
        db.execute("UPDATE audit SET body = ?, hash = ? WHERE seq = ?", (text, previous, at))
        db.execute("UPDATE head SET hash = ? WHERE seq = ?", (previous, at))


def _swapped(db: sqlite3.Connection, seq: int) -> None:
    for old, new in ((seq, -1), (seq + 1, seq), (-1, seq + 1)):
        db.execute("UPDATE audit SET seq = ? WHERE seq = ?", (new, old))


def _cut(db: sqlite3.Connection, seq: int) -> None:
    for name in ("head", "resolution", "outcome", "intent", "audit"):
        db.execute(f"DELETE FROM {name} WHERE seq >= ?", (seq,))


def _inserted(db: sqlite3.Connection, seq: int) -> None:
    db.execute("UPDATE audit SET seq = -seq - 1 WHERE seq >= ?", (seq,))
    db.execute("UPDATE audit SET seq = -seq WHERE seq < 0")
    db.execute(
        "INSERT INTO audit SELECT ?, kind, batch, body || ' ', 'forged' FROM audit WHERE seq = ?", (seq, seq - 1)
    )


def _flipped(db: sqlite3.Connection, seq: int) -> None:
    body = bytearray(db.execute("SELECT CAST(body AS BLOB) FROM audit WHERE seq = ?", (seq,)).fetchone()[0])
    body[len(body) // 2] ^= 1
    db.execute("UPDATE audit SET body = CAST(? AS TEXT) WHERE seq = ?", (bytes(body), seq))


CHANGES: dict[str, Change] = {
    "a flipped bit": _flipped,
    "a deleted entry": lambda db, seq: db.execute("DELETE FROM audit WHERE seq = ?", (seq,)),
    "an inserted entry": _inserted,
    "two swapped entries": _swapped,
    "a cut tail, heads too": _cut,
    "rewritten from there on": _rewritten,
}


def changed(path: Path, change: Change, seq: int) -> Path:
    """A copy of `path`, changed at entry `seq` with all guards of the file taken away."""
    copy = path.with_name("changed.sqlite")
    shutil.copy(path, copy)
    db = sqlite3.connect(copy, isolation_level=None)
    db.execute("PRAGMA journal_mode=DELETE")
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    db.execute("BEGIN")
    change(db, seq)
    db.execute("COMMIT")
    db.close()
    return copy


def judged(kind: str, seq: int, last: int, result: VerifyResult) -> str:
    """What is wrong with the verdict; a rewrite shows at the next head that was signed."""
    bad = result.first_bad_seq
    late = kind == "rewritten from there on" and bad is not None and seq <= bad <= last
    return "" if bad == seq or late else f"{kind} at {seq}: {bad} {result.reason}"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal", description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--trials", type=int, default=20, help="of each kind of change")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng, rows, bad = Random(given.seed), [], list[str]()
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        signer, path = Signer.of(Path(folder)), Path(folder) / "journal.sqlite"
        anchor = written(path, given.entries, signer)
        begun = time.process_time()
        whole = verify(path, anchor, [signer.key])
        took = time.process_time() - begun
        bad += [] if whole.ok else [f"untouched: {whole.reason}"]
        for kind, change in CHANGES.items():
            places = rng.sample(range(2, anchor[0]), given.trials)
            wrong = [
                text
                for seq in places
                if (text := judged(kind, seq, anchor[0], verify(changed(path, change, seq), anchor, [signer.key])))
            ]
            rows.append(Counter(trials=len(places), found=len(places) - len(wrong)))
            rows[-1] = {"change": kind, **rows[-1]}
            bad += wrong
    print(*bad, sep="\n", end="\n" if bad else "")
    print(f"{whole.count} entries verified in {took:.2f} s of CPU")
    command = f"python -m benchmarks.journal --entries {given.entries} --trials {given.trials} --seed {given.seed}"
    table(add_up("journal", command, "1/1", rows, bad, entries=whole.count, verify_cpu_s=round(took, 2)))
    return 1 if bad or took > 2.0 else 0


if __name__ == "__main__":
    sys.exit(main())
