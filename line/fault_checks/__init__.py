"""Faults that no single batch can show: each is done here at its own level, to the same code that a batch uses.

A check fills in a result: what noticed it, after how many seconds, how it ended, and what was not as it must be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from line.fault_checks import inputs, ownership, records, wires
from line.trial_result import Result

Check = Callable[[Result, int], Awaitable[Result]]

CHECKS: Mapping[str, Check] = {
    "wires.injection": wires.injection,
    "wires.blocked": wires.blocked,
    "ownership.woken": ownership.woken,
    "ownership.pressed_often": ownership.pressed_often,
    "records.tampered": records.tampered,
    "inputs.recipe": inputs.recipe,
    "inputs.mixed": inputs.mixed,
    "inputs.address": inputs.address,
}
