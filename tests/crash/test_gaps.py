"""The controller is away for long in a phase that time decides about: the gap is judged by the clock.

The rest is interrupted right at its start, before anything but its start was written.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from benchmarks.crash.sweep import Trial, judged
from benchmarks.crash.trial import BATCH, SEED, _lives, job
from line.record import record_of
from records.journal import JournalReader
from records.model import BatchRecord
from records.store import Store

HOUR = 3600.0


def lived(name: str, root: Path, deaths: tuple[int, ...] = (), gap: float = HOUR) -> tuple[Any, Store]:
    """Batch `name` with these deaths, and where its record is."""
    store = Store(root)
    return asyncio.run(_lives(name, deaths, store, SEED, gap)), store


def place_in(name: str, root: Path, phase: str, share: float) -> int:
    """A place at `share` of phase `phase`, counted in a life without death."""
    found, _ = lived(name, root)
    key = next(phase_.key for phase_ in job(name)[1].phases() if phase_.kind == phase)
    begun = [n for n, place in enumerate(found.places, 1) if place == "journal event phase.started: after"]
    ended = [n for n, place in enumerate(found.places, 1) if place == "journal event phase.ended: before"]
    order = [one.key for one in job(name)[1].phases()].index(key)
    return round(begun[order] + share * (ended[order] - begun[order]))


def record(store: Store, line: str) -> BatchRecord:
    return record_of(store.batch(line, BATCH))


def states(store: Store, line: str) -> list[str]:
    with JournalReader(store.journal(line)) as reader:
        return [entry.data["new"] for entry in reader.events(BATCH, ["batch.state"])]


def took(store: Store, line: str, phase: str) -> float:
    """Seconds from the first start of a phase to its end."""
    with JournalReader(store.journal(line)) as reader:
        begun = [e for e in reader.events(BATCH, ["phase.started"]) if e.data["phase"] == phase]
        ended = [e for e in reader.events(BATCH, ["phase.ended"]) if e.data["key"] == begun[0].data["key"]]
    assert len(begun) == 2, "the phase was not interrupted"
    return (ended[0].utc - begun[0].utc).total_seconds()


def test_vials_that_stood_cold_for_an_hour_go_on_by_themselves(tmp_path: Path) -> None:
    line = job("crash-cold")[0].name
    at = place_in("crash-cold", tmp_path / "whole", "lyophilization.freeze", 0.6)
    found, store = lived("crash-cold", tmp_path / "gap", (at,))
    assert found.complete, found
    assert "Held" not in states(store, line)
    planned = next(phase for phase in job("crash-cold")[1].phases() if phase.kind == "lyophilization.freeze").duration
    assert took(store, line, "lyophilization.freeze") == pytest.approx(planned, abs=0.1 * planned)


def test_an_incubation_that_overran_is_a_deviation(tmp_path: Path) -> None:
    line = job("crash-loading")[0].name
    at = place_in("crash-loading", tmp_path / "whole", "electroporation.rest", 0.1)
    found, store = lived("crash-loading", tmp_path / "gap", (at,), gap=1.5 * HOUR)
    assert found.complete, found
    (rest,) = [one for one in record(store, line).findings if "rest after the pulse" in str(one)]
    assert rest.severity == "major"


@pytest.mark.parametrize(
    ("phase", "share"),
    [("tff.concentrate", 0.7), ("tff.diafilter", 0.5), ("tff.diafilter", 0.98), ("tff.recover", 0.3)],
)
def test_pumps_stand_by_themselves_while_no_controller_lives(phase: str, share: float, tmp_path: Path) -> None:
    """The flux of a run limit more, whatever the gap: not the ten minutes of it."""
    verdict = judged(Trial("crash-tff", (place_in("crash-tff", tmp_path, phase, share),), gap=600.0))
    assert verdict.good and verdict.end == "Complete", verdict


def test_an_elution_goes_on_after_a_short_death_and_says_what_nobody_watched(tmp_path: Path) -> None:
    line = job("crash-sec")[0].name
    at = place_in("crash-sec", tmp_path / "whole", "sec.elute", 0.35)
    found, store = lived("crash-sec", tmp_path / "gap", (at,), gap=2.0)
    assert found.complete, found
    (gap,) = [one for one in record(store, line).findings if "not watched" in str(one)]
    assert gap.severity == "minor"


def test_an_elution_that_ran_on_for_half_a_fraction_is_held_for_a_person(tmp_path: Path) -> None:
    at = place_in("crash-sec", tmp_path / "whole", "sec.elute", 0.35)
    found, _ = lived("crash-sec", tmp_path / "gap", (at,), gap=60.0)
    assert found.end.startswith("Held: ") and "while nobody looked" in found.end, found.end
