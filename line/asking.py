"""What a phase asks of people: question and answer on record, the unit safe meanwhile, nothing assumed for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from devices.readings import Answer, Prompt
from devices.roles import Operator
from line.memory import ANSWERED, ASKED, Memory
from line.requests import Requests, Stopped
from line.watchdog import Pulse
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, Refused, VesiflowError
from vesiflow.quantities import convert, parse

PROMPT_PATIENCE = 3600.0  # s


@dataclass
class Asking:
    """The questions of one phase. `hold` keeps its unit safe, `note` writes into the journal, `alarm` and `calm` begin
    and end an alarm."""

    clock: Clock
    operator: Operator
    requests: Requests
    pulse: Pulse
    memory: Memory
    hold: Callable[[str], Awaitable[None]]
    note: Callable[..., Any]
    alarm: Callable[..., None]
    calm: Callable[[str], None]
    _prompt: str = ""

    async def ask(
        self, action: str, text: str, details: Mapping[str, object] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> dict[str, str]:  # fmt: skip
        """Ask the operator and record question and answer; a prompt answered before is not put again."""
        name = self._prompt = self.memory.prompt(action, details or {})
        known = self.memory.answer(name)
        if known is not None:
            return known
        prompt = Prompt(action, text, _pairs(details), _pairs(fields), f"{self.memory.batch} {name}")
        self.note(
            ASKED, prompt=name, action=action, text=text, details=dict(prompt.details), fields=dict(prompt.fields)
        )
        with self.pulse.resting():
            async with self._safe_meanwhile():
                answer = await self._answered(prompt)
                values = dict(answer.values)
                self.note(ANSWERED, prompt=name, action=action, values=values, by=answer.by)
        missing = [name for name in (fields or {}) if name not in values]
        if missing:
            self.not_so()
            raise BadReply(
                f"no answer for {', '.join(missing)}", device="operator", action=action, remedy="answer again"
            )
        return values

    async def _answered(self, prompt: Prompt) -> Answer:
        """The person's answer; Stopped when the phase is to end before anybody gives one."""
        requests = self.requests
        reminder = self.clock.spawn(self._remind(prompt), "reminder")
        requests.asking = asking = self.clock.spawn(self.operator.ask(prompt), "ask")
        try:
            return await self.clock.join(asking)
        except asyncio.CancelledError:
            if requests.stop is not None and asking.cancelled():
                raise Stopped(requests.stop) from None
            asking.cancel()
            await asyncio.wait({asking})
            raise
        finally:
            requests.asking = None
            reminder.cancel()
            await asyncio.wait({reminder})
            self.calm("line.prompt")

    @asynccontextmanager
    async def _safe_meanwhile(self) -> AsyncIterator[None]:
        """The unit is brought to safety at once when a hold comes while a person is asked; the prompt stays open, and
        its answer counts when the unit may go on."""
        requests = self.requests
        task = self.clock.spawn(self._held_meanwhile(), "hold while somebody is asked")
        try:
            yield
            while requests.resumed is not None:
                if requests.stop is not None:
                    raise Stopped(requests.stop)
                await self.clock.sleep(1.0)
        finally:
            requests.held_while_asked = None
            task.cancel()
            await asyncio.wait({task})

    async def _held_meanwhile(self) -> None:
        requests = self.requests
        while True:
            requests.held_while_asked = self.clock.event()
            if requests.hold is None:
                await requests.held_while_asked.wait()
            if requests.hold is not None:
                reason, requests.hold = requests.hold, None
                with suppress(VesiflowError):  # who asks learns of a stop by itself
                    await self.hold(reason)

    async def _remind(self, prompt: Prompt) -> None:
        """An alarm when a prompt stays open for an hour. Nothing is ever assumed for the person who is missing."""
        await self.clock.sleep(PROMPT_PATIENCE)
        self.alarm("line.prompt", f"nobody answers: {prompt.text}", PROMPT_PATIENCE, PROMPT_PATIENCE, "s")

    async def ask_volume(self, action: str, text: str, details: Mapping[str, object]) -> float:
        """Ask for a volume, entered in mL; m^3."""
        values = await self.ask(action, text, details, {"volume": "mL"})
        return convert(entered(values["volume"], "mL"), "mL", "m^3")

    async def ask_barcode(
        self, action: str, text: str, details: Mapping[str, object], expected: str, alarm: str = "lh.labware"
    ) -> None:
        """Ask for a barcode and refuse a wrong one."""
        values = await self.ask(action, text, details, {"barcode": "text"})
        if expected and values["barcode"] != expected:
            self.not_so()
            self.alarm(alarm, f"{action}: found {values['barcode']}, expected {expected}")
            raise Refused(
                "wrong barcode", device="operator", action=action, value=values["barcode"], bounds=expected,
                remedy="find the right item",
            )  # fmt: skip

    def not_so(self) -> None:
        """The last answer is not accepted: when the phase goes on it asks again."""
        self.memory.refuse(self._prompt)


def entered(text: str, unit: str) -> float:
    """A number a person entered, in `unit`; a bare number is taken to be in `unit` already."""
    try:
        return float(text)
    except ValueError:
        return parse(text, unit)


def _pairs(data: Mapping[str, object] | None) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, f"{value:.12g}" if isinstance(value, float) else str(value)) for name, value in (data or {}).items()
    )
