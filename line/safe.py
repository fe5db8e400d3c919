"""What safe means, per unit, as the line file says: stop, keep, a position, or a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
