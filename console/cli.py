"""The command line: `vesiflow COMMAND`. Nothing heavy is imported before a command is chosen.

Errors are one line each on standard error, prefixed with the command; exit codes: 0 done, 1 the process failed, 2 bad
input (nothing was done), 130 interrupted and 143 terminated (the line is in its safe state).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.commands import COMMANDS, GROUPS, Command
from vesiflow import __version__
from vesiflow.errors import Terminated, VesiflowError

if TYPE_CHECKING:
    from cyclopts import App

INTERRUPTED = 130
BAD_INPUT = 2


def main() -> None:
    """Entry point of the `vesiflow` script."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return 0
    if list(arguments) in (["--version"], ["version"]):
        print(f"vesiflow {__version__}")
        return 0
    try:
        return _call(arguments)
    except KeyboardInterrupt:
        _tell(arguments, "interrupted")
        return INTERRUPTED
    except Terminated as end:
        _tell(arguments, "terminated")
        return end.exit_code
    except VesiflowError as error:
        _tell(arguments, str(error))
        return error.exit_code
    except BrokenPipeError:
        return INTERRUPTED
    except Exception as error:
        _tell(arguments, _crashed(error))
        return 1


def overview() -> str:
    """What `vesiflow --help` prints; written here so that it needs no imports."""
    lines = ["Usage: vesiflow COMMAND [OPTIONS]", "", "From conditioned medium to freeze-dried vials of exosomes.", ""]
    for group in GROUPS:
        lines += [f"{group}:", *(f"  {item.name:<18} {item.text}" for item in COMMANDS if item.group == group), ""]
    lines += [
        "`vesiflow COMMAND --help` explains a command and shows an example. Begin with:",
        "",
        "  vesiflow simulate exosome",
    ]
    return "\n".join(lines)


def build() -> App:
    """The cyclopts application; commands stay import paths until one is called."""
    from cyclopts import App  # 0.2 s that `vesiflow --help` does not need

    app = App(
        name="vesiflow",
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        help_on_error=False,
        suppress_keyboard_interrupt=False,
    )
    groups: dict[str, App] = {}
    for item in COMMANDS:
        first, _, second = item.name.partition(" ")
        if not second:
            _add(app, first, item)
            continue
        if first not in groups:
            groups[first] = App(name=first, help=f"vesiflow {first} ...", help_format="plaintext")
            app.command(groups[first])
        _add(groups[first], second, item)
    return app


def _add(app: App, name: str, item: Command) -> None:
    app.command(item.target, name=name, help=item.text, help_epilogue=f"Example: {item.example}")


def _call(arguments: Sequence[str]) -> int:
    from cyclopts import CycloptsError

    try:
        result = build()(list(arguments))
    except CycloptsError as error:
        _tell(arguments, " ".join(str(error).split()))
        return BAD_INPUT
    return result if isinstance(result, int) else 0


def _tell(arguments: Sequence[str], message: str) -> None:
    """Every line of `message` on standard error, prefixed with the command it came from."""
    command = _name(arguments)
    for line in message.splitlines() or [""]:
        print(f"{command}: {line}", file=sys.stderr)


def _name(arguments: Sequence[str]) -> str:
    known = {item.name for item in COMMANDS}
    for count in (2, 1):
        name = " ".join(arguments[:count])
        if name in known:
            return f"vesiflow {name}"
    return "vesiflow"


def _crashed(error: Exception) -> str:
    """One line about a bug of ours; the traceback goes to a file that can be sent in."""
    from console.crash import keep

    return f"internal error: {type(error).__name__}: {error}; please report it with {keep(error)}"
