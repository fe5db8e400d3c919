"""A calculation: the keys of its case and the function that turns them into results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.model.fields import Table

Values = dict[str, Any]


@dataclass(frozen=True)
class Calculation:
    """`compute` gets what `keys` read and returns plain numbers, lists and mappings of them."""

    keys: Table
    compute: Callable[[Values], Values]
