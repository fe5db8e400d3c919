"""Libraries that drive robots stay where they are wrapped; imports are read from the sources, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("vesiflow", "protocols", "devices", "sim", "line", "records", "flows", "console")
ALLOWED = {
    "pylabrobot": r"devices/drivers/plr*.py",
    "opentrons": "",
    "opentrons_shared_data": "",
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("library", ALLOWED)
def test_wrapped_in_one_place(library: str) -> None:
    users = {path for floor in FLOORS for path in (ROOT / floor).rglob("*.py") if library in imports(path)}
    allowed = set(ROOT.glob(ALLOWED[library])) if ALLOWED[library] else set()
    assert {str(path.relative_to(ROOT)) for path in users - allowed} == set()


def test_devices_speak_http_in_one_module() -> None:
    users = {path.name for path in (ROOT / "devices").rglob("*.py") if "httpx" in imports(path)}
    assert users == {"http_link.py"}


def test_nothing_is_fetched_by_pylabrobot() -> None:
    """Its Opentrons labware is downloaded when used: it is never named here."""
    for path in (ROOT / "devices" / "drivers").glob("plr*.py"):
        assert "resources.opentrons" not in path.read_text(encoding="utf-8")
