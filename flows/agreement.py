"""Keeps what Prefect shows of a run in agreement with the line: the controller is right, Prefect follows.

A hold is shown as Paused, a wait for units or people by name; a state that somebody else set (Crashed by mistake,
Resume without a word to the line) is put right. One thing goes the other way: a run that is being cancelled stops its
batch, also where no worker tells the process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run

from line.api import BatchView
from line.claims import told
from line.state import State as Line

_HELD = (Line.HOLDING, Line.HELD, Line.SUSPENDING, Line.SUSPENDED)
_CANCELLED = (StateType.CANCELLING, StateType.CANCELLED)
_EVERY = 5  # looks at the line to one look at Prefect's own state


def shown(view: BatchView, prompt: dict[str, Any] | None) -> State[Any]:
    """The state that a run of this batch has in Prefect while it is under way."""
    if view.state in _HELD:
        return State(type=StateType.PAUSED, name=str(view.state), message=f"{view.reason}; see `vesiflow line status`")
    if view.waits:
        return State(type=StateType.RUNNING, name="Waiting", message=f"waits for {told(view.waits)}")
    if prompt is not None:
        return State(type=StateType.RUNNING, name="Asks", message=f"{prompt['text']}; see `vesiflow line prompt`")
    return State(type=StateType.RUNNING, name="Running")


class Agreement:
    """Of the current flow run; `cancelled` is called once, when somebody cancels it in Prefect."""

    def __init__(self, cancelled: Callable[[], Awaitable[None]]) -> None:
        self._run = flow_run.id
        self._cancelled = cancelled
        self._over = False
        self._said: tuple[str, str | None, str | None] = ("RUNNING", "Running", None)
        self._looks = 0

    async def look(self, view: BatchView, prompt: dict[str, Any] | None) -> None:
        """Show how the line stands; a server that is away is no reason to do anything else."""
        if self._run is None or self._over:
            return
        with suppress(Exception):  # whatever is wrong with the server, the batch goes on
            await self._agree(shown(view, prompt))

    async def conclude(self) -> None:
        """Running again, so that the end can follow."""
        if self._said[1] != "Running" and self._run and not self._over:
            with suppress(Exception):  # whatever is wrong with the server, the batch goes on
                await self._set(State(type=StateType.RUNNING, name="Running"))

    async def _agree(self, state: State[Any]) -> None:
        self._looks += 1
        changed = _words(state) != self._said
        if not changed and self._looks % _EVERY:
            return
        async with get_client() as client:
            found = (await client.read_flow_run(self._run)).state
        if found is not None and found.type in _CANCELLED:
            self._over = True
            await self._cancelled()
        elif changed or (found is not None and (found.type, found.name) != (state.type, state.name)):
            await self._set(state)

    async def _set(self, state: State[Any]) -> None:
        async with get_client() as client:
            await client.set_flow_run_state(self._run, state, force=True)
        self._said = _words(state)


def _words(state: State[Any]) -> tuple[str, str | None, str | None]:
    return state.type.value, state.name, state.message
