"""Ismatec Reglo ICC: four independent peristaltic channels for permeate, buffer and recovery.

Source: manual 14-036-E Rev C (2015), ch. 14-18; the bytes are in `ismatec_codec`.
Unconfirmed: whether `E` tells the channel or the whole pump, and whether `~1` survives a power cycle (it is sent
again at every identification). The channels themselves are in `ismatec_channel`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.drivers.ismatec_channel import RegloChannel
from devices.drivers.ismatec_codec import (
    READS,
    SETS,
    Event,
    decode,
    decode_event,
    encode_action,
    encode_read,
    encode_set,
    fits,
    frame,
)
from devices.link import Link
from devices.readings import Identity
from devices.strict import about, check_role
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault
from vesiflow.quantities import Duration, Length, inside

REPLY_LIMIT = 1.0  # s, project default: the manual states none


class RegloIccOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the pump's serial number (checked), per channel its tubing and direction, and how long a channel
    turns when nobody renews its run (null: until it is told to stop)."""

    serial_number: str | None = None
    tubing: dict[Literal[1, 2, 3, 4], Length] = {}
    direction: dict[Literal[1, 2, 3, 4], Literal["CW", "CCW"]] = {}
    run_limit: Duration | None = Field(default="20 s", validate_default=True)


class RegloIcc:
    """One pump; `role("pump", channel=2)` is one of its channels. `events` holds what the pump said unasked."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = RegloIccOptions
    provides: ClassVar[tuple[str, ...]] = ("pump",)
    channels: ClassVar[tuple[int, ...] | None] = (1, 2, 3, 4)
    card: ClassVar[DriverCard] = DriverCard("Ismatec", "Reglo ICC", "14-036-E Rev C (2015), ch. 14-18")

    def __init__(self, link: Link, clock: Clock, options: RegloIccOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or RegloIccOptions()
        self._channels: dict[int, RegloChannel] = {}
        self.events: list[Event] = []
        self.channel_count = 4

    async def connect(self) -> Identity:
        """Address channels one by one, silence events, identify, check and set the tubing; nothing turns."""
        identity = await self._identify()
        wanted = self._options.serial_number
        if wanted is not None and wanted != identity.serial_number:
            raise ConfigError(
                "another pump answers", device=self._link.name, action="connect", value=identity.serial_number,
                bounds=wanted, remedy="check cables or `serial_number` in the line file",
            )  # fmt: skip
        self._link.identity = identity
        self._link.identify = self._identify
        with about(self._link.name, "connect"):
            self.channel_count = int(await self.ask(0, "channels"))
            for channel, diameter in self._options.tubing.items():
                await self._fit_tubing(channel, inside(diameter, "mm"))
        return identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> RegloChannel:
        """The pump that is `channel` (1-4)."""
        check_role(self._link.name, self.provides, capability, role_options)
        if channel is None or isinstance(channel, bool) or channel not in range(1, self.channel_count + 1):
            raise ConfigError(
                "needs its channel", device=self._link.name, action="role", value=channel,
                bounds=f"1..{self.channel_count}", remedy="add `channel: 1` to the role in the line file",
            )  # fmt: skip
        if channel not in self._channels:
            direction = next((way for number, way in self._options.direction.items() if number == channel), None)
            self._channels[channel] = RegloChannel(self, channel, direction, self._clock, self._limit())
        return self._channels[channel]

    def _limit(self) -> float | None:
        """The run limit, s of the clock: a controller lives in real seconds, of which a fast clock has fewer."""
        limit = self._options.run_limit
        return None if limit is None else inside(limit, "s") * self._clock.speed

    @property
    def name(self) -> str:
        """The instrument's name in the line file."""
        return self._link.name

    async def ask(self, address: int, name: str) -> float | int | str | bool:
        """Read `name`, a key of READS."""
        return decode(name, await self._query(encode_read(address, name), READS[name][1], name))

    async def tell(self, address: int, name: str) -> str:
        """Do `name`, a key of ACTIONS; the status byte, DeviceFault for `#`."""
        return await self._status(encode_action(address, name), name)

    async def put(self, address: int, name: str, value: float | str) -> float | None:
        """Set `name`, a key of SETS; the accepted value where the pump answers one."""
        request = encode_set(address, name, value)
        if SETS[name][1] != "volume":
            await self._status(request, f"set {name}")
            return None
        return float(decode(name, await self._query(request, "volume", f"set {name}")))

    async def _status(self, request: bytes, action: str) -> str:
        text = (await self._query(request, "status", action)).decode("ascii").strip()
        if text == "#":
            raise DeviceFault("refuses the command", action=action, remedy="check channel, mode and argument")
        return text

    async def _query(self, request: bytes, kind: str, action: str) -> bytes:
        return await self._link.query(
            request, frame, accept=lambda reply: self._ours(kind, reply), timeout=REPLY_LIMIT, action=action
        )

    def _ours(self, kind: str, reply: bytes) -> bool:
        """Whether it answers us; events are kept on the way."""
        if reply.lstrip(b"\r\n").startswith(b"^"):
            try:
                self.events.append(decode_event(reply))
            except BadReply:
                return False  # a spoilt event is nobody's answer; the link counts it as foreign
        return fits(kind, reply)

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            await self.put(1, "channel addressing", 1)
            await self.put(0, "events", 0)
            version = (await self._version()).split()
            if len(version) < 3:
                raise BadReply("not an identification", value=" ".join(version), remedy="check the driver")
            serial = str(await self.ask(0, "serial number"))
            return Identity("Ismatec", " ".join(version[:-2]), serial, version[-2])

    async def _version(self) -> str:
        """The pump's `#` line; which address it wants in channel mode is not printed, so both are tried."""
        try:
            return str(await self.ask(0, "version"))
        except DeviceFault:
            return str(await self.ask(1, "version"))

    async def _fit_tubing(self, channel: int, diameter: float) -> None:
        """Set the inner diameter (mm) only when it differs: setting it discards the calibration."""
        if abs(float(await self.ask(channel, "tubing")) - diameter) < 0.005:
            return
        await self.put(channel, "tubing", diameter)
        found = float(await self.ask(channel, "tubing"))
        if abs(found - diameter) >= 0.005:
            raise DeviceFault("tubing was not taken over", value=f"{found} mm", bounds=f"{diameter} mm")
