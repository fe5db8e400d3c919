"""The commands of `vesiflow` as a table: name, what runs it, one line of help, an example."""

from __future__ import annotations

from dataclasses import dataclass

MAKE, LOOK, LINE, SERVE = "Make", "Look", "Line", "Serve"
GROUPS = (MAKE, LOOK, LINE, SERVE)


@dataclass(frozen=True, slots=True)
class Command:
    """`target` is "module:function", imported when the command is called."""

    group: str
    name: str
    target: str
    text: str
    example: str


COMMANDS: tuple[Command, ...] = (
    Command(
        MAKE,
        "simulate",
        "console.simulate:simulate",
        "run a recipe on a simulated line, without Prefect",
        "vesiflow simulate exosome --seed 7 --json result.json --junit result.xml",
    ),
)
