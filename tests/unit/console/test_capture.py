"""`vesiflow capture`: what is recorded replays, and only that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devices.capture import as_text, from_text, read_capture
from devices.line_file import load_line
from devices.testing.replay import replay
from devices.testing.scripted import ScriptError
from line.ownership import owned
from records.store import Store
from vesiflow.errors import ConfigError

from .conftest import Cli

SIM = load_line("sim")
ROLES = {
    SIM.instruments[spec.instrument].driver_name: role for role, spec in SIM.roles.items() if role != "line.operator"
}
"""One for each driver of the line."""


def taken(cli: Cli, tmp_path: Path, *words: object, role: str = "tff.feed_pump") -> Path:
    path = tmp_path / "session.capture"
    result = cli("capture", role, path, "--line", "sim", *words)
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("replays\n")
    return path


def changed(path: Path, change: Any) -> Path:
    """The capture with its entries changed by `change(entries)`."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    change(entries)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
def test_every_role_of_the_line_is_captured_and_replays(cli: Cli, tmp_path: Path, role: str) -> None:
    path = taken(cli, tmp_path, "--times", 1, role=role)
    captured = read_capture(path)
    assert captured.head["at"].startswith("sim://")
    assert replay(path) == 1 + sum("do" in entry for entry in captured.entries[1:])


def test_acts_are_captured_with_their_evidence(cli: Cli, tmp_path: Path) -> None:
    calls = ["--call", "set_flow '80 mL/min'", "--call", "start", "--call", "read_pump", "--call", "stop"]
    path = taken(cli, tmp_path, *calls, "--times", 1)
    said = [entry.get("send") for entry in read_capture(path).entries if "send" in entry]
    assert "1SP53\\x0D" in said and "1GO\\x0D" in said and "1ST\\x0D" in said
    assert {"gave": {"flow": "79.5 mL/min", "running": "yes"}} in read_capture(path).entries


def test_a_session_over_a_real_port_replays(cli: Cli, tmp_path: Path, served: Path) -> None:
    path = tmp_path / "served.capture"
    result = cli("capture", "tff.permeate_balance", path, "--line", served, "--times", 2)
    assert (result.code, result.err) == (0, "")
    assert read_capture(path).head["at"].startswith("socket://")
    assert replay(path) > 2


def first(entries: list[dict[str, Any]], kind: str, text: str = "") -> int:
    return next(n for n, entry in enumerate(entries) if kind in entry and text in str(entry[kind]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda e: e[first(e, "send", "1SP")].update(send="1SP54\\x0D"), "the script says b'1SP54"),
        (lambda e: e[first(e, "gave", "mL/min")].update(gave={"flow": "80 mL/min"}), "the capture says"),
        (lambda e: e.insert(len(e) - 1, {"hear": "!", "after": 0.0}), "never read b'!'"),
        (lambda e: e.insert(len(e) - 1, {"send": "1RS\\x0D"}), "never sent"),
        (lambda e: e.insert(first(e, "send"), {"hear": "x", "after": 0.0}), "threw away b'x'"),
        (lambda e: e.pop(), "ends within"),
        (lambda e: e[first(e, "gave", "mL/min")].update(raised="NoReply") or e[first(e, "gave", "mL/min")].pop("gave"),
         "raised"),
    ],
)  # fmt: skip
def test_every_deviation_and_leftover_fails(cli: Cli, tmp_path: Path, change: Any, says: str) -> None:
    path = taken(cli, tmp_path, "--call", "set_flow '80 mL/min'", "--call", "read_pump", "--times", 1)
    with pytest.raises(ScriptError, match=says):
        replay(changed(path, change))


def test_what_came_unasked_is_thrown_away_again(cli: Cli, tmp_path: Path) -> None:
    path = taken(cli, tmp_path, "--call", "read_pump", "--times", 1)
    replay(changed(path, lambda e: e.insert(first(e, "do", "read_pump") + 1, {"flushed": "x\\x0D", "after": 0.2})))


def test_captures_are_tests(cli: Cli, tmp_path: Path, pytester: pytest.Pytester) -> None:
    path = taken(cli, tmp_path, "--call", "read_pump", "--times", 1)
    good = pytester.path / "good.capture"
    good.write_text(path.read_text())
    (pytester.path / "bad.capture").write_text(path.read_text().replace("1RS", "1ZY"))
    (pytester.path / "none.capture").write_text("{}\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*sent b'1RS*the script says*", "*none.capture: is no capture*"])


@pytest.mark.parametrize(
    ("role", "words", "code", "says"),
    [
        ("tff.nothing", (), 2, "has no role"),
        ("tff.feed_pump", ("--times", "0"), 2, "--times"),
        ("tff.feed_pump", ("--call", "set_flow '9 L/min'"), 1, "outside the limits"),
        ("tff.feed_pump", ("--call", "dance"), 2, "no method 'dance'"),
        ("tff.feed_pump", ("--call", "set_flow 'x"), 2, "No closing quotation"),
    ],
)
def test_bad_input_is_one_line(
    cli: Cli, tmp_path: Path, role: str, words: tuple[str, ...], code: int, says: str
) -> None:
    result = cli("capture", role, tmp_path / "x.capture", "--line", "sim", *words)
    assert (result.code, len(result.err.splitlines())) == (code, 1)
    assert says in result.err


def test_a_capture_is_never_overwritten(cli: Cli, tmp_path: Path) -> None:
    path = taken(cli, tmp_path, "--times", 1)
    before = path.read_text()
    result = cli("capture", "tff.feed_pump", path, "--line", "sim")
    assert result.code == 2 and "exists already" in result.err
    assert path.read_text() == before


def test_nothing_heard_leaves_no_file(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "none.capture"
    with owned(Store().line("sim"), "sim"):
        refused = cli("capture", "tff.feed_pump", path, "--line", "sim")
    assert refused.code == 1 and "owned by process" in refused.err and not path.exists()
    failed = cli("capture", "tff.feed_pump", path, "--line", "sim", "--call", "set_flow '9 L/min'")
    assert failed.code == 1 and path.exists()  # it had connected: what was said is kept


def test_every_byte_has_a_text() -> None:
    data = bytes(range(256))
    assert from_text(as_text(data)) == data


def test_a_lost_port_does_not_replay(cli: Cli, tmp_path: Path) -> None:
    path = changed(taken(cli, tmp_path, "--times", 1), lambda e: e.insert(3, {"reopened": True}))
    with pytest.raises(ConfigError, match="take it again"):
        replay(path)
