"""Keeps what Prefect shows of a run in agreement with the line: the controller is right, Prefect follows.

A hold and a question are shown as Paused, a wait for units by name; a state that somebody else set (Crashed by mistake,
Resume without a word to the line) is put right. Two things go the other way: an answer that a person gives in Prefect's
form, and a run that is being cancelled, which stops its batch, also where no worker tells the process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run

from flows.form import Form, filled, put
from line.api import BatchView
from line.claims import told
from line.state import State as Line
from vesiflow.errors import NoReply, VesiflowError

Prompt = dict[str, Any]
"""A question as `LineClient.prompt` gives it."""
Answer = Callable[[dict[str, str], str, str], Awaitable[None]]
"""Gives the line values, a name and the key of the question; VesiflowError when it does not take them."""

_HELD = (Line.HOLDING, Line.HELD, Line.SUSPENDING, Line.SUSPENDED)
_CANCELLED = (StateType.CANCELLING, StateType.CANCELLED)
_EVERY = 5  # looks at the line to one look at Prefect's own state, while no form is open


def shown(view: BatchView, form: Form | None) -> State[Any]:
    """The state that a run of this batch has in Prefect while it is under way; `form` is what a person is asked."""
    if held(view):
        return State(type=StateType.PAUSED, name=str(view.state), message=f"{view.reason}; see `vesiflow line status`")
    if view.waits:
        return State(type=StateType.RUNNING, name="Waiting", message=f"waits for {told(view.waits)}")
    if form is not None:
        return form.state()
    return State(type=StateType.RUNNING, name="Running")


def held(view: BatchView) -> bool:
    """Whether the line holds or suspends the batch."""
    return view.state in _HELD


class Agreement:
    """Of the current flow run; `cancelled` is called once, when somebody cancels it in Prefect."""

    def __init__(self, answer: Answer, cancelled: Callable[[], Awaitable[None]]) -> None:
        self._run = flow_run.id
        self._answer = answer
        self._cancelled = cancelled
        self._over = False
        self._said = _words(State(type=StateType.RUNNING, name="Running"))
        self._form: Form | None = None
        self._remark = ""
        self._looks = 0

    async def look(self, view: BatchView, prompt: Prompt | None) -> None:
        """Show how the line stands; a server that is away is no reason to do anything else."""
        if self._run is None or self._over:
            return
        asked = None if held(view) or view.waits else prompt
        self._looks += 1
        if self._is_said(view, asked) and self._form is None and self._looks % _EVERY:
            return
        with suppress(Exception):  # whatever is wrong with the server, the batch goes on
            async with get_client() as client:
                await self._agree(client, view, asked)

    async def conclude(self) -> None:
        """Running again, so that the end can follow."""
        if self._said[1] != "Running" and self._run and not self._over:
            with suppress(Exception):  # whatever is wrong with the server, the batch goes on
                async with get_client() as client:
                    await self._set(client, State(type=StateType.RUNNING, name="Running"))

    def _is_said(self, view: BatchView, asked: Prompt | None) -> bool:
        same_question = (asked and asked["key"]) == (self._form and self._form.question)
        return same_question and _words(shown(view, self._form)) == self._said

    async def _agree(self, client: PrefectClient, view: BatchView, asked: Prompt | None) -> None:
        found = (await client.read_flow_run(self._run)).state
        if found is not None and found.type in _CANCELLED:
            self._over = True
            await self._cancelled()
            return
        paused = found is not None and found.type == StateType.PAUSED
        if self._form is not None and not paused and await self._heard(self._form):
            return  # how the line stands now is seen at the next look
        await self._ask(asked)
        state = shown(view, self._form)
        if _words(state) != self._said or found is None or (found.type, found.name) != (state.type, state.name):
            await self._set(client, state)

    async def _ask(self, asked: Prompt | None) -> None:
        """Have the form of what is asked now, and no other."""
        if asked is None:
            self._form = None
        elif self._form is None or self._form.question != asked["key"]:
            self._form = await put(self._run, asked, self._remark)
        self._remark = ""

    async def _heard(self, form: Form) -> bool:
        """Pass on what a person has put into the form, once; whether there was something."""
        said = await filled(self._run, form)
        if said is None:
            return False
        try:
            await self._answer(said.values, said.who, form.question)
        except NoReply:
            raise  # the controller is away; the answer is kept and is given again at the next look
        except VesiflowError as error:
            self._remark = f"The answer of {said.who} was not taken: {error}"
            get_run_logger().warning(self._remark)
        self._form = None
        return True

    async def _set(self, client: PrefectClient, state: State[Any]) -> None:
        await client.set_flow_run_state(self._run, state, force=True)
        self._said = _words(state)


def _words(state: State[Any]) -> tuple[str, str | None, str | None, str]:
    return state.type.value, state.name, state.message, str(state.state_details.run_input_keyset)
