"""`vesiflow line scan`: ports, who answers, and why one cannot be asked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devices import scan
from devices.line_file import load_line

from .conftest import Cli


def plugged(monkeypatch: pytest.MonkeyPatch, *found: Any) -> None:
    monkeypatch.setattr(scan.list_ports, "comports", lambda: list(found))


def adapter(device: str, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(
        **{"device": device, "description": "n/a", "vid": None, "pid": None, "serial_number": None, **more}
    )


def test_ports_that_answer_and_ports_that_do_not(cli: Cli, served: Path) -> None:
    line = load_line(served)
    balance, bath = line.instruments["permeate"].at, line.instruments["shelf"].at
    wanted = ["--driver", "mettler_sics", "--driver", "julabo"]
    result = cli("line", "scan", balance, bath, "/dev/does-not-exist", *wanted)
    assert (result.code, result.err) == (1, "")
    text = " ".join(result.out.replace("│", " ").replace("├──", " ").replace("└──", " ").split())
    assert f"{balance} answers mettler_sics: Mettler-Toledo" in text
    assert "answers julabo: JULABO" in text
    assert "the port does not exist; check cable" in text
    assert cli("line", "scan", balance, *wanted).code == 0


def test_the_ports_of_this_machine_by_their_lasting_name(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-FTDI-if00").symlink_to(device)
    monkeypatch.setattr(scan, "BY_ID", by_id)
    plugged(monkeypatch, adapter(str(device), description="FT232R", vid=0x0403, pid=0x6001, serial_number="A1"))
    result = cli("line", "scan", "--no-ask")
    assert result.code == 0
    assert "usb-FTDI-if00 (FT232R USB 0403:6001 A1)" in " ".join(result.out.split())


def test_a_port_that_is_a_plain_file_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    plugged(monkeypatch, adapter(str(tmp_path / "file")))
    result = cli("line", "scan", "--driver", "julabo")
    assert (result.code, result.err) == (0, "")
    assert "check cable, power" in " ".join(result.out.split())


def test_no_ports_and_no_drivers(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(monkeypatch)
    result = cli("line", "scan")
    assert result.code == 0 and "no serial port" in result.out
    unknown = cli("line", "scan", "--driver", "nobody")
    assert unknown.code == 2 and "unknown driver 'nobody'" in unknown.err
