"""Finding the service of a line on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from line.ownership import owned
from line.service import Service, announced, find, running, url_of
from records.store import Store
from vesiflow.errors import ConfigError, NotSent


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def me(line: str, pid: int | None = None) -> Service:
    return Service(line, "http://127.0.0.1:4300", os.getpid() if pid is None else pid, f"{line}.yaml")


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_service_is_found_while_it_runs(store: Store) -> None:
    assert find(store, "a") is None
    with announced(store.line("a"), me("a")):
        assert find(store, "a") == me("a")
        assert url_of(store, "a") == url_of(store, None) == "http://127.0.0.1:4300"
    assert find(store, "a") is None
    assert list(store.line("a").iterdir()) == []


def test_what_a_killed_service_left_is_not_a_service(store: Store, dead: int) -> None:
    with announced(store.line("a"), me("a", dead)):
        assert find(store, "a") is None
        assert running(store) == []
        with pytest.raises(NotSent, match=r"line a: no service runs; .* `vesiflow line serve a\.yaml`"):
            url_of(store, "a")


def test_the_hint_for_a_line_that_is_not_served_can_be_typed(store: Store) -> None:
    for line, file in (("ask", "FILE.yaml"), ("sim", "sim"), (None, "FILE.yaml")):
        with pytest.raises(NotSent, match=f"start one with `vesiflow line serve {file}`"):
            url_of(store, line)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"line": "a"}), "\x00"])
def test_a_broken_file_is_no_service(store: Store, text: str) -> None:
    store.line("a").mkdir(parents=True)
    (store.line("a") / "service.json").write_text(text, encoding="utf-8")
    assert find(store, "a") is None


def test_two_services_must_be_told_apart(store: Store) -> None:
    with announced(store.line("a"), me("a")), announced(store.line("b"), me("b")):
        assert [item.line for item in running(store)] == ["a", "b"]
        with pytest.raises(ConfigError, match=r"which line.*a, b.*--line"):
            url_of(store, None)


def test_a_line_owned_without_a_service_says_by_whom(store: Store) -> None:
    with owned(store.line("a"), "a"), pytest.raises(NotSent, match=f"process {os.getpid()} owns it and offers no"):
        url_of(store, "a")


def test_no_service_at_all(store: Store) -> None:
    with pytest.raises(NotSent, match="no line has a service"):
        url_of(store, None)
