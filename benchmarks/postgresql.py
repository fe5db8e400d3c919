"""A PostgreSQL server of one's own from the distribution's binaries: a new folder, loopback, a free port.

For tests and measurements; nothing that runs on the machine already is touched.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNER = "nobody"
"""initdb refuses root; as root the server runs as this user."""


def binaries() -> Path | None:
    """The folder of the newest installed server, None when there is none."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class PostgreSQL:
    """One server; `url` is what Prefect is given. It may be stopped and started again."""

    def __init__(self, folder: Path, port: int, tools: Path) -> None:
        self._folder, self._port, self._tools = folder, port, tools
        self._password = secrets.token_hex(16)
        self._owner = OWNER if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """As SQLAlchemy writes it."""
        return f"postgresql+asyncpg://vesiflow:{self._password}@127.0.0.1:{self._port}/postgres"

    @property
    def environment(self) -> dict[str, str]:
        """What its tools (psql, pg_dump ...) need to find it."""
        return {
            "PATH": f"{self._tools}:{os.environ['PATH']}", "LC_ALL": "C", "PGHOST": "127.0.0.1",
            "PGPORT": str(self._port), "PGUSER": "vesiflow", "PGPASSWORD": self._password, "PGDATABASE": "postgres",
        }  # fmt: skip

    def create(self) -> None:
        """Make the data folder."""
        secret = self._folder / "password"
        secret.write_text(self._password, encoding="utf-8")
        if self._owner:
            shutil.chown(self._folder, self._owner)
            shutil.chown(secret, self._owner)
        self._run("initdb", "--username", "vesiflow", "--auth=scram-sha-256", "--pwfile", str(secret), "--no-sync",
                  "--encoding=UTF8", "--locale=C")  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-h 127.0.0.1 -p {self._port} -k {self._folder} -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--silent", "-l", str(self._folder / "log"), "-o", options)

    def stop(self, how: str = "immediate") -> None:
        """End it at once, as a crash would, or in order ("fast"); nothing when it does not run."""
        if (self._folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--wait", "--silent", "-m", how)

    def ask(self, *command: str) -> str:
        """What a client tool prints; RuntimeError with its complaint when it fails."""
        return _printed(command, self.environment)

    def _run(self, name: str, *arguments: str) -> None:
        own = {"PGDATA": str(self._folder / "data")}
        _printed((str(self._tools / name), *arguments), self.environment | own, self._owner)


def _printed(command: tuple[str, ...], environment: dict[str, str], owner: str | None = None) -> str:
    groups = [] if owner else None
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, user=owner, extra_groups=groups, cwd="/"
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr or done.stdout}")
    return done.stdout


@contextmanager
def server() -> Iterator[PostgreSQL]:
    """A server that is gone with everything in it at the end; RuntimeError where PostgreSQL is not installed."""
    tools = binaries()
    if tools is None:
        raise RuntimeError("no PostgreSQL here: install the package `postgresql`")
    folder = Path(tempfile.mkdtemp(prefix="vesiflow-postgresql-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    found = PostgreSQL(folder, port, tools)
    try:
        found.create()
        found.start()
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
