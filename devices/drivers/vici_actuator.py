"""VICI universal actuators (EUH/EUD/EUT): SEC injection and selector valves.

Source: VICI EUH/EUD/EUT manual pp. 14-19. `[id]<command>[argument]` CR; queries are answered by a line, movements by
nothing (response mode IFM0), so `CP` is polled until it shows the target twice. Only absolute moves are used: a bare
`GO`, a toggle or a step could not be repeated. Unconfirmed: reply prefix when an id is set (both are taken), `CP`
during travel (anything but the target is "not there yet"), whether `CNT` counts moves or steps of a selector.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Link
from devices.readings import Identity, ValvePosition
from devices.strict import about, ascii_text, check_role, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, NoReply, Refused

REPLY_LIMIT = 0.5  # s, project default
POLL = 0.1  # s between two looks at the position
TRAVEL_LIMIT = 3.0  # s, project default
QUERIES = {
    "position": "CP", "mode": "AM", "ports": "NP", "delay": "DT", "count": "CNT", "firmware": "VR",
    "serial board": "VR2", "help": "/?",
}  # fmt: skip
SETS = {  # name: (command, allowed numbers); all are silent
    "mode": ("AM", range(1, 4)), "ports": ("NP", range(2, 41, 2)), "delay": ("DT", range(65536)),
    "count": ("CNT", range(65536)), "response mode": ("IFM", range(3)), "long replies": ("LG", range(2)),
    "delimiter": ("DEL", range(1, 4)),
}  # fmt: skip
BAUDS = (4800, 9600, 19200, 38400, 57600, 115200)
TWO_POSITION = (1, 2)
MULTIPOSITION = 3
_POSITION = re.compile(
    r"[0-9A-Z]?(?:CP|\s*Position\s+is\s*=?)\s*(?P<quote>\"?)([AB]|\d{1,2})(?P=quote)", re.IGNORECASE | re.ASCII
)
_NUMBER = re.compile(r"[0-9A-Z]?(AM|NP|DT|CNT)\s*=?\s*(\d{1,7})", re.IGNORECASE | re.ASCII)
_TARGET = re.compile(r"[AB]|[1-9]\d?", re.ASCII)


def encode_query(name: str, actuator: str = "") -> bytes:
    """The request for `name`, a key of QUERIES; `actuator` is its one-character id or nothing."""
    return _request(actuator, QUERIES[name])


def encode_move(target: str, actuator: str = "") -> bytes:
    """`GOA`, `GOB` or `GO3`: to an absolute position."""
    if not _TARGET.fullmatch(target):
        raise ConfigError("not a position", value=repr(target), bounds="A, B or 1..96", remedy="mend the line file")
    return _request(actuator, f"GO{target}")


def encode_directed_move(target: int, clockwise: bool, actuator: str = "") -> bytes:
    """`CW03`/`CC03` of a multiposition actuator: to a position in that direction."""
    if type(target) is not int or target not in range(1, 97):
        raise ConfigError("not a position", value=target, bounds="1..96", remedy="mend the line file")
    return _request(actuator, f"{'CW' if clockwise else 'CC'}{target:02d}")


def encode_turn(clockwise: bool, actuator: str = "") -> bytes:
    """`CW` (to A) or `CC` (to B) of a two-position actuator. A multiposition one would step: never sent to it."""
    return _request(actuator, "CW" if clockwise else "CC")


def encode_baud(baudrate: int, actuator: str = "") -> bytes:
    """`SB0096`: the line's baud rate; the next command must come at the new one."""
    if baudrate not in BAUDS:
        raise ConfigError("no such baud rate", value=baudrate, bounds=", ".join(map(str, BAUDS)))
    return _request(actuator, f"SB{baudrate // 100:04d}")


def encode_id(new: str, actuator: str = "") -> bytes:
    """`ID5`: give it a one-character id; `*ID*` for no id: takes any actuator's id away."""
    if not new:
        return b"*ID*\r"
    if not re.fullmatch("[0-9A-Z]", new, re.ASCII):
        raise ConfigError("not an actuator id", value=repr(new), bounds="0-9, A-Z")
    return _request(actuator, f"ID{new}")


def encode_home(actuator: str = "") -> bytes:
    """`HM`: a multiposition actuator to position 1."""
    return _request(actuator, "HM")


def encode_set(name: str, value: int, actuator: str = "") -> bytes:
    """Set `name`, a key of SETS."""
    code, allowed = SETS[name]
    if type(value) is not int or value not in allowed:
        raise ConfigError(f"{name} out of range", value=value, bounds=f"{allowed[0]}..{allowed[-1]}")
    return _request(actuator, f"{code}{value}")


def encode_direction(way: Literal["F", "R", "A"], actuator: str = "") -> bytes:
    """`SMA`: multiposition moves go forward, reverse or the shortest way."""
    if way not in ("F", "R", "A"):
        raise ConfigError("not a direction", value=repr(way), bounds="F, R, A")
    return _request(actuator, f"SM{way}")


def _request(actuator: str, text: str) -> bytes:
    if not re.fullmatch("[0-9A-Z]?", actuator, re.ASCII):
        raise ConfigError("not an actuator id", value=repr(actuator), bounds="0-9, A-Z", remedy="mend the line file")
    return f"{actuator}{text}\r".encode("ascii")


def decode_position(reply: bytes) -> str:
    """`CPA`, `CP03`, `CP3` or the long form `Position is = A`: "A", "B" or the number without leading zero."""
    text = ascii_text(reply).strip()
    match = _POSITION.fullmatch(text)
    if not match or match[2] in ("0", "00"):
        raise BadReply("not a position", value=shown(text), remedy="check driver, id and delimiter")
    return match[2].upper().lstrip("0")


def decode_number(reply: bytes, name: str) -> int:
    """`AM3`, `NP10`, `DT1000`, `CNT12` or a long form of it."""
    text = ascii_text(reply).strip()
    match = _NUMBER.fullmatch(text)
    if not match or match[1].upper() != QUERIES[name]:
        raise BadReply(f"not a {name}", value=shown(text), remedy="check driver, id and delimiter")
    return int(match[2])


def frame(data: bytes) -> int | None:
    """A line that ends with CR, LF or both (the delimiter is a setting); line ends left over belong to it."""
    start = len(data) - len(data.lstrip(b"\r\n"))
    ends = [at for at in (data.find(b"\r", start), data.find(b"\n", start)) if at >= 0]
    return min(ends) + 1 if ends else None


class ViciActuatorOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: its one-character id, and how a multiposition actuator turns (A: the shortest way)."""

    id: str = Field(default="", pattern="^[0-9A-Z]?$")
    direction: Literal["F", "R", "A"] = "A"


class ViciActuator:
    """One actuator; `role("valve", positions={"load": "A", "inject": "B"})` gives its positions names."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = ViciActuatorOptions
    provides: ClassVar[tuple[str, ...]] = ("valve",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("VICI", "EUH/EUD/EUT universal actuator", "EUH/EUD/EUT manual, pp. 14-19")

    def __init__(self, link: Link, clock: Clock, options: ViciActuatorOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or ViciActuatorOptions()
        self.mode = 0
        self.ports = 2
        self._counts = True

    async def connect(self) -> Identity:
        """Identify, read the mode and the number of positions, set the direction; nothing moves."""
        identity = await self._identify()
        with about(self._link.name, "connect"):
            self.mode = await self._number("mode")
            if self.mode not in (*TWO_POSITION, MULTIPOSITION):
                raise BadReply("unknown mode", value=self.mode, bounds="1..3", remedy="check the actuator")
            if self.mode == MULTIPOSITION:
                self.ports = await self._number("ports")
                await self._link.send(encode_direction(self._options.direction, self._options.id))
        self._link.identity = identity
        self._link.identify = self._identify
        return identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> ViciValve:
        """A valve whose position names are `positions`, a mapping to "A", "B" or a number."""
        given = role_options.pop("positions", None)
        check_role(self._link.name, self.provides, capability, role_options, channel)
        if not isinstance(given, Mapping) or not given:
            raise ConfigError(
                "needs the names of its positions", device=self._link.name, action="role", value=given,
                remedy='add `positions: {load: "A", inject: "B"}` to the role in the line file',
            )  # fmt: skip
        positions = {str(name): str(target) for name, target in given.items()}
        wrong = [target for target in positions.values() if not self._has(target)]
        if wrong or len(set(positions.values())) != len(positions):
            raise ConfigError(
                "has no such positions", device=self._link.name, action="role",
                value=", ".join(wrong or positions.values()),
                bounds="A, B" if self.mode in TWO_POSITION else f"1..{self.ports}, each once",
                remedy="mend `positions` in the line file",
            )  # fmt: skip
        return ViciValve(self, positions, self._clock)

    def _has(self, target: str) -> bool:
        if not _TARGET.fullmatch(target):
            return False
        if self.mode == 0:  # not connected yet: the kind is not known
            return True
        return target in ("A", "B") if self.mode in TWO_POSITION else target.isdigit() and int(target) <= self.ports

    @property
    def name(self) -> str:
        """The instrument's name in the line file."""
        return self._link.name

    async def position(self) -> str:
        """Where it stands: "A", "B" or a number."""
        reply = await self._query("position", lambda text: bool(_POSITION.fullmatch(text)))
        return decode_position(reply)

    async def count(self) -> int | None:
        """The actuation counter, None where the actuator has none."""
        if not self._counts:
            return None
        try:
            return await self._number("count")
        except NoReply:
            self._counts = False
            return None

    async def send_move(self, target: str) -> None:
        """Start a movement; nothing is answered."""
        await self._link.send(encode_move(target, self._options.id))

    async def _number(self, name: str) -> int:
        return decode_number(await self._query(name, lambda text: QUERIES[name] in text.upper()), name)

    async def _query(self, name: str, fits: Callable[[str], bool]) -> bytes:
        def ours(reply: bytes) -> bool:
            text = reply.decode("latin-1").strip()
            return bool(text) and fits(text)

        return await self._link.query(
            encode_query(name, self._options.id), frame, accept=ours, timeout=REPLY_LIMIT, action=name
        )

    async def _identify(self) -> Identity:
        """`VR` answers one or more lines; the first that is text is taken."""
        with about(self._link.name, "identify"):
            text = ascii_text(await self._query("firmware", lambda text: len(text) > 2)).strip()
            text = text.removeprefix(self._options.id).removeprefix("VR").strip(" =")
            return Identity("VICI", "universal actuator", "", text)


class ViciValve:
    """The actuator by its position names."""

    def __init__(self, actuator: ViciActuator, positions: Mapping[str, str], clock: Clock) -> None:
        self._actuator = actuator
        self._positions = dict(positions)
        self._names = {target: name for name, target in positions.items()}
        self._clock = clock

    @command(
        Kind.POSITIONAL,
        evidence="read_position",
        judge=reads_back(lambda post, position: bool(post.position == position)),
    )
    async def move_to(self, position: str) -> None:
        """Move and return when two looks 0.1 s apart show the target and the counter rose; there already: nothing."""
        with about(self._actuator.name, f"move to {shown(str(position))}"):
            target = self._positions.get(position)
            if target is None:
                raise Refused("no such position", value=shown(repr(position)), bounds=", ".join(self._positions))
            if await self._actuator.position() == target:
                return
            before = await self._actuator.count()
            await self._actuator.send_move(target)
            await self._arrive(target)
            await self._expect_count(before)

    @read
    async def read_position(self) -> ValvePosition:
        """Position by name ("port 5" when the line file has no name for it) and the actuation counter."""
        with about(self._actuator.name, "read position"):
            at = await self._actuator.position()
            return ValvePosition(self._names.get(at, f"port {at}"), await self._actuator.count())

    async def _arrive(self, target: str) -> None:
        deadline = self._clock.now() + TRAVEL_LIMIT
        seen, last = 0, ""
        while self._clock.now() < deadline:
            await self._clock.sleep(POLL)
            try:
                last = await self._actuator.position()
            except (NoReply, BadReply) as error:  # in travel it may say nothing, or anything
                last = error.reason
            seen = seen + 1 if last == target else 0
            if seen == 2:
                return
        raise DeviceFault(
            f"did not arrive within {TRAVEL_LIMIT:g} s", value=last, bounds=target, remedy="look at the valve"
        )

    async def _expect_count(self, before: int | None) -> None:
        after = await self._actuator.count()
        if before is None or after is None:
            return
        moved = after - before
        if moved < 1 or (self._actuator.mode in TWO_POSITION and moved != 1):
            raise BadReply(
                "the actuation counter does not fit one move", value=moved, bounds="1", remedy="look at the valve"
            )
