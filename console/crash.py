"""Keeps the traceback of an unexpected error in a file, so that a technician sees one line."""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path

from records.store import default_root
from vesiflow import __version__
from vesiflow.clock import WallClock
from vesiflow.ids import ulid


def keep(error: BaseException) -> Path:
    """Write `error` with its traceback below the data folder (else the temporary folder); the file's path."""
    text = "\n".join([f"vesiflow {__version__}", f"Python {sys.version}", *traceback.format_exception(error)])
    name = f"{ulid(WallClock().utc())}.txt"
    for folder in (default_root() / "crashes", Path(tempfile.gettempdir()) / "vesiflow-crashes"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return folder / name
    return Path("no file (no folder is writable)")
