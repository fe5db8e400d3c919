"""The direct line makes the batch that the emulated line makes, by the same phases."""

from __future__ import annotations

import dataclasses

import pytest

from line.direct.line import Made, manufacture
from line.prepare import Prepared, prepare
from sim.ledger import balance
from vesiflow.errors import ConfigError


def test_the_packaged_batch_is_made(made: Made) -> None:
    record = made.record
    assert made.complete, made.reason
    assert record.header.state == "Complete"
    assert 60 * 3600 < (record.header.duration or 0.0) < 110 * 3600
    assert [unit.name for unit in record.units] == ["capture", "polish", "exchange", "loading", "wash", "freeze-drying"]
    assert record.summary.failed == 0
    assert record.summary.missing == 0


def test_yields_are_those_of_the_literature(made: Made) -> None:
    """TFF 70-97 %, SEC up to 95 %, pulses 60-90 %, freeze-drying with sugar 80-95 %."""
    steps = {row.point: row.step_yield for row in made.record.balance}
    for point, low, high in (
        ("capture", 0.70, 0.97), ("polish", 0.5, 0.95), ("exchange", 0.75, 0.99), ("loading", 0.6, 0.9),
        ("wash", 0.7, 0.97), ("vials", 0.75, 0.97),
    ):  # fmt: skip
        assert low < (steps[point] or 0.0) < high, point


def test_tff_alone_does_not_reach_purity(made: Made) -> None:
    purity = {row.point: row.particles_per_ug for row in made.record.balance}
    assert (purity["capture"] or 0.0) < 3e10 <= (purity["polish"] or 0.0)


def test_nothing_is_lost(made: Made) -> None:
    for name, account in balance(made.plant.ledger, made.plant.contents()).items():
        assert account.error < 1e-9, name


def test_the_same_seed_gives_the_same_batch(packaged: Prepared, made: Made) -> None:
    again = manufacture(packaged.recipe, packaged.line, seed=7)
    assert again.record.balance == made.record.balance
    assert again.record.release == made.record.release


def test_a_hold_ends_the_batch_and_says_why(packaged: Prepared) -> None:
    """A column that is clogged holds the unit, and nobody is there to let it go on."""
    made = manufacture(packaged.recipe, packaged.line, simulation={"sec": {"frit": 1e13}})
    assert not made.complete
    assert made.failed.startswith("2-sec/")
    assert "sec.pressure" in made.reason
    assert made.record.header.state == "Aborted"


def test_a_line_without_a_plant_is_refused(packaged: Prepared) -> None:
    with pytest.raises(ConfigError, match="not simulated"):
        manufacture(packaged.recipe, dataclasses.replace(packaged.line, simulation=None))


@pytest.mark.parametrize("name", ["tff", "sec", "electroporation", "lyophilization"])
def test_every_unit_alone(name: str) -> None:
    alone = prepare(name, "sim")
    made = manufacture(alone.recipe, alone.line)
    assert made.complete, made.reason
