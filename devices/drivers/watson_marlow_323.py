"""Watson-Marlow 323Du peristaltic drive: TFF feed pump.

Source: 323E/323S/323U/323Du user manual p. 27; 620Du and 505Di manuals for the longer status record of the same
family. The drive echoes every command and answers actions with nothing but the echo; a status record ends with `!`.
There is no flow on the wire: flow is speed times the calibrated volume per revolution, and what really moved is
told by a balance. Unconfirmed: reply to unknown commands, speeds out of range, line ends (CR, LF or both are taken).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Framer, Link
from devices.readings import Identity, PumpState
from devices.strict import about, ascii_text, check_role, finite, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, DeviceFault, LimitExceeded
from vesiflow.quantities import Volume, inside

MIN_RPM, MAX_RPM = 3, 400  # 323Du, whole rpm
GAP = 0.01  # s between commands
REPLY_LIMIT = 1.0  # s, project default
ACTIONS = {"start": "GO", "stop": "ST", "clockwise": "RR", "counter-clockwise": "RL"}
DIRECTIONS = {"CW": "clockwise", "CCW": "counter-clockwise"}
_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class DriveState:
    """Flow by the speed (m^3/s, 0 when a flow of zero was asked for), the flow of 1 rpm, whether the head turns."""

    flow: float
    step: float
    running: bool

    def is_at(self, flow: float) -> bool:
        """Whether this is `flow`, given that the drive knows whole rpm only and none below its lowest speed."""
        if flow < (MIN_RPM - 0.5) * self.step:
            return not self.running
        return abs(self.flow - flow) <= 0.5 * self.step * (1.0 + 1e-6)


@dataclass(frozen=True, slots=True)
class DriveStatus:
    """A status record: model, speed (rpm), direction CW or CCW, whether it turns; head data of larger drives."""

    model: str
    rpm: float
    direction: str
    running: bool
    head: tuple[str, ...] = ()


def encode_speed(pump: int, rpm: int) -> bytes:
    """`1SP110`: whole rpm, 3-400."""
    if isinstance(rpm, bool) or not isinstance(rpm, int):
        raise LimitExceeded("speed must be whole rpm", value=rpm, bounds=f"{MIN_RPM}..{MAX_RPM} rpm")
    finite(rpm, MIN_RPM, MAX_RPM, unit="rpm", what="speed")
    return _request(pump, f"SP{rpm:d}")


def encode_action(pump: int, action: str) -> bytes:
    """A key of ACTIONS. The relative SI, SD and the toggle RC are left out on purpose: they cannot be repeated."""
    return _request(pump, ACTIONS[action])


def encode_status(pump: int) -> bytes:
    """`1RS`, the whole status."""
    return _request(pump, "RS")


def encode_running(pump: int) -> bytes:
    """`1ZY`, stopped or running."""
    return _request(pump, "ZY")


def _request(pump: int, text: str) -> bytes:
    return f"{pump:d}{text}\r".encode("ascii")


def decode_status(reply: bytes) -> DriveStatus:
    """`323Du 110 CW 1 !`, also with a decimal speed and with the head data of a 620Du or 505Di."""
    text = ascii_text(reply).strip()
    words = text.removesuffix("!").split()
    at = next((i for i, word in enumerate(words) if word in DIRECTIONS), 0)
    ok = text.endswith("!") and at >= 2 and at < len(words) - 1 and words[-1] in ("0", "1")
    if not ok or not _NUMBER.fullmatch(words[at - 1]) or not words[0][:3].isdigit():
        raise BadReply("not a status record", value=shown(text), remedy="check driver and settings")
    head = tuple(words[1 : at - 1] + words[at + 1 : -1])
    return DriveStatus(words[0], number(words[at - 1]), words[at], words[-1] == "1", head)


def decode_running(reply: bytes) -> bool:
    """`0` or `1`."""
    text = ascii_text(reply).strip()
    if text not in ("0", "1"):
        raise BadReply("neither 0 nor 1", value=shown(text), remedy="check driver and settings")
    return text == "1"


def echo_of(request: bytes, then: bytes = b"") -> Framer:
    """The echo of `request` (its line end may be CR or LF) and, behind it, a record that ends with `then`."""
    echo = re.compile(rb"(?:^|[\r\n!])" + re.escape(request.rstrip(b"\r\n")) + rb"[\r\n]")

    def frame(data: bytes) -> int | None:
        found = echo.search(data)
        if not found:
            return None
        if not then:
            return found.end()
        at = data.find(then, found.end())
        return None if at < 0 else at + len(then)

    return frame


class Tubing(BaseModel, extra="forbid", frozen=True):
    """The tubing in the head; `volume_per_rev` is found by weighing a timed run."""

    volume_per_rev: Volume


class WatsonMarlow323Options(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the pump's number on the keypad, the tubing, and the way the head turns."""

    address: int = Field(default=1, ge=1, le=16)
    tubing: Tubing
    direction: Literal["CW", "CCW"] = "CW"


class WatsonMarlow323:
    """One drive. A flow that rounds below 3 rpm is no flow: the drive is stopped and starts again with the next."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600, 8, "N", 2)
    options: ClassVar[type[BaseModel]] = WatsonMarlow323Options
    provides: ClassVar[tuple[str, ...]] = ("pump",)
    channels: ClassVar[tuple[int, ...] | None] = None
    asks_with: ClassVar[Mapping[str, object]] = {"tubing": {"volume_per_rev": "1 mL"}}  # for a scan: nothing flows
    card: ClassVar[DriverCard] = DriverCard("Watson-Marlow", "323Du", "323E/323S/323U/323Du user manual, p. 27")

    def __init__(self, link: Link, clock: Clock, options: WatsonMarlow323Options) -> None:
        self._link = link
        self._clock = clock
        self._pump = options.address
        self._direction = options.direction
        self._per_rev = inside(options.tubing.volume_per_rev, "m^3")  # m^3
        self._zero = False  # a flow of zero was asked for, the drive itself knows no zero speed
        self._wanted = False  # started by us: a later flow above zero turns the head again
        link.gap = max(link.gap, GAP)

    async def connect(self) -> Identity:
        """Ask who is there; nothing moves."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> WatsonMarlow323:
        """The drive itself, as pump."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(Kind.SETPOINT, evidence="read_drive", judge=reads_back(lambda post, flow: bool(post.is_at(flow))))
    async def set_flow(self, flow: float) -> None:
        """Set the flow, m^3/s, rounded to whole rpm; returns when the drive shows that speed."""
        with about(self._link.name, "set flow"):
            rpm = self._speed_for(flow)
            if rpm < MIN_RPM:
                self._wanted = self._wanted or (await self.read_status()).running
                self._zero = True
                await self._halt()
                return
            await self._act(encode_speed(self._pump, rpm))
            await self._expect_speed(rpm)
            resume, self._zero = self._zero and self._wanted, False
            if resume:
                await self._turn()

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda post: bool(post.running or post.flow == 0.0)))
    async def start(self) -> None:
        """Turn the head in the direction of the line file; with a flow of zero, as soon as there is a flow."""
        with about(self._link.name, "start"):
            if not self._zero:
                await self._turn()
            self._wanted = True

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda post: not post.running), safe=True)
    async def stop(self) -> None:
        """Stop the head; returns when the drive says that it stands."""
        with about(self._link.name, "stop"):
            self._wanted = False
            await self._halt()

    @read
    async def read_pump(self) -> PumpState:
        """Flow (m^3/s) by the speed the drive is set to, and whether it turns."""
        state = await self.read_drive()
        return PumpState(state.flow, state.running)

    @read
    async def read_drive(self) -> DriveState:
        """As `read_pump`, with the flow of 1 rpm: what a set flow may be rounded by."""
        status = await self.read_status()
        step = self._per_rev / 60.0
        flow = 0.0 if self._zero and not status.running else status.rpm * step
        return DriveState(flow, step, status.running)

    @read
    async def read_status(self) -> DriveStatus:
        """The drive's status record."""
        request = encode_status(self._pump)
        with about(self._link.name, "read status"):
            reply = await self._link.query(request, echo_of(request, b"!"), timeout=REPLY_LIMIT, action="RS")
            return decode_status(reply[echo_of(request)(reply) :])

    def _speed_for(self, flow: float) -> int:
        top = MAX_RPM * self._per_rev / 60.0
        finite(flow, 0.0, top * (1.0 + 1e-9), unit="m^3/s", what="flow")
        return min(int(flow * 60.0 / self._per_rev + 0.5), MAX_RPM)

    async def _turn(self) -> None:
        status = await self.read_status()
        if status.running and status.direction != self._direction:
            raise DeviceFault(
                "turns the other way", value=status.direction, bounds=self._direction, remedy="stop the pump first"
            )
        if status.running:
            return
        if status.direction != self._direction:
            await self._act(encode_action(self._pump, DIRECTIONS[self._direction]))
            await self._expect_direction()
        await self._act(encode_action(self._pump, "start"))
        if not (await self.read_status()).running:
            raise DeviceFault("does not turn after GO", remedy="check the drive's panel: door, alarm, remote control")

    async def _halt(self) -> None:
        await self._act(encode_action(self._pump, "stop"))
        if (await self.read_status()).running:
            raise DeviceFault("still turns after ST", remedy="stop it at the panel")

    async def _expect_speed(self, rpm: int) -> None:
        found = (await self.read_status()).rpm
        if abs(found - rpm) > 0.5:
            raise DeviceFault(
                "speed was not taken over", value=f"{found:g} rpm", bounds=f"{rpm} rpm", remedy="check remote control"
            )

    async def _expect_direction(self) -> None:
        found = (await self.read_status()).direction
        if found != self._direction:
            raise DeviceFault("direction was not taken over", value=found, bounds=self._direction, remedy="check panel")

    async def _act(self, request: bytes) -> None:
        await self._link.query(request, echo_of(request), timeout=REPLY_LIMIT)

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            return Identity("Watson-Marlow", (await self.read_status()).model)
