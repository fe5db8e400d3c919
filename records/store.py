"""Where data lives: one folder per line, one per batch, under `$VESIFLOW_HOME` or the user's data folder.

    lines/<line>/journal.sqlite
    lines/<line>/batches/<batch>/telemetry.sqlite, report.html, record.json

Only `journal`'s and `create`'s users write; asking never creates anything.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from records.journal_reader import BatchHead, JournalReader
from vesiflow.errors import ConfigError
from vesiflow.ids import is_safe


@dataclass(frozen=True, slots=True)
class BatchFolder:
    """The files of one batch on one line."""

    line: str
    batch: str
    folder: Path
    journal: Path

    @property
    def telemetry(self) -> Path:
        """Samples of all tags."""
        return self.folder / "telemetry.sqlite"

    @property
    def report(self) -> Path:
        """The batch record as one HTML file."""
        return self.folder / "report.html"

    @property
    def record(self) -> Path:
        """The batch record as JSON."""
        return self.folder / "record.json"


def default_root() -> Path:
    """`$VESIFLOW_HOME`, or the platform's folder for user data."""
    chosen = os.environ.get("VESIFLOW_HOME")
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("vesiflow", appauthor=False)


def writable(folder: Path) -> None:
    """Make `folder` if need be; ConfigError that names VESIFLOW_HOME when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise ConfigError(
            f"the data folder cannot be written: {error.strerror or error}",
            device=str(folder),
            remedy="set VESIFLOW_HOME to a folder that can",
        ) from error


class Store:
    """The data folder at `root` (default: `default_root()`). Names that could leave it are refused."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or default_root()).resolve()

    def line(self, line: str) -> Path:
        """The folder of `line`, which need not exist; ConfigError for an unsafe name."""
        return self._inside("lines", line)

    def journal(self, line: str) -> Path:
        """The journal file of `line`."""
        return self.line(line) / "journal.sqlite"

    def batch(self, line: str, batch: str) -> BatchFolder:
        """The files of `batch` on `line`, which need not exist; ConfigError for an unsafe name."""
        folder = self._inside("lines", line, "batches", batch)
        return BatchFolder(line, batch, folder, self.journal(line))

    def create(self, line: str, batch: str) -> BatchFolder:
        """As `batch`, and the folder exists afterwards."""
        found = self.batch(line, batch)
        writable(found.folder)
        return found

    def lines(self) -> list[str]:
        """Lines that have a journal, sorted."""
        return sorted(path.parent.name for path in (self.root / "lines").glob("*/journal.sqlite"))

    def batches(self, line: str | None = None) -> list[tuple[str, BatchHead]]:
        """(line, batch) of every batch, oldest first; of one line when `line` is given."""
        found: list[tuple[str, BatchHead]] = []
        for name in self.lines() if line is None else [self.known_line(line)]:
            with JournalReader(self.journal(name)) as reader:
                found += [(name, head) for head in reader.batches()]
        return sorted(found, key=lambda item: (item[1].created, item[1].batch))

    def find(self, batch: str) -> BatchFolder:
        """The files of the batch called `batch`, on whatever line; ConfigError that names what exists."""
        known = self.batches()
        for line, head in known:
            if head.batch == batch:
                return self.batch(line, batch)
        if not known:
            what = f"there is no batch {batch!r}: none has been made in {self.root}"
            raise ConfigError(what, remedy="start one with `vesiflow run exosome`")
        raise ConfigError(
            f"there is no batch {batch!r} in {self.root}",
            bounds=_some([head.batch for _, head in reversed(known)]),
            remedy="see `vesiflow batch list`",
        )

    def known_line(self, line: str) -> str:
        """`line` when it has a journal; ConfigError that names the lines that have."""
        if is_safe(line) and self.journal(line).is_file():
            return line
        known = self.lines()
        raise ConfigError(f"no batch has run on a line {line!r} in {self.root}", bounds=_some(known) if known else None)

    def _inside(self, *parts: str) -> Path:
        for part in parts:
            if not is_safe(part):
                raise ConfigError(
                    "this cannot be a name of a line or batch",
                    value=repr(part),
                    bounds="letters, digits, dot, dash and underscore, at most 64",
                )
        path = self.root.joinpath(*parts).resolve()
        if not path.is_relative_to(self.root):
            raise ConfigError("this folder leads out of the data folder", value=path, bounds=f"inside {self.root}")
        return path


def _some(names: list[str], most: int = 5) -> str:
    """The first few `names` for an error message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
