# ruff: noqa: A005 -- always imported as sim.wire.operator, never as a top-level module
"""The simulated person at the bench: JSON lines in, JSON lines out.

{"id": 1, "action": "press go", "text": "...", "details": {...}, "fields": {...}}
  -> {"id": 1, "values": {...}, "by": "simulated operator"}   or   {"id": 1, "refused": "reason"}

One person does one thing at a time: a second request is begun when the first is answered. A request may carry a "key":
who is asked a second time under the same key remembers it, does nothing more and says what there was to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sim.wire.emulator import Now, Outbox, WireSettings
from sim.wire.framing import Lines

Done = tuple[dict[str, Any], float]
Act = Callable[[str, dict[str, Any], dict[str, Any]], Done]
"""(action, details, fields) -> (values, seconds it takes); ValueError(reason) refuses."""


class Operator:
    """Asks the plant's `act` what a person would do, and answers when it is done."""

    HEARING = 0.02  # s: even a refusal takes as long as one line on the wire

    settings = WireSettings(baudrate=None)

    def __init__(self, now: Now, act: Act, *, name: str = "simulated operator") -> None:
        self._now = now
        self._act = act
        self._name = name
        self._out = Outbox(now, self.HEARING)
        self._lines = Lines(b"\n", drop=b"\r")
        self._free_at = 0.0
        self._remembered: dict[str, tuple[dict[str, Any], float]] = {}  # key -> (values, when it was done)

    def receive(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if line.strip():
                self._hear(line)

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def power_cycle(self) -> None:
        """The person leaves and comes back: whatever was asked is forgotten."""
        self._out.clear()
        self._lines.clear()
        self._free_at = 0.0

    def _hear(self, line: bytes) -> None:
        number: object = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("not an object")
            number = request.get("id")
            action, details, fields = request.get("action"), request.get("details", {}), request.get("fields", {})
            if not (isinstance(action, str) and isinstance(details, dict) and isinstance(fields, dict)):
                raise ValueError("not understood: action, details and fields are needed")
            values, seconds = self._done(request.get("key"), action, details, fields)
        except ValueError as error:
            self._answer({"id": number, "refused": str(error)}, self.HEARING)
        else:
            self._answer({"id": number, "values": values, "by": self._name}, max(seconds, self.HEARING))

    def _done(self, key: object, action: str, details: dict[str, Any], fields: dict[str, Any]) -> Done:
        """Do it, or remember it: what was begun before a restart takes no longer than it would have."""
        if not isinstance(key, str) or not key:
            return self._act(action, details, fields)
        if key not in self._remembered:
            values, seconds = self._act(action, details, fields)
            self._remembered[key] = (values, max(self._now(), self._free_at) + seconds)
        values, done_at = self._remembered[key]
        return values, done_at - max(self._now(), self._free_at)

    def _answer(self, answer: dict[str, Any], seconds: float) -> None:
        begin = max(self._now(), self._free_at)
        self._free_at = begin + seconds
        self._out.put(json.dumps(answer).encode() + b"\n", self._free_at - self._now())
