"""The house: floors by import-linter, and rules that no linter knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("vesiflow", "protocols", "devices", "sim", "line", "records", "flows", "console")


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders or FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def users_of(package: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in sources()
        if any(name == package or name.startswith(f"{package}.") for name in imported(path))
    }


@pytest.mark.parametrize("folder", [*FOLDERS, "deployments", "docs", "benchmarks"])
def test_every_folder_has_something_in_it(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.stat().st_size > 200]
    assert len(files) >= 2


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.stat().st_size > 0 and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []


def test_libraries_stay_in_their_rooms() -> None:
    assert all(name.startswith("devices/drivers/plr") for name in users_of("pylabrobot"))
    assert all(name.startswith(("flows/", "console/")) for name in users_of("prefect"))
    assert all(name.startswith(("devices/", "sim/wire/", "console/")) for name in users_of("serial"))
    assert users_of("opentrons") == set()


def test_results_are_never_pickled() -> None:
    for package in ("pickle", "cloudpickle", "marshal", "shelve"):
        assert users_of(package) == set()


def test_yaml_never_makes_objects() -> None:
    unsafe = {"unsafe_load", "full_load", "UnsafeLoader", "FullLoader", "Loader"}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml":
                assert node.attr not in unsafe, path


def test_nothing_knows_this_machine() -> None:
    for path in sources():
        text = path.read_text(encoding="utf-8")
        assert "/work/" not in text and "/root/" not in text, path


def test_only_the_clock_sleeps_and_dates() -> None:
    for path in sources():
        if path == ROOT / "vesiflow" / "clock.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("time", "sleep"), ("asyncio", "sleep"), ("time", "time")}, (
                    path
                )
