"""One line that says what is going on, on a terminal only."""

from __future__ import annotations

import sys


def note(text: str) -> None:
    """Show `text` on standard error when somebody watches it there."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)
