"""Where benchmarks keep what they measured: benchmarks/results/NAME.json, with date and machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def store(name: str, found: Mapping[str, Any]) -> None:
    """Write results and say where."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    document = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "python": platform.python_version(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        },
        **found,
    }
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path}")


def add_up(
    name: str, command: str, part: str, rows: Sequence[Mapping[str, Any]], bad: Sequence[str], **more: Any
) -> list[dict[str, Any]]:
    """Store rows of counts, added to those of other parts ("2/6") of the same command; the sums.

    A part that is in the file already, or another command, begins the file anew. Texts name a row, numbers are added.
    """
    path, parts = FOLDER / f"{name}.json", part.partition("/")[2]
    before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known = before.get("parts", [])
    if before.get("command") != command or part in known or any(one.partition("/")[2] != parts for one in known):
        before, known = {}, []
    sums = [dict(row) for row in before.get("rows", [])]
    for row in rows:
        same = [one for one in sums if _named(one) == _named(row)]
        if same:
            same[0].update({key: same[0][key] + value for key, value in row.items() if not isinstance(value, str)})
        else:
            sums.append(dict(row))
    store(
        name,
        {"command": command, "parts": [*known, part], **more, "rows": sums, "bad": [*before.get("bad", []), *bad]},
    )
    return sums


def _named(row: Mapping[str, Any]) -> list[str]:
    return [value for value in row.values() if isinstance(value, str)]


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of counts with their sums, printed."""
    names = [key for key, value in rows[0].items() if not isinstance(value, str)]
    titles = [" ".join(_named(row)) for row in rows]
    width = max(map(len, titles)) + 2
    print(" " * width + "".join(f"{name:>11}" for name in names))
    for title, row in zip(titles, rows, strict=True):
        print(f"{title:{width}}" + "".join(f"{row[name]:>11}" for name in names))
    print(f"{'all':{width}}" + "".join(f"{sum(row[name] for row in rows):>11}" for name in names))
