"""Rewrite the reference part of docs/recipes.md from the recipe models: `python docs/write_recipes.py`."""

from __future__ import annotations

from pathlib import Path

from protocols.reference import reference

PAGE = Path(__file__).with_name("recipes.md")
MARKER = "<!-- below: written by docs/write_recipes.py from the models -->\n"


def written(page: str) -> str:
    """`page` with everything after the marker renewed."""
    return page.split(MARKER)[0] + MARKER + "\n" + reference()


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
