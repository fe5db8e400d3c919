"""Every test: its own data folder, no thread and no asyncio task left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_POOLS = ("asyncio_", "AnyIO worker thread", "ThreadPoolExecutor", "MainThread")
"""Threads of pools that wait for work and end with their loop or the process."""
_ENDING = 1.0  # s for a thread that was told to end and is on its way, as that of rich's bars


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VESIFLOW_HOME", str(tmp_path / "vesiflow-home"))


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a thread running, or a task pending when its event loop closes."""
    if request.node.get_closest_marker("prefect"):  # Prefect keeps service threads of its own
        yield
        return
    before = set(threading.enumerate())
    pending: list[str] = []
    cancel_all = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    def watched(loop: asyncio.AbstractEventLoop) -> None:
        pending.extend(_label(task) for task in asyncio.all_tasks(loop) if not task.done())
        cancel_all(loop)

    monkeypatch.setattr(asyncio.runners, "_cancel_all_tasks", watched)
    yield
    new = [thread for thread in threading.enumerate() if thread not in before]
    threads = [thread for thread in new if not thread.name.startswith(_POOLS)]
    for thread in threads:
        thread.join(_ENDING)
    left = [thread.name for thread in threads if thread.is_alive()]
    assert not left, f"threads left behind: {left}"
    lost = [label for label in pending if "TestRunner." not in label]  # the test runner's own
    assert not lost, f"tasks left behind: {lost}"


def _label(task: asyncio.Task[object]) -> str:
    return f"{task.get_name()} ({getattr(task.get_coro(), '__qualname__', '?')})"
