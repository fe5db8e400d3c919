"""Files that commands write where a person asked for them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from vesiflow.errors import ConfigError


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, replacing it; ConfigError when that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(error.strerror or str(error), device=str(path), action="write") from error


def expect_writable(*paths: Path | None) -> None:
    """ConfigError for a path that cannot be written; asked before work whose result it would lose."""
    for path in paths:
        if path is None:
            continue
        folder = path.resolve().parent
        while not folder.exists():
            folder = folder.parent
        if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
            raise ConfigError("cannot be written", device=str(path), remedy="choose another place")


def write_json(path: Path, data: Any) -> None:
    """Write `data` as JSON with sorted keys; the same data gives the same bytes."""
    write_text(path, json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")
