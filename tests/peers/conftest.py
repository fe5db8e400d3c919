"""Programs that nobody here wrote, in an environment of their own: installed once, run as processes, never imported.

The environment is kept in the user's cache folder. Where it cannot be made (no package index) the tests are skipped
with the reason; `pytest -m "not peers"` leaves them out.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import platformdirs
import pytest

from vesiflow.clock import WallClock

PACKAGES = (
    "julabo==2.3.0",
    "labmcp-alicat==0.1.2",
    "labmcp-atlas-ezo==0.1.2",
    "labmcp-julabo==0.1.2",
    "labmcp-mettler-toledo==0.1.3",
    "labmcp-pfeiffer-tpg==0.1.2",
    "labmcp-sartorius==0.1.2",
    "lewis==1.4.0",
    "pymeasure==0.16.0",
    "pyserial==3.5",
    "sinstruments==1.5.0",
)
INSTALL_LIMIT = 300.0  # s
START_LIMIT = 30.0  # s

Run = Callable[..., subprocess.Popen[str]]
Serve = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def peers() -> Path:
    """The interpreter of the peers' environment."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("peers: uv is not installed")
    name = hashlib.sha256("\n".join(PACKAGES).encode()).hexdigest()[:12]
    home = Path(platformdirs.user_cache_dir("vesiflow")) / f"peers-{name}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"peers-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            _install(uv, home)
    return home / "bin" / "python"


def _install(uv: str, home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    python = home / "bin" / "python"
    for words in (["venv", "--python", "3.11", str(home)], ["pip", "install", "--python", str(python), *PACKAGES]):
        try:
            done = subprocess.run(
                [uv, *words], capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            pytest.skip(f"peers: not installed within {INSTALL_LIMIT:g} s")
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines() or ["no reason given"]
            pytest.skip(f"peers: cannot be installed: {reason[-1]}")
    (home / "complete").touch()


@pytest.fixture
def run(peers: Path) -> Iterator[Run]:
    """Start a program in the peers' environment; it is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([str(peers), *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def served(run: Run) -> Serve:
    """Serve a program on a free port and wait until it listens; its address. `{port}` in its words is the port."""

    async def serve(*words: str) -> str:
        clock, port = WallClock(), _free_port()
        process = run(*(word.replace("{port}", str(port)) for word in words))
        while clock.now() < START_LIMIT:
            if process.poll() is not None:
                pytest.fail(f"peer ended with {process.returncode}: {' '.join(words)}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await clock.sleep(0.25)
                continue
            writer.close()
            await writer.wait_closed()
            return f"socket://127.0.0.1:{port}"
        pytest.fail(f"peer does not listen after {START_LIMIT:g} s: {' '.join(words)}")

    return serve


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
