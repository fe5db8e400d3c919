"""Fills the tables of docs/faults.md from the code: `python docs/write_faults.py`; a test checks that it was run."""

from __future__ import annotations

import re
from pathlib import Path

from sim.faults.director import VALUES
from sim.faults.files import LOADED
from sim.faults.injectors import HOST, INJECTORS, LEVELS, SETTINGS
from sim.faults.settings import COMMANDS
from sim.ledger import EVENTS
from sim.wire.faulty import Fault

PAGE = Path(__file__).parent / "faults.md"
assert LOADED


def table() -> str:
    """Every injector with its level, its settings and what it does."""
    rows = ["| what | level | settings | what happens |", "|---|---|---|---|"]
    for name in sorted(SETTINGS):
        settings = ", ".join(f"`{key}`{f' ({unit})' if unit else ''}" for key, unit in SETTINGS[name].items()) or "-"
        what = " ".join((INJECTORS[name].__doc__ or "").split()) if name in INJECTORS else HOST_TEXTS[name]
        rows.append(f"| `{name}` | {LEVELS[name]} | {settings} | {what} |")
    return "\n".join(rows)


HOST_TEXTS = {
    "disk.full": "The journal's volume takes only so many pages more.",
    "disk.broken": "Every write to a file fails.",
    "clock.step": "The date jumps; process time does not notice.",
    "alarm.flood": "So many alarms at once, from one cause.",
    "person.presses": "A person gives a PackML command, whatever is going on.",
}
assert set(HOST_TEXTS) == set(HOST)


def filled(text: str) -> str:
    """The page with its generated parts renewed."""
    parts = {
        "table": f"\n{table()}\n",
        "values": ", ".join(f"`{name}`" for name in VALUES),
        "events": ", ".join(f"`{name}`" for name in EVENTS),
        "commands": ", ".join(f"`{name}`" for name in COMMANDS),
        "wires": ", ".join(f"`{one}`" for one in Fault if one is not Fault.NONE),
    }
    for name, new in parts.items():
        text = re.sub(
            rf"(<!-- {name} -->)(.*?)(<!-- /{name} -->)", lambda m, new=new: f"{m[1]}{new}{m[3]}", text, flags=re.DOTALL
        )
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
