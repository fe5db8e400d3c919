"""The embedded Prefect server: a process of its own that starts while this one imports Prefect, and ends with it.

Prefect would start one by itself, but waits for it where no signal is heard, and only after its own import.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from vesiflow.clock import WallClock
from vesiflow.errors import VesiflowError

HOST = "127.0.0.1"
PATIENCE = 120.0
"""Seconds until it must answer: 10 on an idle machine, the first time 20."""
_PERIOD, _FAREWELL = 0.05, 5.0


def embedded(log: Path) -> Server:
    """A server that has begun to start, its address in the environment of this process, which it ends with.

    Not earlier: Prefect tells it the last things about a run when the interpreter exits.
    """
    server = Server(log)
    os.environ["PREFECT_API_URL"] = f"http://{HOST}:{server.port}/api"
    atexit.register(server.stop)
    return server


class Server:
    """The process; what it says goes to `log`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.port = _free_port()
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.embedded", str(self.port)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,  # a Ctrl-C is for us: the server must hear how the batch ended
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    async def answers(self) -> None:
        """Wait until it takes requests; VesiflowError when it ends or takes too long."""
        clock = WallClock()
        begun = clock.now()
        while not self._listens():
            if self._process.poll() is not None or clock.now() - begun > PATIENCE:
                raise VesiflowError(
                    "Prefect's server does not start",
                    device="prefect",
                    bounds=f"{PATIENCE:.0f} s",
                    remedy=f"see {self._log}, or give one with --server",
                )
            await clock.sleep(_PERIOD)

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1.0):
            return True  # it binds its port when all its tables are there
        return False

    def stop(self) -> None:
        """End it, as it wants to or not."""
        self._process.terminate()
        try:
            self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """The server's side: `python -m flows.embedded PORT`. It ends when nobody holds the other end of its input."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    uvicorn, server = import_module("uvicorn"), import_module("prefect.server.api.server")
    app = server.create_app(ephemeral=True, final=True)
    uvicorn.run(app, host=HOST, port=int(sys.argv[1]), log_level="error", lifespan="on")


def _leave_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
