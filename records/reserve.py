"""Disk space put by: a file of the journal's folder that is given up when the disk is full.

What it frees is for the entries that bring a line to its safe state, and for nothing else.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

SIZE = 1 << 20  # bytes; a hold of four units is about 60 entries of 1 kB, each written twice (log and file)
LOW_WATER = 32 << 20  # bytes free below which a person is told; a batch writes about 20 MB


class Reserve:
    """The reserve beside the journal at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.stem}.reserve")

    @property
    def held(self) -> bool:
        """Whether it is there to be given up."""
        return self.path.exists()

    def hold(self) -> bool:
        """Put space by, unless it has been already; False when the disk has none."""
        if self.held:
            return True
        try:
            with self.path.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, SIZE)
                else:
                    file.write(bytes(SIZE))
                os.fsync(file.fileno())
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give it up."""
        with suppress(OSError):
            self.path.unlink()

    def free(self) -> int:
        """Bytes free on the disk of the journal."""
        return shutil.disk_usage(self.path.parent).free
