"""Closes a batch: its record as JSON and its report as HTML are written beside journal and telemetry.

Apart from `line.record`, because drawing the report imports the plotting library.
"""

from __future__ import annotations

from line.record import folded
from records.batch_record import written
from records.model import BatchRecord
from records.report import write_report, write_text
from records.store import BatchFolder


def close_record(folder: BatchFolder) -> BatchRecord:
    """The record of a batch, written as record.json and report.html into its folder; ConfigError when it cannot be."""
    with folded(folder) as (record, telemetry):
        write_report(record, telemetry, folder.report)
        write_text(folder.record, written(record))
        return record
