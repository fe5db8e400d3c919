"""Every command line that the documentation shows is one that the program takes, and every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from console.cli import build
from console.commands import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^[ \t]*```(?:console|bash|sh|shell)?\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (?:\$ )?(vesiflow .*)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def shown(page: Path) -> list[str]:
    """The `vesiflow` command lines of a page, continued lines joined."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for block in FENCE.findall(text) for line in block.splitlines()]
    lines += INDENTED.findall(text)
    commands = (line.removeprefix("$ ").split("uv run ")[-1] for line in lines)
    return [command for command in commands if command.startswith("vesiflow ")]


LINES = [(str(page.relative_to(ROOT)), line) for page in PAGES for line in shown(page)]


@pytest.mark.parametrize(("page", "line"), LINES)
def test_the_program_takes_what_the_page_shows(page: str, line: str) -> None:
    tokens = shlex.split(line.split(" && ")[0].split(" | ")[0].rstrip("&"), comments=True)[1:]
    build().parse_args(tokens, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("example", [item.example for item in COMMANDS])
def test_the_program_takes_its_own_examples(example: str) -> None:
    build().parse_args(shlex.split(example)[1:], exit_on_error=False, print_error=False)


def test_the_pages_show_commands() -> None:
    """The patterns above still find something."""
    assert len(LINES) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
