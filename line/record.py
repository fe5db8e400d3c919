"""The record of a batch in a data folder, folded from its journal and telemetry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from records.batch_record import build
from records.journal import JournalReader
from records.model import BatchRecord
from records.store import BatchFolder
from records.telemetry import TelemetryReader


def record_of(folder: BatchFolder) -> BatchRecord:
    """The record of a batch as far as its journal tells; ConfigError when there is none."""
    with folded(folder) as (record, _):
        return record


@contextmanager
def folded(folder: BatchFolder) -> Iterator[tuple[BatchRecord, TelemetryReader | None]]:
    """The record together with the telemetry it came from, which is open meanwhile (None when there is none)."""
    with JournalReader(folder.journal) as reader:
        if not folder.telemetry.exists():
            yield build(reader, folder.batch, None), None
            return
        with closing(TelemetryReader(folder.telemetry)) as telemetry:
            yield build(reader, folder.batch, telemetry), telemetry
