"""A pipetting robot behind a JSON line protocol of our own: one request, one answer when the move is done.

{"id": 1, "op": "aspirate", "channels": [{"channel": 0, "resource": "plate", "well": "A1", "volume_ul": 93.75}]}
  -> {"id": 1, "ok": true}   or   {"id": 1, "error": "reason"}   or   {"id": 1, "errors": {"0": "reason"}}

Operations: pick_up_tips, drop_tips, aspirate, dispense, and clear_tips without channels. The plant keeps the tips and
the liquid; it says no by ValueError, by ChannelErrors where only some channels failed. Moves are carried out one after
the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sim.robot_deck import ChannelErrors
from sim.wire.emulator import Now, Outbox, WireSettings
from sim.wire.framing import Lines

Act = Callable[[str, list[dict[str, Any]]], float]
"""(op, channels) -> seconds the move takes; ValueError(reason) is the robot's error."""

_WITH_VOLUME = {"pick_up_tips": False, "drop_tips": False, "aspirate": True, "dispense": True}


class Robot:
    """Checks the form of a request; the plant judges its content."""

    HEARING = 0.02  # s
    MAX_CHANNELS = 96

    settings = WireSettings(baudrate=None)

    def __init__(self, now: Now, act: Act) -> None:
        self._now = now
        self._act = act
        self._out = Outbox(now, self.HEARING)
        self._lines = Lines(b"\n", drop=b"\r")
        self._free_at = 0.0

    def receive(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if line.strip():
                self._hear(line)

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def power_cycle(self) -> None:
        """Requests under way are forgotten; what was moved stays moved."""
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
            seconds = self._act(request["op"], self._channels(request))
        except KeyError as error:
            self._answer({"id": number, "error": f"missing {error.args[0]}"}, self.HEARING)
        except ChannelErrors as error:
            self._answer({"id": number, "errors": {str(c): why for c, why in error.channels.items()}}, self.HEARING)
        except ValueError as error:
            self._answer({"id": number, "error": str(error)}, self.HEARING)
        else:
            self._answer({"id": number, "ok": True}, max(seconds, self.HEARING))

    def _channels(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """The channels of a well-formed request; ValueError or KeyError otherwise."""
        operation, channels = request["op"], request["channels"]
        if operation == "clear_tips" and channels == []:
            return []
        if operation not in _WITH_VOLUME:
            raise ValueError(f"unknown op {operation!r}")
        if not isinstance(channels, list) or not 0 < len(channels) <= self.MAX_CHANNELS:
            raise ValueError(f"channels must list 1 to {self.MAX_CHANNELS} channels")
        used = set()
        for channel in channels:
            _check(channel, _WITH_VOLUME[operation])
            used.add(channel["channel"])
        if len(used) != len(channels):
            raise ValueError("a channel is named twice")
        return channels

    def _answer(self, answer: dict[str, Any], seconds: float) -> None:
        begin = max(self._now(), self._free_at)
        self._free_at = begin + seconds
        self._out.put(json.dumps(answer).encode() + b"\n", self._free_at - self._now())


def _check(channel: Any, with_volume: bool) -> None:
    if not isinstance(channel, dict):
        raise ValueError("a channel is not an object")
    if not isinstance(channel["channel"], int) or not isinstance(channel["resource"], str):
        raise ValueError("channel must be a number and resource a name")
    if not isinstance(channel["well"], str):
        raise ValueError("well must be a name")
    if not with_volume:
        return
    volume = channel["volume_ul"]
    if isinstance(volume, bool) or not isinstance(volume, int | float) or not 0 < volume < 1e6:
        raise ValueError(f"volume_ul must be a positive number (got {volume!r})")
