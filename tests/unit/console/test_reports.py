"""A served line reports what has ended, once, and nothing that had ended before."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from console.reports import Reporter
from line.state import State
from records.store import Store
from tests.unit.records.conftest import write_batch


async def test_what_ends_is_reported_once(tmp_path: Path) -> None:
    made = write_batch(Path(os.environ["VESIFLOW_HOME"]), "20260105-EXO-0001")
    batch: Any = SimpleNamespace(id=made.batch, state=State.EXECUTE)
    old: Any = SimpleNamespace(id="before", state=State.COMPLETE)
    reporter = Reporter({batch.id: batch, old.id: old})
    await reporter.catch_up()
    assert not made.report.exists()
    batch.state = State.STOPPED
    await reporter.catch_up()
    found = Store().find(made.batch)
    assert found.report.exists() and found.record.exists()
    found.report.unlink()
    await reporter.catch_up()
    assert not found.report.exists()
