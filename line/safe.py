"""What safe means, per unit, as the line file says: stop, keep, a position, or a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devices.link import Link
from devices.open_line import OpenLine
from line.gateway import Gateway
from vesiflow.errors import VesiflowError
from vesiflow.quantities import parse


async def make_safe(gateway: Gateway, unit: str, actions: Mapping[str, str]) -> list[str]:
    """Bring `unit` to its safe state, every role tried; returns one line per role that could not be reached."""
    failed = []
    for name, action in actions.items():
        if action == "keep":
            continue
        try:
            await _one(gateway.role(f"{unit}.{name}"), action)
        except VesiflowError as error:
            failed.append(str(error))
    return failed


async def without_journal(line: OpenLine, seize: Callable[[OpenLine], None]) -> list[str]:
    """Every unit of `line` to its safe state past gateway and journal: for a controller that no longer turns.

    `seize` takes the ports from whoever holds them. Returns one line per role that could not be reached.
    """
    seize(line)
    failed = []
    for unit, actions in line.file.safe_state.items():
        for name, action in actions.items():
            if action != "keep":
                try:
                    await _one(line.roles[f"{unit}.{name}"], action)
                except (VesiflowError, OSError) as error:
                    failed.append(str(error))
    return failed


def seize_ports(line: OpenLine) -> None:
    """Whoever speaks to an instrument loses the turn; the link resynchronises before the next command."""
    for instrument in line.instruments.values():
        if isinstance(instrument.link, Link):
            instrument.link.seize()


async def _one(role: Any, action: str) -> None:
    if action == "stop":
        await role.stop()
    elif action in ("waste", "collect"):
        await role.collect(action == "collect")
    elif action[0].isdigit() or action[0] == "-":
        await _value(role, action)
    else:
        await role.move_to(action)


async def _value(role: Any, action: str) -> None:
    try:
        pressure = parse(action, "Pa")
    except ValueError:
        await role.set_temperature(parse(action, "degC"))
    else:
        await role.set_pressure(pressure)
