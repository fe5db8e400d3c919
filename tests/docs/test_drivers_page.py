"""docs/drivers.md is what the cards say, and the cards say what is true."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from devices import registry

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_drivers", DOCS / "write_drivers.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(writer: ModuleType) -> None:
    assert (DOCS / "drivers.md").read_text(encoding="utf-8") == writer.page(), "run: python docs/write_drivers.py"


def test_nothing_is_claimed_that_was_not_seen() -> None:
    """No real instrument has answered any of our drivers."""
    for name in registry.names():
        driver = registry.load(name)
        if driver.__module__.startswith("devices.drivers."):
            assert driver.card.maturity == "emulated"
            assert f"`{name}`" in (DOCS / "drivers.md").read_text(encoding="utf-8")
