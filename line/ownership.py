"""One controller per line: an exclusive lock that the kernel frees when its holder dies, however it dies.

A holder that is stopped (SIGSTOP) keeps the lock, so nobody gets the line by accident. `fence` takes it on purpose: the
lock file is put aside, and whoever held it finds at its next write, to an instrument or to the journal, that it is
no owner any more. It cannot be between that look and the write: every write holds the gate, and `fence` needs it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from records.database import Fenced
from records.store import writable
from vesiflow.clock import Clock
from vesiflow.errors import Refused

LOCK, GATE = "owner.lock", "gate.lock"
PATIENCE = 5.0  # s that a write of the owner before may take to leave
_LOOK = 0.02  # s


class Owner:
    """The right to act on a line: `with owner:` around everything that leaves this process.

    Fenced there, before anything has left, when another controller has taken the line over. Any thread may use it.
    """

    def __init__(self, folder: Path, line: str, lock: TextIO, gate: TextIO) -> None:
        self._path, self._line = folder / LOCK, line
        self._mine = os.fstat(lock.fileno()).st_ino
        self._gate = gate
        self._inside, self._over = 0, False
        self._count = threading.Lock()

    def __enter__(self) -> None:
        with self._count:
            if self._over:
                raise Fenced("this line has been let go", device=f"line {self._line}", remedy="open it again")
            if self._inside == 0:
                fcntl.flock(self._gate, fcntl.LOCK_SH)
            self._inside += 1
        if self.lost:
            self.__exit__(None, None, None)
            raise Fenced(
                "another controller has taken this line over: nothing was sent",
                device=f"line {self._line}",
                remedy="end this process; see `vesiflow line status`",
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._count:
            self._inside -= 1
            if self._inside == 0:
                fcntl.flock(self._gate, fcntl.LOCK_UN)

    def let_go(self) -> None:
        """Nothing goes out any more."""
        with self._count:
            self._over = True

    @property
    def lost(self) -> bool:
        """Whether the lock in the line's folder is not the one held here."""
        try:
            return self._path.stat().st_ino != self._mine
        except OSError:
            return True


@contextmanager
def owned(folder: Path, line: str) -> Iterator[Owner]:
    """Own `line` while inside; Refused while another process owns it, and nothing is touched."""
    writable(folder)
    with (folder / LOCK).open("a+") as file, (folder / GATE).open("a") as gate:
        if not _locked(file):
            raise Refused(
                f"owned by process {_written(file)}",
                device=f"line {line}",
                action="open",
                remedy="use `vesiflow line status`, stop that process, or `vesiflow line serve --take-over`",
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        owner = Owner(folder, line, file, gate)
        try:
            yield owner
        finally:
            owner.let_go()
            file.truncate(0)


async def fence(folder: Path, line: str, clock: Clock) -> str | None:
    """Take `line` from the process that owns it, so that nothing of that process goes out any more; who it was.

    Refused when it was stopped in the middle of a write: that one would still go out.
    """
    if not (folder / LOCK).exists():
        return None
    with (folder / LOCK).open("a+") as file, (folder / GATE).open("a") as gate:
        if _locked(file):
            return None
        holder, until = _written(file), clock.now() + PATIENCE
        while not _locked(gate):
            if clock.now() > until:
                raise Refused(
                    f"process {holder} stands in the middle of a write",
                    device=f"line {line}",
                    action="take over",
                    remedy=f"end it (kill -9 {holder}), then serve the line as usual",
                )
            await clock.sleep(_LOOK)
        for name in (LOCK, GATE):
            with suppress(FileNotFoundError):
                (folder / name).unlink()
        return holder


def end(pid: int, folder: Path) -> bool:
    """Kill process `pid`, so that its ports are free, if it holds a lock of `folder` that was put aside by `fence`.

    A number alone says nothing: it may be of another container, or used again. Where it cannot be proven (no /proc)
    nothing is done. Whether it was killed.
    """
    put_aside = f"{folder / LOCK} (deleted)"
    try:
        mine = any(str(file.readlink()) == put_aside for file in Path(f"/proc/{pid}/fd").iterdir())
        if mine:
            os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    return mine


def holder(folder: Path) -> int | None:
    """The process that owns the line, or that died owning it; None when nobody does."""
    try:
        return int((folder / LOCK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(file: TextIO) -> str:
    file.seek(0)
    return file.read().strip() or "another process"
