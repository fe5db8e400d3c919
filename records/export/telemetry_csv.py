"""Telemetry as CSV: one line a sample, display units, dates in ISO 8601 (UTC).

Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay numbers.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from records.tags import tag
from records.telemetry import TelemetryReader
from vesiflow.errors import ConfigError

COLUMNS = ("utc", "seconds since 1970", "tag", "value", "unit", "quality")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(text: str) -> str:
    """`text` as a cell that no spreadsheet runs."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def write_csv(reader: TelemetryReader, path: Path, tags: Iterable[str] | None = None) -> int:
    """Write all samples of `tags` (default all) to `path`, tag by tag; how many lines. ConfigError when that fails."""
    count = 0
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(COLUMNS)
            for name in reader.tags() if tags is None else tags:
                shown = tag(name)
                scale, zero = shown.to_display(1.0) - shown.to_display(0.0), shown.to_display(0.0)
                for t, value, quality in reader.samples(name):
                    number = "" if value is None else f"{scale * value + zero:.9g}"
                    utc = datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds")
                    lines.writerow((utc, f"{t:.3f}", safe(name), number, safe(shown.display), quality))
                    count += 1
    except OSError as error:
        raise ConfigError(error.strerror or str(error), device=str(path), remedy="choose another place") from error
    return count
