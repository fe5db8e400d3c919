"""What safe means, per unit, as the line file says: stop, ramp down, keep, a relay off, a position, or a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devices.link import Link
from devices.open_line import OpenLine
from line.gateway import Gateway
from vesiflow.clock import Clock
from vesiflow.errors import VesiflowError
from vesiflow.quantities import parse

RAMP = (0.6, 0.3)  # of the flow
RAMP_STEP = 0.3  # s
_OFF = " off"


async def make_safe(gateway: Gateway, unit: str, actions: Mapping[str, str], *, at_once: bool = False) -> list[str]:
    """Bring `unit` to its safe state, every role tried; returns one line per role that could not be reached.

    `at_once` stops what would be ramped down.
    """
    failed = []
    for name, action in actions.items():
        if action == "keep":
            continue
        try:
            role = gateway.role(f"{unit}.{name}")
            if action == "ramp down" and not at_once:
                await _ramped(gateway.clock, role)
            else:
                await _one(role, action)
        except VesiflowError as error:
            failed.append(str(error))
    return failed


async def _ramped(clock: Clock, pump: Any) -> None:
    """Down in two steps and off, for columns of liquid that are heavy; off at once when the pump takes no steps."""
    try:
        state = await pump.read_pump()
        for share in RAMP if state.running and state.flow > 0.0 else ():
            await pump.set_flow(share * state.flow)
            await clock.sleep(RAMP_STEP)
    except VesiflowError:
        pass
    await pump.stop()


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
    if action in ("stop", "ramp down"):
        await role.stop()
    elif action in ("waste", "collect"):
        await role.collect(action == "collect")
    elif action.endswith(_OFF):
        await role.set_relay(action.removesuffix(_OFF), False)
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
