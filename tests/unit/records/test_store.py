"""Data stays in its folder, asking creates nothing, and what is missing is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.journal import Journal
from records.store import Store, default_root
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError


def run(store: Store, line: str, *batches: str, epoch_start: float = 0.0) -> None:
    clock = VirtualClock(start=epoch_start)
    with Journal(store.journal(line), clock, code_version="0.1.0", boot_id="b") as journal:
        for batch in batches:
            journal.event("batch.created", batch, recipe={"recipe": "exosome", "version": "1"}, simulated=True)
            store.create(line, batch)


def test_batches_of_all_lines_are_found_oldest_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run(store, "sim", "B2", epoch_start=100)
    run(store, "bench-1", "B1")
    assert [(line, head.batch) for line, head in store.batches()] == [("bench-1", "B1"), ("sim", "B2")]
    assert [head.batch for _, head in store.batches("sim")] == ["B2"]
    found = store.find("B2")
    assert found.line == "sim"
    assert found.telemetry == tmp_path.resolve() / "lines/sim/batches/B2/telemetry.sqlite"
    assert found.folder.is_dir()


def test_an_unknown_batch_names_what_exists(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(ConfigError, match=r"none has been made in .*vesiflow run exosome"):
        store.find("B1")
    run(store, "sim", *(f"B{number}" for number in range(7)))
    with pytest.raises(ConfigError, match=r"B6, B5, B4, B3, B2 and 2 more.*vesiflow batch list") as caught:
        store.find("B9")
    assert caught.value.exit_code == 2
    with pytest.raises(ConfigError, match="sim"):
        store.batches("bench-9")


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".hidden", "a\nb", "a" * 65, "a..b", "C:\\x", "/etc"])
def test_names_that_could_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "home")
    for ask in (lambda: store.batch("sim", name), lambda: store.journal(name), lambda: store.create(name, "B1")):
        with pytest.raises(ConfigError):
            ask()
    assert not (tmp_path / "home").exists()


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "home" / "lines").symlink_to(tmp_path / "outside")
    with pytest.raises(ConfigError, match="leads out"):
        Store(tmp_path / "home").journal("sim")


def test_the_root_is_the_environments_or_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VESIFLOW_HOME", str(tmp_path))
    assert Store().root == tmp_path.resolve()
    monkeypatch.delenv("VESIFLOW_HOME")
    assert default_root().name == "vesiflow"


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="VESIFLOW_HOME"):
        Store(tmp_path / "file").create("sim", "B1")


def test_a_folder_that_takes_no_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(ConfigError, match=r"lines/sim.*cannot be written: Permission denied; set VESIFLOW_HOME"):
        Store(tmp_path).create("sim", "B1")
