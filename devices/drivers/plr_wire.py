"""A PyLabRobot backend that sends every operation as one JSON line and needs the robot's answer.

{"id": 1, "op": "aspirate", "channels": [{"channel": 0, "resource": "plate", "well": "A1", "volume_ul": 93.75}]}
  -> {"id": 1, "ok": true}   or   {"id": 1, "error": "reason"}   or   {"id": 1, "errors": {"0": "reason"}}

`errors` names the channels that failed: all others have done their part. `pick_up_tips` and `drop_tips` carry no
volume; tips are dropped into the resource "trash". `clear_tips` names no channels: whatever is on any of them goes to
the trash. Volumes are uL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pylabrobot.liquid_handling.backends.backend import LiquidHandlerBackend
from pylabrobot.liquid_handling.errors import ChannelizedError
from pylabrobot.liquid_handling.standard import Drop, Pickup, SingleChannelAspiration, SingleChannelDispense
from pylabrobot.resources import Tip

from devices.drivers.plr_deck import where
from devices.link import Link, until
from devices.strict import shown
from vesiflow.errors import BadReply, DeviceFault


def encode_operation(number: int, op: str, channels: Sequence[dict[str, Any]]) -> bytes:
    """One request line."""
    return json.dumps({"id": number, "op": op, "channels": list(channels)}).encode("ascii") + b"\n"


def decode_result(line: bytes, number: int) -> str | dict[int, str] | None:
    """None for "done", else the robot's reason, by channel where it says so; BadReply for a line of something else."""
    try:
        reply = json.loads(line)
    except ValueError:
        reply = None
    if not isinstance(reply, dict) or reply.get("id") != number or isinstance(reply.get("id"), bool):
        raise BadReply("not the answer to this operation", value=shown(line.decode("latin-1")), remedy="check robot")
    if reply.get("ok") is True and "error" not in reply:
        return None
    if isinstance(reply.get("error"), str):
        return shown(reply["error"]) or "no reason"
    if (failed := _by_channel(reply.get("errors"))) is not None:
        return failed
    raise BadReply("neither ok nor error", value=shown(line.decode("latin-1")), remedy="check the robot")


def _by_channel(errors: object) -> dict[int, str] | None:
    if not isinstance(errors, dict) or not errors or not all(channel.isdecimal() for channel in errors):
        return None
    return {int(channel): shown(str(reason)) for channel, reason in errors.items()}


class WireBackend(LiquidHandlerBackend):  # type: ignore[misc]
    """Eight independent channels behind a link; no 96 head, no gripper."""

    def __init__(self, link: Link, timeout: float, channels: int = 8) -> None:
        super().__init__()
        self._link = link
        self._timeout = timeout
        self._channels = channels
        self._number = 0

    async def setup(self) -> None:
        """Half a line of a process that died is ended."""
        await super().setup()
        await self._link.fresh_line()

    async def stop(self) -> None:
        """The port belongs to the line."""

    @property
    def num_channels(self) -> int:
        return self._channels

    async def pick_up_tips(self, ops: list[Pickup], use_channels: list[int]) -> None:
        await self._do("pick_up_tips", [_place(op.resource, c) for op, c in zip(ops, use_channels, strict=True)])

    async def drop_tips(self, ops: list[Drop], use_channels: list[int]) -> None:
        await self._do("drop_tips", [_place(op.resource, c) for op, c in zip(ops, use_channels, strict=True)])

    async def clear_tips(self) -> None:
        """Nothing is on any channel afterwards, whatever a process that died has left there."""
        await self._do("clear_tips", [])

    async def aspirate(self, ops: list[SingleChannelAspiration], use_channels: list[int]) -> None:
        await self._do("aspirate", [_liquid(op, c) for op, c in zip(ops, use_channels, strict=True)])

    async def dispense(self, ops: list[SingleChannelDispense], use_channels: list[int]) -> None:
        await self._do("dispense", [_liquid(op, c) for op, c in zip(ops, use_channels, strict=True)])

    def can_pick_up_tip(self, channel_idx: int, tip: Tip) -> bool:
        return 0 <= channel_idx < self._channels

    async def _do(self, op: str, channels: list[dict[str, Any]]) -> None:
        # Numbers go on from the clock, so that a late answer to a process that died is never taken for ours.
        self._number = max(self._number + 1, int(self._link.clock.utc().timestamp() * 1000))
        number = self._number

        def ours(line: bytes) -> bool:
            try:
                decode_result(line, number)
            except BadReply:
                return False
            return True

        reply = await self._link.query(
            encode_operation(number, op, channels), until(b"\n"), accept=ours, timeout=self._timeout, action=op
        )
        reason = decode_result(reply, number)
        if isinstance(reason, dict):
            raise ChannelizedError({channel: DeviceFault(one) for channel, one in reason.items()})
        if reason:
            raise DeviceFault(
                f"the robot refuses: {reason}", device=self._link.name, action=op, remedy="look at the deck"
            )

    async def pick_up_tips96(self, pickup: Any) -> None:
        raise NotImplementedError("no 96 head")

    async def drop_tips96(self, drop: Any) -> None:
        raise NotImplementedError("no 96 head")

    async def aspirate96(self, aspiration: Any) -> None:
        raise NotImplementedError("no 96 head")

    async def dispense96(self, dispense: Any) -> None:
        raise NotImplementedError("no 96 head")

    async def pick_up_resource(self, pickup: Any) -> None:
        raise NotImplementedError("no gripper")

    async def move_picked_up_resource(self, move: Any) -> None:
        raise NotImplementedError("no gripper")

    async def drop_resource(self, drop: Any) -> None:
        raise NotImplementedError("no gripper")


def _place(resource: Any, channel: int) -> dict[str, Any]:
    name, well = where(resource)
    return {"channel": channel, "resource": name, "well": well}


def _liquid(op: SingleChannelAspiration | SingleChannelDispense, channel: int) -> dict[str, Any]:
    return {**_place(op.resource, channel), "volume_ul": round(op.volume, 4)}
