"""The packaged batch from medium to vials: every instrument, every byte, once per session."""

from __future__ import annotations

import asyncio

import pytest

from line.closing import close_record
from line.prepare import prepare
from line.record import record_of
from line.simulation import simulation
from records.model import BatchRecord
from records.store import BatchFolder, Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> BatchFolder:
    job, store = simulation(prepare("exosome", "sim"), 1), Store(tmp_path_factory.mktemp("whole"))
    outcome = asyncio.run(job.run(store, "test"))
    assert outcome.complete, outcome.reason
    return store.batch("sim", job.batch)


@pytest.fixture(scope="module")
def record(folder: BatchFolder) -> BatchRecord:
    return record_of(folder)


def test_every_release_criterion_passes(record: BatchRecord) -> None:
    assert record.header.state == "Complete"
    assert {item.verdict for item in record.release} == {"pass"}
    assert record.summary.doses == 50
    assert [unit.unit for unit in record.units] == ["tff", "sec", "tff", "electroporation", "tff", "lyophilization"]


def test_particles_are_counted_from_feed_to_vial(record: BatchRecord) -> None:
    """The truth only falls; counts scatter by their assay's error, so that a step may seem to gain some."""
    steps = [row.particles for row in record.balance if row.particles is not None]
    assert len(steps) == 8
    assert 0.4 < steps[-1] / steps[0] < 0.7


LABELS = (
    "transmembrane pressure", "permeate flux", "wall shear rate", "permeate mass", "retentate mass", "UV 280 nm",
    "mS/cm", ">pool<", "pulse voltage", "time constant", "shelf set-point", "product, centre vial", "condenser",
    "capacitance gauge", "Pirani gauge",
)  # fmt: skip


def test_the_report_shows_it_all(folder: BatchFolder, record: BatchRecord) -> None:
    close_record(folder)
    page = folder.report.read_text(encoding="utf-8")
    drawn = [f'aria-label="Trends of {name}"' for name in ("capture", "exchange", "wash", "freeze-drying")]
    drawn += [f'aria-label="{what}"' for what in ("Chromatogram of polish", "Pulses of loading")]
    headings = ("Release criteria", "<h2>Findings", "Set and actual values", "<h2>Journal", "<h2>Versions and digests")
    digests = (record.header.recipe_digest, record.header.line_digest)
    missing = [text for text in (*drawn, *LABELS, *headings, *digests) if text not in page]
    assert not missing
