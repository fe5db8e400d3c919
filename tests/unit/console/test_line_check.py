"""`vesiflow line check`: one tree of all instruments, whatever fails, with the reason and the remedy."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from line.ownership import owned
from records.store import Store

from .conftest import Cli


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The packaged line with some of its text changed."""
    text = files("deployments").joinpath("lines/sim.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "line.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_answer(cli: Cli) -> None:
    result = cli("line", "check", "sim")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("line sim: all 22 instruments answer\n")
    assert "FAILS" not in result.out
    assert "roles: tff.permeate_pump, tff.buffer_pump, tff.recovery_pump" in result.out


def test_every_failure_is_shown_with_its_reason_and_remedy(cli: Cli, tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        ('at: "sim://tff/feed"', 'at: "sim://tff/nowhere"'),
        ('at: "sim://tff/retentate_balance"}', 'at: "sim://tff/retentate_balance", serial: {baudrate: 4800}}'),
        ('at: "sim://tff/reglo"}', 'at: "sim://tff/reglo", serial_number: "9999"}'),
    )
    result = cli("line", "check", path)
    assert (result.code, result.err) == (1, "")
    assert "3 of 22 instruments do not answer: feed, pumps, retentate" in result.out
    assert result.out.count("FAILS") == 3
    assert result.out.count("answers") >= 19
    text = " ".join(result.out.split())
    assert "the port does not exist" in text
    assert "another pump answers (got 0412, allowed 9999)" in text
    assert "no answer" in text and "settings: 4800 8N1" in text
    assert text.count("remedy: ") == 3


@pytest.mark.parametrize("change", [("driver: julabo", "driver: julabu"), ("name: sim", "name: 7 lines")])
def test_a_bad_line_file_is_exit_code_2(cli: Cli, tmp_path: Path, change: tuple[str, str]) -> None:
    result = cli("line", "check", changed(tmp_path, change))
    assert (result.code, result.out) == (2, "")
    assert "line.yaml:" in result.err


def test_a_port_that_is_not_there_is_told_on_a_real_line(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "real.yaml"
    path.write_text(
        "name: real\nclock: wall\ninstruments:\n  bath: {driver: julabo, at: /dev/does-not-exist}\nroles: {}\n",
        encoding="utf-8",
    )
    result = cli("line", "check", path)
    assert result.code == 1
    assert "the port does not exist" in result.out
    assert "settings: 4800 7E1 RTS/CTS" in result.out
    store = Store()
    with owned(store.line("real"), "real"):
        refused = cli("line", "check", path)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "owned by process" in refused.err
