"""PendoTECH PressureMAT monitor: TFF pressures P1-P4.

Source: HiFiveJazz/Pendotech-Reader-Win, README and `src/main.rs` (tested by its author on a PMAT4A); PendoTECH
publishes no command chapter. The poll `AZK` is answered by one or more frames `10 02` .. `10 03` with one row a sensor.
The row's checksum was derived from the published rows and is exact on all of them. A row carries no unit: the line
file states it. Unconfirmed: what separates rows (any control bytes are taken, and one frame a row), an unplugged
sensor on the wire (frozen values are for the line controller to detect).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, Field, field_validator

from devices.card import DriverCard
from devices.commands import read
from devices.link import LATEST, Conversation, Link
from devices.readings import Identity, Quality, Reading, bad
from devices.strict import about, check_role, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, NoReply
from vesiflow.quantities import factor

POLL = b"AZK\r\n"
FRAME_LIMIT = 0.7  # s after the poll
TRIES = 3
RETRY_GAP = 0.08  # s
GUARD = 0.015  # s between good frames
START, END = b"\x10\x02", b"\x10\x03"
ADDRESSES = {"00000.01": 1, "00000.03": 2, "00000.05": 3, "00000.07": 4}
_VALUE = re.compile(r"[+-]?\d{1,6}(?:\.\d{1,4})?", re.ASCII)
_FIELDS = 13


@dataclass(frozen=True, slots=True)
class Row:
    """One sensor (1-4) and its value in the monitor's unit; None when checksum or number is bad."""

    sensor: int
    value: float | None


def checksum(text: str) -> str:
    """Two's complement of the 8-bit sum of `text`, which runs from behind `AZ` to the last comma."""
    return f"{-sum(text.encode('latin-1')) & 0xFF:02X}"


def decode_row(row: str) -> Row | None:
    """The row `AZ,<address>,..,<checksum>`; None when not even its address can be read."""
    fields = row.split(",")
    if len(fields) < 2 or fields[0] != "AZ" or fields[1] not in ADDRESSES:
        return None
    sensor = ADDRESSES[fields[1]]
    body = row[2 : row.rfind(",") + 1]
    value = fields[6].strip() if len(fields) > 6 else ""
    if len(fields) != _FIELDS + 1 or checksum(body) != fields[-1] or not _VALUE.fullmatch(value):
        return Row(sensor, None)
    return Row(sensor, number(value))


def decode_frames(data: bytes) -> list[Row]:
    """All rows of all complete frames in `data`, told apart by their address, never by their order."""
    rows = []
    for payload in re.findall(re.escape(START) + b"(.*?)" + re.escape(END), data, re.DOTALL):
        text = re.sub(r"[\x00-\x1f]+", "\n", payload.decode("latin-1"))
        for part in text.split("AZ,")[1:]:
            row = decode_row("AZ," + part.split("\n")[0].rstrip())
            if row is not None:
                rows.append(row)
    return rows


def frame_of(sensors: frozenset[int]) -> _Frames:
    """A framer that is content with one frame of several rows, or with a frame for each of `sensors`."""
    return _Frames(sensors)


class _Frames:
    """Keeps what it saw, so that the sensors that did answer are not lost with the one that did not."""

    def __init__(self, sensors: frozenset[int]) -> None:
        self._sensors = sensors
        self.rows: list[Row] = []

    def __call__(self, data: bytes) -> int | None:
        end = data.rfind(END)
        if end < 0 or START not in data[:end]:
            return None
        self.rows = decode_frames(data)
        together = any(len(decode_frames(frame + END)) > 1 for frame in data.split(END))
        return end + len(END) if together or self._sensors <= {row.sensor for row in self.rows} else None


class PressureMatOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the unit the monitor is set to, and what each name means (sensor 1-4)."""

    unit: Literal["psi", "bar", "mbar", "kPa"] = "psi"
    channels: dict[str, int] = Field(default={"feed": 1, "retentate": 2, "permeate": 3}, min_length=1)

    @field_validator("channels")
    @classmethod
    def _sensors_exist_once(cls, channels: dict[str, int]) -> dict[str, int]:
        if len(set(channels.values())) != len(channels) or not set(channels.values()) <= set(ADDRESSES.values()):
            raise ValueError("every name needs a sensor of its own, 1 to 4")
        return channels


class PressureMat:
    """One monitor. A sensor that does not answer well is a bad reading, never a number."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = PressureMatOptions
    provides: ClassVar[tuple[str, ...]] = ("pressure_sensors",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("PendoTECH", "PressureMAT", "HiFiveJazz/Pendotech-Reader-Win (no manual)")

    def __init__(self, link: Link, clock: Clock, options: PressureMatOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or PressureMatOptions()
        self._wanted = frozenset(self._options.channels.values())
        link.gap = max(link.gap, GUARD)
        # Every answer looks alike: only a long silence tells that none to an older poll is under way.
        link.quiet = max(link.quiet, LATEST)

    async def connect(self) -> Identity:
        """Poll once: the monitor has no identification, a good row is its name."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> PressureMat:
        """The monitor itself, as pressure sensors."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @read
    async def read_pressures(self) -> Mapping[str, Reading]:
        """Pressure (Pa gauge) by channel name; at most three polls, NoReply when the monitor stays silent."""
        with about(self._link.name, "read pressures"):
            rows = await self._rows()
            at = self._clock.now()
            return {name: self._reading(rows, sensor, at) for name, sensor in self._options.channels.items()}

    def _reading(self, rows: Mapping[int, Row], sensor: int, at: float) -> Reading:
        row = rows.get(sensor)
        if row is None:
            return bad(Quality.ABSENT, at)
        if row.value is None:
            return bad(Quality.FAULT, at)
        return Reading(row.value * factor(self._options.unit, "Pa")[0], at)

    async def _rows(self) -> dict[int, Row]:
        """The best row of each sensor after up to three polls.

        They are one turn: an answer that comes late to one of them still is one to this reading, not to the next.
        """
        best: dict[int, Row] = {}

        async def talk(turn: Conversation) -> bytes:
            failure: NoReply | BadReply | None = None
            for attempt in range(TRIES):
                if attempt:
                    await self._clock.sleep(RETRY_GAP)
                frames = frame_of(self._wanted)
                await turn.write(POLL)
                try:
                    await turn.read(frames, FRAME_LIMIT, "poll")
                except (NoReply, BadReply) as error:
                    failure = error
                _keep_better(best, frames.rows)
                if all(sensor in best and best[sensor].value is not None for sensor in self._wanted):
                    break
            if not best and failure is not None:
                raise failure
            return b""

        await self._link.converse(talk)
        return best

    async def _poll(self) -> list[Row]:
        frames = frame_of(self._wanted)
        try:
            await self._link.query(POLL, frames, timeout=FRAME_LIMIT, action="poll")
        except (NoReply, BadReply):
            if not frames.rows:
                raise
        return frames.rows

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            rows = await self._poll()
            if not any(row.value is not None for row in rows):
                raise BadReply("no readable row", value=shown(repr(rows)), remedy="check baud rate and parity")
            return Identity("PendoTECH", "PressureMAT")


def _keep_better(best: dict[int, Row], found: list[Row]) -> None:
    """Take what is new or readable; a spoilt row never replaces a good one."""
    best.update({row.sensor: row for row in found if row.value is not None or row.sensor not in best})
