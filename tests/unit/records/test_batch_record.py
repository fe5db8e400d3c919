"""The record is a fold: complete, the same for the same entries, and comparable across days and names."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from records.batch_record import build, comparable, to_json, written
from records.journal import Journal, JournalReader
from records.model import BatchRecord
from records.store import BatchFolder
from records.telemetry import TelemetryReader
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError


def record_of(folder: BatchFolder) -> BatchRecord:
    with JournalReader(folder.journal) as journal, TelemetryReader(folder.telemetry) as telemetry:
        return build(journal, folder.batch, telemetry)


@pytest.fixture(scope="module")
def record(batch: BatchFolder) -> BatchRecord:
    return record_of(batch)


def test_the_balance_follows_the_particles_from_feed_to_vial(record: BatchRecord) -> None:
    assert [row.point for row in record.balance] == [
        "start (nominal)", "capture", "polish", "exchange", "loading", "wash", "bulk", "vials",
    ]  # fmt: skip
    first, capture, vials = record.balance[0], record.balance[1], record.balance[-1]
    assert first.particles == pytest.approx(5e12)
    assert first.protein == pytest.approx(2e-3)  # 2 L of 1 g/L
    assert capture.volume == pytest.approx(25.1e-6)  # recovered, from the journal
    assert capture.particles == pytest.approx(capture.concentration * 25.1e-6)  # type: ignore[operator]
    assert vials.volume == pytest.approx(50 * 2e-6)
    product = 1.0
    for row in record.balance[1:]:
        assert row.step_yield is not None
        product *= row.step_yield
    assert product == pytest.approx(record.summary.overall_yield)


def test_the_summary_counts_doses_purity_and_criteria(record: BatchRecord) -> None:
    summary = record.summary
    assert summary.doses == 50
    assert summary.particles_per_dose == pytest.approx(summary.particles_out / 50)  # type: ignore[operator]
    assert summary.particles_per_ug == pytest.approx(2.31e10 / 0.62, rel=0.1)
    assert (summary.particles_at, summary.purity_at) == ("vials", "vials")
    assert record.release[0].evidence == "particle count times volume at vials"
    assert (summary.passed, summary.failed, summary.missing) == (12, 0, 0)


def test_findings_are_all_there_the_worst_first(record: BatchRecord) -> None:
    kinds = [(item.severity, item.category) for item in record.findings]
    assert kinds == [
        ("critical", "deviation"), ("critical", "deviation"), ("major", "hold"), ("major", "hold"),
        ("major", "deviation"), ("major", "resolved doubt"), ("info", "simulation"),
    ]  # fmt: skip
    assert record.summary.findings == {"critical": 2, "major": 4, "minor": 0, "info": 1}
    held = record.findings[2]
    assert held.phase == "1-tff/4-concentrate/1"  # the phase that ran when it happened
    assert (held.value, held.unit) == (300.0, "s")


def test_set_and_actual_values_stand_side_by_side(record: BatchRecord) -> None:
    concentrate = next(p for p in record.units[0].phases if p.kind == "tff.concentrate")
    by_name = {row.name: row for row in concentrate.comparisons}
    volume = by_name["end volume"]
    assert (volume.relation, volume.target, volume.actual) == ("=", 1e-4, pytest.approx(1.003e-4))
    tmp = by_name["transmembrane pressure"]
    assert tmp.target == pytest.approx(13789.5, rel=1e-4)
    assert tmp.actual == pytest.approx(tmp.target, rel=0.05)
    assert tmp.high is not None and tmp.high > 30000  # the spike is not averaged away
    assert by_name["permeate flux"].relation == "<="


def test_a_curve_of_the_phase_before_does_not_leak_in(record: BatchRecord) -> None:
    rest = next(p for unit in record.units for p in unit.phases if p.kind == "electroporation.rest")
    assert [row.name for row in rest.comparisons] == ["rest"]


def test_hold_times_questions_samples_and_actions_are_kept(record: BatchRecord) -> None:
    assert [item.ok for item in record.hold_times] == [True] * 5
    assert all(question.seconds == 45 for question in record.questions)
    assert {sample.by for sample in record.samples} == {"simulated operator"}
    doubtful = [action for action in record.actions if action.state == "UNKNOWN"]
    assert [action.resolution for action in doubtful] == ["done by A. Technician: well is empty"]
    assert all(action.device_kind == "sim" for action in record.actions)


def test_numbered_results_stand_in_their_order(record: BatchRecord) -> None:
    pulse = next(p for unit in record.units for p in unit.phases if p.kind == "electroporation.pulse")
    columns = [int(name.split()[1]) for name in pulse.results if name.endswith("voltage")]
    assert columns == list(range(1, 13))


def test_the_written_record_is_json_and_the_same_every_time(batch: BatchFolder, record: BatchRecord) -> None:
    assert written(record_of(batch)) == written(record)
    assert json.loads(written(record))["header"]["batch"] == batch.batch
    assert json.loads(json.dumps(to_json(record))) == to_json(record)


def test_two_runs_with_one_seed_compare_equal_and_another_seed_differs(
    tmp_path: Path, make_batch: Callable[..., BatchFolder]
) -> None:
    one = record_of(make_batch(tmp_path / "a", "20260105-EXO-0001", seed=3))
    same = record_of(make_batch(tmp_path / "b", "20260212-EXO-0099", seed=3, days=38))
    other = record_of(make_batch(tmp_path / "c", "20260105-EXO-0001", seed=4))
    assert comparable(one) == comparable(same)
    assert comparable(one) != comparable(other)
    assert written(one) != written(same)
    assert "EXO-0099" not in json.dumps(comparable(same))


def test_a_second_batch_on_the_same_line_compares_equal_too(
    tmp_path: Path, make_batch: Callable[..., BatchFolder]
) -> None:
    first = record_of(make_batch(tmp_path, "20260105-EXO-0001", seed=3))
    second = record_of(make_batch(tmp_path, "20260105-EXO-0002", seed=3))
    assert comparable(first) == comparable(second)


def small(path: Path, *events: tuple[float, str, dict[str, object]]) -> BatchRecord:
    """A record of a batch of one phase from hand-written events (seconds, kind, data)."""
    phase = {"key": "1-tff/1-load/1", "kind": "tff.load", "unit": "tff", "duration": 60.0,
             "params": {"source": "m", "volume": 1e-3}}  # fmt: skip
    second = {"key": "2-tff/1-load/1", "kind": "tff.load", "unit": "tff", "duration": 60.0, "params": {}}
    recipe = {
        "recipe": "small", "version": "1", "line": "l", "material": {},
        "unit_procedures": [
            {"number": 1, "name": "first", "unit": "tff", "operations": [{"name": "load", "phases": [phase]}]},
            {"number": 2, "name": "second", "unit": "tff", "operations": [{"name": "load", "phases": [second]}]},
        ],
        "hold_times": [{"after": 1, "before": 2, "limit": 100.0}],
        "release": [{"name": "residual_moisture", "relation": "<=", "value": 3.0, "unit": "percent"},
                    {"name": "size", "relation": ">=", "value": 60.0, "unit": "nm"},
                    {"name": "doses", "relation": ">=", "value": 40.0, "unit": ""}],
    }  # fmt: skip
    clock = VirtualClock()
    with Journal(path, clock, code_version="1", boot_id="b", source=random.Random(1)) as journal:
        journal.event("batch.created", "B", recipe=recipe, line="l", software="1")
        for t, kind, data in events:
            clock._now = t
            journal.event(kind, "B", **data)
    with JournalReader(path) as reader:
        return build(reader, "B")


def started(key: str = "1-tff/1-load/1") -> dict[str, object]:
    return {"key": key, "phase": "tff.load", "unit": "tff"}


def ended(key: str = "1-tff/1-load/1", outcome: str = "complete", **more: object) -> dict[str, object]:
    return {"key": key, "outcome": outcome, "reason": "", "results": {}, **more}


def test_a_batch_that_has_just_begun_has_a_record(tmp_path: Path) -> None:
    record = small(tmp_path / "j.sqlite", (5.0, "phase.started", started()))
    assert [unit.outcome for unit in record.units] == ["running", "not started"]
    assert record.header.duration is None
    assert record.balance == ()
    assert [item.verdict for item in record.release] == ["missing"] * 3
    assert record.hold_times[0].ok is None


def test_a_phase_taken_up_again_after_a_death_is_one_phase(tmp_path: Path) -> None:
    begun = [(0.0, "phase.started", started()), (50.0, "phase.started", started())]
    (first, _) = small(tmp_path / "open.sqlite", *begun).units
    assert (first.outcome, first.ended) == ("running", None)
    (first, _) = small(tmp_path / "j.sqlite", *begun, (90.0, "phase.ended", ended())).units
    (phase,) = first.phases
    assert (phase.outcome, phase.attempts, phase.duration) == ("complete", 2, 90)


def test_a_hold_time_that_was_missed_is_a_finding(tmp_path: Path) -> None:
    record = small(
        tmp_path / "j.sqlite", (0.0, "phase.started", started()), (60.0, "phase.ended", ended()),
        (200.0, "phase.started", started("2-tff/1-load/1")), (260.0, "phase.ended", ended("2-tff/1-load/1")),
    )  # fmt: skip
    assert record.hold_times[0].actual == 140
    (finding,) = record.findings
    assert (finding.category, finding.value, finding.limit) == ("hold time", 140, 100)


def test_criteria_fail_on_bad_values_and_on_what_is_no_number(tmp_path: Path) -> None:
    sample = {"key": "k", "point": "vials", "source": "vials"}
    record = small(
        tmp_path / "j.sqlite",
        (1.0, "sample", {**sample, "assay": "moisture", "value": "4.5", "unit": "percent"}),
        (1.0, "sample", {**sample, "assay": "size", "value": "nan", "unit": "nm"}),
        (2.0, "phase.ended", ended(facts={"lyophilization.vials": 39.0})),
    )
    assert [(item.name, item.verdict) for item in record.release] == [
        ("residual_moisture", "fail"), ("size", "fail"), ("doses", "fail"),
    ]  # fmt: skip


def test_the_last_of_two_samples_counts(tmp_path: Path) -> None:
    sample = {"key": "k", "point": "vials", "source": "vials", "assay": "moisture", "unit": "percent"}
    record = small(
        tmp_path / "j.sqlite", (1.0, "sample", {**sample, "value": "4.5"}), (2.0, "sample", {**sample, "value": "1.5"})
    )
    assert record.release[0].verdict == "pass"


@pytest.mark.parametrize(
    ("outcome", "severity"), [("failed", "critical"), ("stopped", "major")]
)  # fmt: skip
def test_a_phase_that_did_not_complete_is_a_finding(tmp_path: Path, outcome: str, severity: str) -> None:
    record = small(
        tmp_path / "j.sqlite", (0.0, "phase.started", started()),
        (9.0, "phase.ended", ended(outcome=outcome, reason="pump stalled")),
        (9.0, "batch.state", {"old": "Aborting", "new": "Aborted", "who": "controller", "why": "pump stalled"}),
    )  # fmt: skip
    assert [(item.category, item.severity) for item in record.findings][:1] == (
        [("abort", "critical")] if severity == "major" else [(f"phase {outcome}", severity)]
    )
    assert record.units[0].outcome == outcome
    assert record.header.state == "Aborted"
    assert record.header.duration == 9


def test_an_open_action_is_a_doubt_once_the_batch_is_over(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    small(path)
    with Journal(path, VirtualClock(), code_version="1", boot_id="second") as journal:
        journal.intent("B", "1-tff/1-load/1", "feed", "start", [], "S", "read back", None, "s", "real", 1)
        journal.event("batch.state", "B", old="Execute", new="Aborted", who="controller", why="crash")
    with JournalReader(path) as reader:
        record = build(reader, "B")
    assert [item.category for item in record.findings] == ["doubt", "abort", "restart"]
    assert record.actions[0].state == "OPEN"
    assert record.header.boots == ("b", "second")


def test_an_unknown_batch_is_a_clear_error(batch: BatchFolder) -> None:
    with JournalReader(batch.journal) as reader, pytest.raises(ConfigError, match="no batch 'B9'"):
        build(reader, "B9")


def test_a_hold_is_told_with_the_person_who_ordered_it_and_how_long_it_lasted(tmp_path: Path) -> None:
    moves = [
        (10.0, "Execute", "Holding", "Ada"),
        (12.0, "Holding", "Held", "controller"),
        (72.0, "Held", "Unholding", "Ben"),
    ]
    found = small(
        tmp_path / "j.sqlite",
        *((at, "batch.state", {"old": old, "new": new, "why": "filter", "who": who}) for at, old, new, who in moves),
    )
    hold = next(one for one in found.findings if one.category == "hold")
    assert (hold.what, hold.value, hold.unit) == ("filter (Ada)", 60.0, "s")
