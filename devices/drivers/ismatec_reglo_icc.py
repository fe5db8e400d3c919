"""Ismatec Reglo ICC: four independent peristaltic channels for permeate, buffer and recovery.

Source: manual 14-036-E Rev C (2015), ch. 14-18; the bytes are in `ismatec_codec`.
Unconfirmed: whether `E` tells the channel or the whole pump, and whether `~1` survives a power cycle (it is sent
again at every identification).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import ClassVar, Literal

from pydantic import BaseModel

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.drivers.ismatec_codec import (
    CAUSES,
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
from devices.readings import Identity, PumpState
from devices.strict import about, check_role, finite
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault
from vesiflow.quantities import Length, inside

REPLY_LIMIT = 1.0  # s, project default: the manual states none
ML_MIN = 1e-6 / 60.0  # m^3/s


class RegloIccOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the pump's serial number (checked), and per channel its tubing and direction."""

    serial_number: str | None = None
    tubing: dict[Literal[1, 2, 3, 4], Length] = {}
    direction: dict[Literal[1, 2, 3, 4], Literal["CW", "CCW"]] = {}


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
            self._channels[channel] = RegloChannel(self, channel, direction)
        return self._channels[channel]

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


class RegloChannel:
    """One channel in flow mode. A flow of zero stops the channel; it starts again with the next flow."""

    def __init__(self, pump: RegloIcc, channel: int, direction: str | None) -> None:
        self._pump = pump
        self._channel = channel
        self._direction = {"CW": "J", "CCW": "K", None: None}[direction]
        self._zero = False
        self._wanted = False

    @command(
        Kind.SETPOINT,
        evidence="read_pump",
        judge=reads_back(lambda post, flow: abs(post.flow - flow) <= 1e-3 * flow and (flow > 0 or not post.running)),
    )
    async def set_flow(self, flow: float) -> None:
        """Set the flow, m^3/s, to four digits; returns when the pump shows the value it was sent."""
        with self._about("set flow"):
            wanted = finite(flow, 0.0, 1e-3, unit="m^3/s", what="flow") / ML_MIN
            if wanted < 1e-6:
                self._wanted = self._wanted or bool(await self._pump.ask(self._channel, "run state"))
                self._zero = True
                await self._halt()
                return
            await self._flow_mode()
            accepted = await self._pump.put(self._channel, "flow", wanted)
            found = float(await self._pump.ask(self._channel, "flow"))
            for shown_flow in (accepted, found):
                if shown_flow is None or abs(shown_flow - wanted) > 1e-3 * wanted:
                    raise DeviceFault(
                        "takes another flow", value=f"{wanted:.4g} mL/min", bounds=f"it accepted {shown_flow} mL/min",
                        remedy="check tubing and the maximum flow of the channel",
                    )  # fmt: skip
            resume, self._zero = self._zero and self._wanted, False
            if resume:
                await self._turn()

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda post: bool(post.running or post.flow == 0.0)))
    async def start(self) -> None:
        """Start in flow mode unless it runs already; with a flow of zero, as soon as there is a flow."""
        with self._about("start"):
            if not self._zero:
                await self._turn()
            self._wanted = True

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda post: not post.running), safe=True)
    async def stop(self) -> None:
        """Stop; returns when the channel says that it stands."""
        with self._about("stop"):
            self._wanted = False
            await self._halt()

    @read
    async def read_pump(self) -> PumpState:
        """Set flow (m^3/s) and whether it runs."""
        with self._about("read pump"):
            running = bool(await self._pump.ask(self._channel, "run state"))
            flow = float(await self._pump.ask(self._channel, "flow")) * ML_MIN
            return PumpState(0.0 if self._zero and not running else flow, running)

    @read
    async def read_total(self) -> float:
        """Volume (m^3) pumped since the last reset by the pump's own count; the balance is the proof."""
        with self._about("read total"):
            return float(await self._pump.ask(self._channel, "total")) * 1e-6

    async def _turn(self) -> None:
        if await self._pump.ask(self._channel, "run state"):
            return
        await self._flow_mode()
        await self._face()
        if await self._pump.tell(self._channel, "start") == "-":
            cause = str(await self._pump.ask(self._channel, "failure"))
            raise DeviceFault(
                f"cannot start: {CAUSES[cause[0]]}", value=cause[1:].strip() or None, remedy="set a lower flow"
            )
        if not await self._pump.ask(self._channel, "run state"):
            raise DeviceFault("does not run after start", remedy="check the pump's panel")

    async def _flow_mode(self) -> None:
        """Flow mode; a channel that runs in another mode is stopped first."""
        if await self._pump.ask(self._channel, "mode") == "M":
            return
        await self._pump.tell(self._channel, "stop")
        await self._pump.tell(self._channel, "flow")
        found = await self._pump.ask(self._channel, "mode")
        if found != "M":
            raise DeviceFault("mode was not taken over", value=found, bounds="M", remedy="check the pump's panel")

    async def _face(self) -> None:
        if self._direction is None or await self._pump.ask(self._channel, "direction") == self._direction:
            return
        await self._pump.tell(self._channel, "clockwise" if self._direction == "J" else "counter-clockwise")
        if await self._pump.ask(self._channel, "direction") != self._direction:
            raise DeviceFault("direction was not taken over", remedy="check the pump's panel")

    async def _halt(self) -> None:
        await self._pump.tell(self._channel, "stop")
        if await self._pump.ask(self._channel, "run state"):
            raise DeviceFault("still runs after stop", remedy="stop it at the panel")

    def _about(self, action: str) -> AbstractContextManager[None]:
        return about(f"{self._pump.name} channel {self._channel}", action)
