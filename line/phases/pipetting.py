"""Pipetting a plan: group by group, each one a journaled action, going on where the journal says it stopped."""

from __future__ import annotations

from collections.abc import Sequence

from devices.readings import Transfer
from devices.roles import LiquidHandler
from line.run import PhaseRun

GROUP = 8  # channels of a head


async def pipette(run: PhaseRun, handler: LiquidHandler, plan: Sequence[Transfer], group: int = GROUP) -> None:
    """Carry out `plan` in groups of up to `group` transfers; groups that have happened are never repeated."""
    groups = [plan[first : first + group] for first in range(0, len(plan), group)]
    done = run.gateway.done("transfer")
    for number, transfers in enumerate(groups):
        if number < done:
            continue
        await run.attend()
        await handler.transfer(list(transfers))
        run.progress = (number + 1) / len(groups)
