"""`opentrons analyze` of a protocol of ours, in a process of its own: imports, pins and settings touch nothing here.

The package is an extra; where it is missing `available` says so. Without `--check` its exit status is 0 even for a
protocol that failed, so the verdict is read from the JSON it writes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from devices.deck_file import DeckFile
from devices.opentrons.plan import Move
from devices.opentrons.protocol import custom_labware, difference, protocol_text
from vesiflow.errors import ConfigError

PATIENCE = 180.0  # s; the import alone takes 5 to 10
EXTRA = "vesiflow[opentrons]"


def available() -> bool:
    """Whether the package `opentrons` is installed."""
    return find_spec("opentrons") is not None


def analyse(moves: Sequence[Move], total: int, deck: DeckFile) -> dict[str, Any]:
    """The package's analysis of these moves. ConfigError when it fails or does something else than planned."""
    with tempfile.TemporaryDirectory(prefix="vesiflow-opentrons-") as folder:
        place = Path(folder)
        (place / "protocol.py").write_text(protocol_text(moves, total, deck), encoding="utf-8")
        labware = custom_labware(moves, deck)
        for name, data in labware.items():
            (place / name).write_text(json.dumps(data), encoding="utf-8")
        result = _run(place, list(labware))
    errors = [str(error.get("detail", error)) for error in result.get("errors", [])]
    if errors or result.get("result", "ok") != "ok":
        reason = "; ".join(errors)[:300] or str(result.get("result"))
        raise ConfigError(
            f"opentrons cannot run this: {reason}", device=deck.model.deck, action="analyse", remedy="mend the deck"
        )
    if wrong := difference(moves, result.get("commands", [])):
        raise ConfigError(f"the analysis differs from the plan: {wrong}", device=deck.model.deck, action="analyse")
    return result


def _run(place: Path, labware: Sequence[str]) -> dict[str, Any]:
    out = place / "analysis.json"
    command = [sys.executable, "-m", "opentrons.cli", "analyze", f"--json-output={out}", "protocol.py", *labware]
    environment = {**os.environ, "OT_API_CONFIG_DIR": str(place / "config"), "HOME": str(place)}
    try:
        ended = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError("opentrons analyze does not end", value=f"{PATIENCE:g} s", remedy="try again") from error
    if not out.is_file():
        last = (ended.stderr.strip().splitlines() or ["no output"])[-1]
        raise ConfigError(f"opentrons analyze failed: {last[:200]}", remedy="check the extra and the deck file")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found
