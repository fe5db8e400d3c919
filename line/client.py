"""The client of a line controller: what flows and the command line use, in process or over the network."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from line.alarm_api import AlarmsView, AlarmView
from line.api import BatchView, Doubt, PhaseView
from line.state import Command
from protocols.control import ControlRecipe, to_json
from vesiflow import errors
from vesiflow.errors import NoReply, VesiflowError

Watcher = Callable[[BatchView], None]
_PATIENCE = 20.0
_GLANCE = 0.25
_ENDLESS = httpx.Timeout(10.0, read=None)


@dataclass(frozen=True, slots=True)
class LineEvent:
    """One entry of the journal of a line; `utc` as ISO 8601."""

    seq: int
    kind: str
    batch: str
    utc: str
    data: dict[str, Any]


class LineClient:
    """Asks one controller. Every call may be repeated: keys make starting a phase idempotent."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def line(self) -> dict[str, Any]:
        """Name, version, instruments and batches of the line."""
        data: dict[str, Any] = await self._call("GET", "/line")
        return data

    async def create(self, batch: str, recipe: ControlRecipe, who: str) -> BatchView:
        """Take a batch in."""
        return BatchView.model_validate(
            await self._call("POST", "/batches", {"id": batch, "recipe": to_json(recipe), "who": who})
        )

    async def batch(self, batch: str) -> BatchView:
        """Where the batch stands."""
        return BatchView.model_validate(await self._call("GET", f"/batches/{batch}"))

    async def command(self, batch: str, command: Command, who: str, reason: str = "") -> BatchView:
        """Hold, unhold, stop, abort ..."""
        body = {"command": str(command), "who": who, "reason": reason}
        return BatchView.model_validate(await self._call("POST", f"/batches/{batch}/commands", body))

    async def command_unit(self, unit: str, command: Command, who: str, reason: str = "") -> str:
        """The same for one unit; its state then."""
        body = {"command": str(command), "who": who, "reason": reason}
        return str((await self._call("POST", f"/units/{unit}/commands", body))["state"])

    async def finish(self, batch: str) -> BatchView:
        """Close a batch whose phases are all complete."""
        return BatchView.model_validate(await self._call("POST", f"/batches/{batch}/finish"))

    async def doubts(self) -> list[Doubt]:
        """Actions whose outcome is unknown and undecided."""
        return [Doubt.model_validate(item) for item in await self._call("GET", "/doubts")]

    async def decide(self, intent: str, verdict: str, who: str, reason: str) -> None:
        """Decide about an action in doubt: done, not_done or discard."""
        await self._call("POST", f"/doubts/{intent}", {"verdict": verdict, "who": who, "reason": reason})

    async def prompt(self) -> dict[str, Any] | None:
        """What the operator is asked now, or None."""
        data: dict[str, Any] | None = await self._call("GET", "/prompt")
        return data

    async def answer(self, values: dict[str, str], who: str, key: str | None = None) -> None:
        """Answer it; with the `key` of a prompt, that one and no other."""
        await self._call("POST", "/prompt", {"values": values, "who": who, "key": key})

    async def declare(
        self, place: str, volume: float | None, liquid: str, who: str, reason: str, instrument: str | None = None
    ) -> None:
        """Say that `volume` m^3 of `liquid` are at a place of a deck, None: nobody knows."""
        body = {"place": place, "volume": volume, "liquid": liquid, "instrument": instrument}
        await self._call("POST", "/deck/contents", {**body, "who": who, "reason": reason})

    async def fresh_tips(self, rack: str | None, who: str, reason: str, instrument: str | None = None) -> None:
        """Say that a rack of tips, or every one, is full."""
        body = {"rack": rack, "instrument": instrument}
        await self._call("POST", "/deck/tips", {**body, "who": who, "reason": reason})

    async def measured(self, model: str, who: str, reason: str, instrument: str | None = None) -> None:
        """Say that a model of labware was measured on its robot."""
        body = {"model": model, "instrument": instrument, "who": who, "reason": reason}
        await self._call("POST", "/deck/measured", body)

    async def recover(self, how: str, who: str, reason: str) -> str:
        """Decide about the failed command of a robot that waits: "retry" or "skip"; the batch it holds."""
        data = await self._call("POST", "/deck/recover", {"how": how, "who": who, "reason": reason})
        return str(data["batch"])

    async def alarms(self) -> AlarmsView:
        """All alarms that are not normal."""
        return AlarmsView.model_validate(await self._call("GET", "/alarms"))

    async def acknowledge(self, alarm: str, who: str, comment: str = "") -> AlarmView:
        """Say that somebody has seen it."""
        body = {"id": alarm, "who": who, "comment": comment}
        return AlarmView.model_validate(await self._call("POST", "/alarms/acknowledge", body))

    async def reset_alarm(self, alarm: str, who: str, reason: str) -> AlarmView:
        """Reset a latched alarm."""
        body = {"id": alarm, "who": who, "reason": reason}
        return AlarmView.model_validate(await self._call("POST", "/alarms/reset", body))

    async def shelve(self, alarm: str, who: str, reason: str, seconds: float) -> AlarmView:
        """Put it aside for `seconds`."""
        body = {"id": alarm, "who": who, "reason": reason, "seconds": seconds}
        return AlarmView.model_validate(await self._call("POST", "/alarms/shelve", body))

    async def events(self, after: int = 0, *, follow: bool = False) -> AsyncIterator[LineEvent]:
        """Journal entries after seq `after`, in order; with `follow` for ever, as they are written."""
        params = {"after": str(after), "follow": "true" if follow else "false"}
        try:
            async with self._http.stream("GET", "/events", params=params, timeout=_ENDLESS) as response:
                if not response.is_success:
                    await response.aread()
                    raise _error(response)
                async for event in _events(response.aiter_lines()):
                    yield event
        except httpx.HTTPError as error:
            raise _silent(error, "GET /events") from error

    async def run_phase(self, batch: str, key: str, watch: Watcher | None = None, *, digest: str = "") -> PhaseView:
        """Start phase `key` (or find it waiting for its units, running or complete) and wait for its end.

        With the `digest` of all its parameters, another phase of that key is Refused. One that failed or was stopped is
        returned as it is. `watch` is called about four times a second.
        """
        view = PhaseView.model_validate(await self._call("PUT", f"/batches/{batch}/phases/{key}?digest={digest}"))
        return await self.wait_phase(batch, key, watch) if view.state in ("waiting", "running") else view

    async def wait_phase(self, batch: str, key: str, watch: Watcher | None = None) -> PhaseView:
        """Wait for the end of phase `key` without starting it; `watch` as for `run_phase`."""
        wait = _PATIENCE if watch is None else _GLANCE
        while True:
            view = PhaseView.model_validate(await self._call("GET", f"/batches/{batch}/phases/{key}?wait={wait}"))
            if watch is not None:
                watch(await self.batch(batch))
            if view.state not in ("waiting", "running"):
                return view

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            response = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise _silent(error, f"{method} {path}") from error
        if response.is_success:
            return response.json()
        raise _error(response)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[LineEvent]:
    """Server-sent events from their lines."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, text = line.partition(": ")
            fields[name] = text
        elif "data" in fields:
            data = json.loads(fields["data"])
            yield LineEvent(int(fields["id"]), fields["event"], data.pop("batch"), data.pop("utc"), data)
            fields = {}


def _silent(error: httpx.HTTPError, action: str) -> NoReply:
    return NoReply(
        f"no answer from the line controller: {str(error) or type(error).__name__}",
        action=action,
        remedy="is `vesiflow line serve` running? It keeps its batches: start it again, then `vesiflow resume BATCH`",
    )


def _error(response: httpx.Response) -> VesiflowError:
    try:
        data = response.json()
        kind = getattr(errors, str(data.get("error")), VesiflowError)
        reason = str(data.get("reason") or data.get("detail"))
    except ValueError:
        kind, reason = VesiflowError, response.text[:200]
    if not (isinstance(kind, type) and issubclass(kind, VesiflowError)):
        kind = VesiflowError
    return kind(reason)
