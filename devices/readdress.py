"""A line file for the same line at other addresses: an emulated line that another process serves."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from devices.line_file import LineFile
from vesiflow.documents import parse

HEADER = """# Written by `vesiflow sim serve`: the same line; another process emulates its instruments.
"""


def readdressed(line: LineFile, addresses: Mapping[str, str], name: str, speed: float) -> str:
    """The text of `line` called `name`, each instrument at `addresses[its old address]`, on a clock `speed` times fast.

    What stood behind the simulated instruments is left out: whoever reads this file has no plant of its own.
    """
    data = dict(parse(line.text, line.file).data)
    data.pop("simulation", None)
    data |= {"name": name, "clock": {"scaled": speed}}
    data["instruments"] = {
        key: {**entry, "at": addresses.get(entry.get("at"), entry.get("at", "none"))}
        for key, entry in data["instruments"].items()
    }
    return HEADER + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
