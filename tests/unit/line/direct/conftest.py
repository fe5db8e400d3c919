"""One batch made directly, shared by the tests that only look at it."""

from __future__ import annotations

import pytest

from line.direct.line import Made, manufacture
from line.prepare import Prepared, prepare


@pytest.fixture(scope="session")
def packaged() -> Prepared:
    return prepare("exosome", "sim")


@pytest.fixture(scope="session")
def made(packaged: Prepared) -> Made:
    return manufacture(packaged.recipe, packaged.line, seed=7)
