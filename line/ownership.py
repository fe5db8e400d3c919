"""One controller per line: an exclusive lock that the kernel frees when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vesiflow.errors import Refused


@contextmanager
def owned(folder: Path, line: str) -> Iterator[None]:
    """Own `line` while inside; Refused while another process owns it, and nothing is touched.

    A holder that is stopped (SIGSTOP) still holds: it cannot wake up to a line that somebody else drives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "owner.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise Refused(
                f"owned by process {holder}",
                device=f"line {line}",
                action="open",
                remedy="use `vesiflow line status`, or stop that process",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def holder(folder: Path) -> int | None:
    """The process that owns the line, or that died owning it; None when nobody does."""
    try:
        return int((folder / "owner.lock").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
