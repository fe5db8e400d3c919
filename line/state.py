"""PackML states of a batch (ANSI/ISA-TR88.00.02): one frozen table, everything not in it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from vesiflow.errors import Refused


class State(StrEnum):
    IDLE = "Idle"
    STARTING = "Starting"
    EXECUTE = "Execute"
    COMPLETING = "Completing"
    COMPLETE = "Complete"
    HOLDING = "Holding"
    HELD = "Held"
    UNHOLDING = "Unholding"
    SUSPENDING = "Suspending"
    SUSPENDED = "Suspended"
    UNSUSPENDING = "Unsuspending"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    ABORTING = "Aborting"
    ABORTED = "Aborted"
    CLEARING = "Clearing"
    RESETTING = "Resetting"


class Command(StrEnum):
    RESET = "Reset"
    START = "Start"
    STOP = "Stop"
    HOLD = "Hold"
    UNHOLD = "Unhold"
    SUSPEND = "Suspend"
    UNSUSPEND = "Unsuspend"
    ABORT = "Abort"
    CLEAR = "Clear"


_NO_STOP = {State.STOPPING, State.STOPPED, State.ABORTING, State.ABORTED, State.CLEARING}
_NO_ABORT = {State.ABORTING, State.ABORTED}

TRANSITIONS: Mapping[tuple[State, Command], State] = MappingProxyType(
    {
        (State.COMPLETE, Command.RESET): State.RESETTING,
        (State.STOPPED, Command.RESET): State.RESETTING,
        (State.IDLE, Command.START): State.STARTING,
        (State.EXECUTE, Command.HOLD): State.HOLDING,
        (State.HELD, Command.UNHOLD): State.UNHOLDING,
        (State.EXECUTE, Command.SUSPEND): State.SUSPENDING,
        (State.SUSPENDED, Command.UNSUSPEND): State.UNSUSPENDING,
        (State.ABORTED, Command.CLEAR): State.CLEARING,
        **{(state, Command.STOP): State.STOPPING for state in State if state not in _NO_STOP},
        **{(state, Command.ABORT): State.ABORTING for state in State if state not in _NO_ABORT},
    }
)

COMPLETIONS: Mapping[State, State] = MappingProxyType(
    {
        State.STARTING: State.EXECUTE,
        State.EXECUTE: State.COMPLETING,
        State.COMPLETING: State.COMPLETE,
        State.HOLDING: State.HELD,
        State.UNHOLDING: State.EXECUTE,
        State.SUSPENDING: State.SUSPENDED,
        State.UNSUSPENDING: State.EXECUTE,
        State.STOPPING: State.STOPPED,
        State.ABORTING: State.ABORTED,
        State.CLEARING: State.STOPPED,
        State.RESETTING: State.IDLE,
    }
)

OVER = frozenset({State.COMPLETE, State.STOPPED, State.ABORTED})
"""States in which a batch owns no unit any more."""


SAFEWARD = frozenset(
    {
        State.HOLDING, State.HELD, State.SUSPENDING, State.SUSPENDED,
        State.STOPPING, State.STOPPED, State.ABORTING, State.ABORTED,
    }
)  # fmt: skip
"""States that a batch reaches even when the journal cannot be written."""


def after(state: State, command: Command) -> State:
    """The state that `command` leads to; Refused when the standard does not allow it."""
    target = TRANSITIONS.get((state, command))
    if target is None:
        allowed = ", ".join(possible(state)) or "none"
        raise Refused(f"{command} is not possible while {state}", remedy=f"possible now: {allowed}")
    return target


def possible(state: State) -> list[Command]:
    """The commands that the standard allows in `state`."""
    return sorted(command for (before, command) in TRANSITIONS if before is state)
