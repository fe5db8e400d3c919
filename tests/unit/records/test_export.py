"""What leaves vesiflow can be read, checked and opened without it, and does no harm."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import batch as commands
from records.batch_record import build
from records.export.ro_crate import write_crate
from records.export.telemetry_csv import safe, write_csv
from records.journal import Journal, JournalReader, Signer
from records.store import BatchFolder, Store
from records.telemetry import TelemetryReader, TelemetryWriter
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError, VesiflowError


@given(st.text())
def test_no_text_becomes_a_formula(text: str) -> None:
    cell = safe(text)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell.removeprefix("'") == text or cell == text


def test_csv_has_display_units_and_leaves_numbers_alone(tmp_path: Path) -> None:
    with TelemetryWriter(tmp_path / "t.sqlite", VirtualClock()) as writer:
        writer.add(0.0, "lyophilization.shelf", -25.0)
        writer.add(1.0, "tff.tmp", 6894.757293)
        writer.add(1.0, "=cmd|calc", float("nan"), quality=2)
    with TelemetryReader(tmp_path / "t.sqlite") as reader:
        assert write_csv(reader, tmp_path / "t.csv") == 3
        with pytest.raises(ConfigError):
            write_csv(reader, tmp_path / "nowhere" / "t.csv")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert [row[2:] for row in rows] == [
        ["'=cmd|calc", "", "", "2"], ["lyophilization.shelf", "-25", "degC", "0"], ["tff.tmp", "1", "psi", "0"],
    ]  # fmt: skip
    assert rows[1][0] == "2026-01-05T08:00:00.000+00:00"


def test_the_crate_names_every_file_with_its_hash(tmp_path: Path, batch: BatchFolder) -> None:
    target = tmp_path / "crate"
    with JournalReader(batch.journal) as journal, TelemetryReader(batch.telemetry) as telemetry:
        record = build(journal, batch.batch, telemetry)
        write_crate(batch, record, telemetry, target)
        with pytest.raises(ConfigError, match="not empty"):
            write_crate(batch, record, telemetry, target)
    graph = {item["@id"]: item for item in json.loads((target / "ro-crate-metadata.json").read_text())["@graph"]}
    on_disk = {path.name for path in target.iterdir()} - {"ro-crate-metadata.json"}
    assert {item["@id"] for item in graph["./"]["hasPart"]} == on_disk
    for name in on_disk:
        assert graph[name]["sha256"] == hashlib.sha256((target / name).read_bytes()).hexdigest()
    for item in graph["./"]["mentions"]:
        assert graph[item["@id"]]["@type"] == "CreateAction"
    assert len(graph["./"]["mentions"]) == 50


def test_the_journal_in_the_crate_can_be_checked_by_anyone(tmp_path: Path, batch: BatchFolder) -> None:
    with JournalReader(batch.journal) as journal:
        write_crate(batch, build(journal, batch.batch), None, tmp_path / "crate")
    lines = (tmp_path / "crate" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert len(entries) > 500
    for entry, before in zip(entries[1:], entries, strict=False):
        assert hashlib.sha256(entry["body"].encode()).hexdigest() == entry["hash"]
        assert json.loads(entry["body"])["prev_hash"] == before["hash"]


@pytest.fixture
def home(batch: BatchFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = batch.journal.parents[2]
    monkeypatch.setenv("VESIFLOW_HOME", str(root))
    monkeypatch.setenv("COLUMNS", "200")
    return root


def test_the_commands_show_what_there_is(
    home: Path, batch: BatchFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.list_()
    assert batch.batch in capsys.readouterr().out
    commands.show(batch.batch)
    shown = capsys.readouterr().out
    assert "tff.tmp outside its limit" in shown
    assert "46.5 %" in shown
    commands.report(batch.batch, output=tmp_path / "page.html")
    assert capsys.readouterr().out.strip() == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").is_file()
    commands.export(batch.batch, tmp_path / "crate")
    assert "journal.jsonl" in capsys.readouterr().out


def test_verify_says_whether_the_journal_holds(
    home: Path, batch: BatchFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with JournalReader(batch.journal) as reader:
        seq, digest = reader.head()
    commands.verify(batch.line, anchor=f"{seq}:{digest}")
    assert f"{seq} entries" in capsys.readouterr().out
    with pytest.raises(VesiflowError, match=f"from entry {seq + 1} on") as caught:
        commands.verify(batch.line, anchor=f"{seq + 1}:{digest}")
    assert caught.value.exit_code == 1


def test_only_keys_that_are_known_may_have_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VESIFLOW_HOME", str(tmp_path))
    store, signer = Store(), Signer.of(tmp_path)
    with Journal(store.journal("bench"), VirtualClock(), code_version="1", boot_id="b", signer=signer) as journal:
        journal.event("batch.created", "B1", recipe={"recipe": "tff", "version": "1"})
    commands.verify("bench")
    commands.verify("bench", key=signer.key)
    assert capsys.readouterr().out.count(f"signed up to entry 2 with key {signer.key}") == 2
    with JournalReader(store.journal("bench")) as reader:
        head = build(reader, "B1").header.head
    assert head is not None and head.holds() and (head.seq, head.key) == (2, signer.key)
    with pytest.raises(VesiflowError, match="signed with a key that is not known") as caught:
        commands.verify("bench", key="0" * 64)
    assert caught.value.exit_code == 1
    with pytest.raises(ConfigError, match="no public key"):
        commands.verify("bench", key="0" * 63 + "x")


@pytest.mark.parametrize("anchor", ["", "12", "12:abc", "x:" + "0" * 64])
def test_a_bad_anchor_is_refused(home: Path, batch: BatchFolder, anchor: str) -> None:
    with pytest.raises(ConfigError, match="no anchor"):
        commands.verify(batch.line, anchor=anchor)


def test_unknown_names_are_refused_with_what_exists(home: Path, batch: BatchFolder, tmp_path: Path) -> None:
    for ask in (commands.show, commands.report, lambda name: commands.export(name, tmp_path / "x")):
        with pytest.raises(ConfigError, match=batch.batch) as caught:
            ask("nothing")
        assert caught.value.exit_code == 2
    with pytest.raises(ConfigError, match="bench"):
        commands.verify("nowhere")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_home_says_how_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VESIFLOW_HOME", str(tmp_path))
    commands.list_()
    assert "vesiflow run exosome" in capsys.readouterr().out
