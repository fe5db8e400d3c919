"""vesiflow simulate: a whole run through controller, drivers and bytes, without Prefect."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from line.record import record_of
from records.store import Store

from .conftest import SICK_BALANCE, SICK_PRESSURE, Cli


def test_a_run_ends_well_and_says_what_came_out(cli: Cli, short: str) -> None:
    result = cli("simulate", short)
    assert result.code == 0
    assert "sim-short-1: short 1.0.0 on line sim: Complete" in result.out
    assert "1 capture" in result.out
    assert "4/4" in result.out
    assert "1-tff/3-concentrate" in result.err  # progress as plain lines, because this is no terminal


def test_quiet_prints_nothing(cli: Cli, short: str) -> None:
    assert cli("simulate", short, "--quiet") == (0, "", "")


def test_same_seed_same_bytes_other_seed_other_bytes(cli: Cli, short: str, tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert cli("simulate", short, "--seed", seed, "--json", tmp_path / name, "--quiet").code == 0
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c
    assert json.loads(a)["header"]["seed"] == 7


def test_nothing_is_left_without_keep(cli: Cli, short: str, tmp_path: Path) -> None:
    assert cli("simulate", short, "--quiet").code == 0
    assert not (tmp_path / "vesiflow-home").exists()


def test_keep_leaves_journal_record_and_report_and_is_never_overwritten(cli: Cli, short: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = cli("simulate", short, "--keep", kept)
    assert first.code == 0
    folder = Store(kept).batch("sim", "sim-short-1")
    assert str(folder.report) in first.out.replace("\n", "")
    assert folder.report.read_text(encoding="utf-8").startswith("<!")
    assert json.loads(folder.record.read_text(encoding="utf-8"))["header"]["state"] == "Complete"
    again = cli("simulate", short, "--keep", kept)
    assert again.code == 2
    assert "sim-short-1" in again.err
    assert cli("simulate", short, "--keep", kept, "--seed", 2, "--quiet").code == 0


def test_junit_has_a_case_per_phase(cli: Cli, short: str, tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    assert cli("simulate", short, "--junit", path, "--quiet").code == 0
    (suite,) = ElementTree.parse(path).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "0", "0")
    assert [case.get("name") for case in suite][2] == "1-tff/3-concentrate/1"
    assert all(float(case.get("time", "0")) > 0 for case in suite)


def test_volume_scales_the_batch(cli: Cli, short: str, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert cli("simulate", short, "--volume", "150 mL", "--json", path, "--quiet").code == 0
    assert json.loads(path.read_text(encoding="utf-8"))["header"]["material"]["medium.volume"] == pytest.approx(150e-6)


def test_a_phase_that_does_not_complete_is_exit_code_1_with_its_reason(
    cli: Cli, short: str, line_with: Callable[[str], Path], tmp_path: Path
) -> None:
    result = cli("simulate", short, "--line", line_with(SICK_BALANCE), "--junit", tmp_path / "junit.xml")
    assert result.code == 1
    assert "1-tff/2-load/1 " in result.out
    assert "tff.retentate_balance: the reservoir holds less than half" in result.out
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "2")


def test_a_held_batch_is_stopped_because_nobody_attends(
    cli: Cli, short: str, line_with: Callable[[str], Path], tmp_path: Path
) -> None:
    result = cli("simulate", short, "--line", line_with(SICK_PRESSURE), "--keep", tmp_path)
    assert result.code == 1
    assert "held: tff.tmp: " in result.out
    assert "outside its limit" in result.out
    assert "Stopped" in result.out
    record = record_of(Store(tmp_path).batch("sim", "sim-short-1"))
    states = [event.text for event in record.events if event.kind == "batch.state"]
    assert any("Held" in text for text in states)
    assert "nobody attends" in states[-1]


def test_a_real_line_is_refused(cli: Cli, short: str, tmp_path: Path) -> None:
    line = tmp_path / "bench.yaml"
    line.write_text(
        "name: bench\nclock: wall\ninstruments:\n"
        '  people: {driver: operator, at: "console"}\nroles:\n  line.operator: {instrument: people}\n'
        "equipment:\n  tff: {reservoir: 2.3 L, hold_up: 5 mL, permeate_vessel: 5 L, buffer_vessel: 5 L}\n",
        encoding="utf-8",
    )
    result = cli("simulate", short, "--line", line)
    assert result.code == 2
    assert not (tmp_path / "vesiflow-home").exists()


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("event: hang bottle, count: 9", "'hang bottle' happened 1 of 9 times"),
        ("phase: concentrate, after: 100 h", "its moment was "),
        ("value: tff.volume, above: 1", "tff.volume was never above 1"),
    ],
)
def test_a_fault_that_never_struck_is_told_and_exit_code_1(
    when: str, why: str, cli: Cli, short: str, tmp_path: Path
) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text(f"- {{id: late, level: plant, what: pump.slips, when: {{{when}}}}}", encoding="utf-8")
    result = cli("simulate", short, "--fault", faults, "--quiet")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"vesiflow simulate: fault late never struck: {why}")
    assert len(result.err.splitlines()) == 1


def test_a_fault_that_found_nothing_to_break_is_told(cli: Cli, short: str, tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("- {id: a, level: instrument, what: valve.stuck, settings: {at: tff/feed}}", encoding="utf-8")
    result = cli("simulate", short, "--fault", faults, "--quiet")
    assert result.code == 1
    assert "fault a could not strike: AttributeError" in result.err


def test_a_fault_that_struck_and_one_that_chance_spared_are_no_mistake(cli: Cli, short: str, tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text(
        "- {id: a, level: host, what: clock.step, when: {phase: concentrate}}\n"
        "- {id: b, level: plant, what: pump.slips, when: {chance: 0}}",
        encoding="utf-8",
    )
    result = cli("simulate", short, "--fault", faults)
    assert result.code == 0
    assert "fault a (clock.step): struck at " in result.out
    assert "fault b (pump.slips): was not to strike" in result.out


def test_a_fault_that_waits_for_no_phase_of_the_recipe_is_refused(cli: Cli, short: str, tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("- {id: a, level: plant, what: pump.slips,\n   when: {phase: concentrat}}", encoding="utf-8")
    result = cli("simulate", short, "--fault", faults, "--keep", tmp_path / "kept")
    assert result.code == 2
    assert f"{faults}:2: " in result.err
    assert "did you mean 'concentrate'?" in result.err
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("option", ["--json", "--junit"])
def test_a_file_that_cannot_be_written_is_found_before_the_run(option: str, cli: Cli, short: str) -> None:
    result = cli("simulate", short, option, "/dev/null/file")
    assert result.code == 2
    assert result.err.splitlines()[0].startswith("vesiflow simulate: /dev/null")
    assert len(result.err.splitlines()) == 1


def test_prefect_is_not_imported(short: str, tmp_path: Path) -> None:
    code = (
        f"import sys; from console.cli import execute; assert execute(['simulate', {short!r}, '--quiet']) == 0;"
        "print('prefect' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "False\n"


def test_ctrl_c_brings_the_line_to_its_safe_state(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "console", "simulate", "exosome", "--keep", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        assert "install_module" in process.stderr.readline()  # the batch runs
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "vesiflow simulate: interrupted"
    record = record_of(Store(tmp_path).batch("sim", "sim-exosome-1"))
    assert record.header.state == "Stopped"
    assert any("interrupted" in phase.reason for unit in record.units for phase in unit.phases)
