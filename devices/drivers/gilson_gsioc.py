"""Gilson FC203B fraction collector on the GSIOC bus: SEC fractions.

Source: GSIOC technical manual LT2181 as implemented by MechWolf `GsiocInterface`/`GilsonFC203`; Gilson 215 and 305
manuals. The bus works byte by byte: `FF` drops every unit, `80h|id` selects one; an immediate command (reading) is
one character whose reply is acknowledged byte by byte and ends with bit 7 set; a buffered command (acting) is echoed
character by character between LF and CR. An echo means accepted, not done: `T`, `X` and `Y` are read back. The
diverter has no read-back at all: prove it by outlet mass or conductivity. Unconfirmed: factory unit id (1 and 6 are
both seen), the hydraulic side of `V1` (option `collect_state`).
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Conversation, Link, until
from devices.readings import Identity, TubePosition
from devices.strict import about, check_role, finite, shown, wire_text
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply

DROP, ACK, READY, BUSY, END = b"\xff", b"\x06", b"\n", b"#", b"\r"
SELECT_WINDOW = 0.02  # s of silence after DROP
BYTE_LIMIT = 0.1  # s a byte; 20 ms on the bus, more with USB adapters
SELECT_TRIES = 3
BUSY_WAIT, BUSY_TRIES = 0.1, 50  # s and times
MOVE_LIMIT, MOVE_POLL = 10.0, 0.1  # s
LONGEST_REPLY = 80  # bytes
IMMEDIATE = {"identification": b"%", "tube": b"T", "x": b"X", "y": b"Y", "reset": b"$"}


def encode_select(unit: int) -> bytes:
    """The byte that selects unit 0-63, and its answer."""
    if type(unit) is not int or unit not in range(64):
        raise ConfigError("not a unit id", value=unit, bounds="0..63", remedy="mend `unit` in the line file")
    return bytes([0x80 | unit])


def encode_tube(tube: int) -> str:
    """Buffered `T042`: go to tube 1-999."""
    if type(tube) is not int or tube not in range(1, 1000):
        raise LimitExceeded("no such tube", value=tube, bounds="1..999", remedy="choose a tube of the rack")
    return f"T{tube:03d}"


def encode_move(axis: Literal["X", "Y"], millimetres: float) -> str:
    """Buffered `X0123`: absolute position of an axis, 0.1 mm."""
    return f"{axis}{round(finite(millimetres, 0.0, 999.9, unit='mm', what='position') * 10):04d}"


def encode_diverter(state: Literal[0, 1]) -> str:
    """Buffered `V1` (divert) or `V0`."""
    return f"V{_flag(state)}"


def encode_keypad(locked: bool) -> str:
    """Buffered `L1`/`L0` as the public drivers use it."""
    return f"L{_flag(int(locked))}"


def encode_display(text: str) -> str:
    """Buffered `W1text`: letters, digits, blanks and simple marks."""
    return "W1" + wire_text(text, what="display text", pattern=r"[A-Za-z0-9 .:/+-]*", limit=16)


def encode_beep(seconds: float) -> str:
    """Buffered `G050`: beep for 0-10 s."""
    return f"G{round(finite(seconds, 0.0, 10.0, unit='s', what='beep') * 10):03d}"


def encode_motors(x: Literal[0, 1], y: Literal[0, 1]) -> str:
    """Buffered `M11`: relax or hold the motors of both axes."""
    return f"M{_flag(x)}{_flag(y)}"


def _flag(value: int) -> int:
    if value not in (0, 1):
        raise ConfigError("neither 0 nor 1", value=value, bounds="0, 1")
    return int(value)


def decode_immediate(reply: bytes) -> str:
    """The text of an immediate reply: bit 7 only on the last byte."""
    if not reply or any(byte & 0x80 for byte in reply[:-1]) or not reply[-1] & 0x80:
        raise BadReply("not an immediate reply", value=shown(reply.decode("latin-1")), remedy="check parity (8E1)")
    text = (reply[:-1] + bytes([reply[-1] & 0x7F])).decode("ascii")
    if not text.isprintable():
        raise BadReply("bytes that are no text", value=shown(text), remedy="check parity (8E1) and cable")
    return text


def decode_tube(text: str) -> int:
    """Tube number, 0 when the arm stands over none."""
    if not re.fullmatch(r" *\d{1,3} *", text, re.ASCII):
        raise BadReply("not a tube number", value=shown(text), remedy="check unit and driver")
    return int(text)


def decode_axis(text: str) -> tuple[bool, float]:
    """`XS0123`: whether the axis stands still, and its position in mm."""
    match = re.fullmatch(r"[XY]?([SM])(\d{4})", text.strip(), re.ASCII)
    if not match:
        raise BadReply("not an axis state", value=shown(text), remedy="check unit and driver")
    return match[1] == "S", int(match[2]) / 10.0


def decode_identification(text: str) -> Identity:
    """`FC203B V2.02` as model and firmware."""
    model, _, firmware = text.strip().partition(" ")
    if not re.search("[A-Za-z]", model):
        raise BadReply("not an identification", value=shown(text), remedy="check unit and driver")
    return Identity("Gilson", model, "", firmware.strip())


class GilsonFc203bOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: unit id on the bus, tubes in the rack, and the diverter state that collects."""

    unit: int = Field(default=6, ge=0, le=63)
    tubes: int = Field(default=999, ge=1, le=999)
    collect_state: Literal[0, 1] = 1


class GilsonFc203b:
    """One collector. It is selected anew before every command, since other units may share the bus."""

    settings: ClassVar[SerialSettings] = SerialSettings(19200, 8, "E")
    options: ClassVar[type[BaseModel]] = GilsonFc203bOptions
    provides: ClassVar[tuple[str, ...]] = ("fraction_collector",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Gilson", "FC203B", "GSIOC technical manual LT2181 (by public drivers)")

    def __init__(self, link: Link, clock: Clock, options: GilsonFc203bOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or GilsonFc203bOptions()
        link.reset = DROP

    async def connect(self) -> Identity:
        """Select it and ask who it is; nothing moves and the diverter stays as it is."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> GilsonFc203b:
        """The collector itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(
        Kind.POSITIONAL,
        evidence="read_tube",
        judge=reads_back(lambda post, tube: bool(post.tube == tube and post.still)),
    )
    async def go_to(self, tube: int) -> None:
        """Go to a tube (1-based); returns when the arm stands still over it. There already: nothing is sent."""
        with about(self._link.name, f"go to tube {tube}"):
            text = encode_tube(tube)
            if tube > self._options.tubes:
                raise LimitExceeded("no such tube", value=tube, bounds=f"1..{self._options.tubes}")
            if await self.read_tube() == TubePosition(tube, True):
                return
            await self._buffered(text)
            deadline = self._clock.now() + MOVE_LIMIT
            while (found := await self.read_tube()) != TubePosition(tube, True):
                if self._clock.now() >= deadline:
                    raise DeviceFault(
                        f"did not arrive within {MOVE_LIMIT:g} s", value=f"tube {found.tube}", remedy="look at the arm"
                    )
                await self._clock.sleep(MOVE_POLL)

    @command(Kind.BLIND)
    async def collect(self, on: bool) -> None:
        """Outlet to the tube (True) or to waste; accepted by echo, provable only by what flows out."""
        with about(self._link.name, "collect" if on else "divert to waste"):
            state = self._options.collect_state
            await self._buffered(encode_diverter(state if on else (0 if state else 1)))

    @read
    async def read_tube(self) -> TubePosition:
        """Tube under the outlet (0 undefined) and whether both axes stand still."""
        with about(self._link.name, "read tube"):
            tube, x, y = await self._immediate("tube", "x", "y")
            return TubePosition(decode_tube(tube), decode_axis(x)[0] and decode_axis(y)[0])

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            (text,) = await self._immediate("identification")
            return decode_identification(text)

    async def _immediate(self, *names: str) -> list[str]:
        """The texts of immediate commands, in one turn."""
        texts: list[str] = []

        async def talk(turn: Conversation) -> bytes:
            await self._select(turn)
            texts.extend([await self._ask(turn, name) for name in names])
            return b""

        await self._link.converse(talk)
        return texts

    async def _ask(self, turn: Conversation, name: str) -> str:
        await turn.write(IMMEDIATE[name])
        reply = b""
        while len(reply) < LONGEST_REPLY:
            reply += await self._byte(turn, name)
            if reply[-1] & 0x80:
                break
            await turn.write(ACK)
        try:
            return decode_immediate(reply)
        except BadReply:
            await self._give_up(turn)
            raise

    async def _buffered(self, text: str) -> None:
        """A buffered command, every character compared with its echo."""

        async def talk(turn: Conversation) -> bytes:
            await self._select(turn)
            await self._ready(turn)
            for character in text.encode("ascii"):
                await self._echo(turn, bytes([character]), text)
            await self._echo(turn, END, text)
            return b""

        await self._link.converse(talk)

    async def _select(self, turn: Conversation) -> None:
        """Drop every unit and select ours; three tries."""
        wanted = encode_select(self._options.unit)
        for attempt in range(1, SELECT_TRIES + 1):
            await turn.write(DROP)
            await self._clock.sleep(SELECT_WINDOW)
            await turn.write(wanted)
            try:
                await turn.read(until(wanted), BYTE_LIMIT, f"select unit {self._options.unit}")
                return
            except (NoReply, BadReply):
                if attempt == SELECT_TRIES:
                    raise

    async def _ready(self, turn: Conversation) -> None:
        """Open the command buffer; a busy unit is asked again."""
        for _ in range(BUSY_TRIES):
            await turn.write(READY)
            answer = await self._byte(turn, "open the buffer")
            if answer == READY:
                return
            if answer != BUSY:
                await self._mismatch(turn, READY, answer, "open the buffer")
            await self._clock.sleep(BUSY_WAIT)
        raise DeviceFault(f"stays busy for {BUSY_TRIES * BUSY_WAIT:g} s", remedy="look at the collector")

    async def _echo(self, turn: Conversation, sent: bytes, action: str) -> None:
        await turn.write(sent)
        heard = await self._byte(turn, action)
        if heard != sent:
            await self._mismatch(turn, sent, heard, action)

    async def _byte(self, turn: Conversation, action: str) -> bytes:
        """The one byte that the bus allows as an answer; two of them belong to two questions."""
        heard = await turn.read(len, BYTE_LIMIT, action)
        if len(heard) == 1:
            return heard
        await self._give_up(turn)
        raise BadReply(
            "more bytes than asked for", action=action, value=shown(heard.decode("latin-1")),
            remedy="check that only one unit has this id",
        )  # fmt: skip

    async def _mismatch(self, turn: Conversation, sent: bytes, heard: bytes, action: str) -> None:
        await self._give_up(turn)
        raise BadReply(
            "wrong echo", action=action, value=shown(heard.decode("latin-1")), bounds=shown(sent.decode("latin-1")),
            remedy="check parity (8E1), cable and other units on the bus",
        )  # fmt: skip

    async def _give_up(self, turn: Conversation) -> None:
        """Drop the unit, and let the link recover before anybody speaks again."""
        await turn.write(DROP)
        turn.spoil()
