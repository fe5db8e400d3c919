"""Alicat PCD dual-valve pressure controller: retentate back pressure through a dome-loaded regulator.

Source: Alicat Serial Communications Primer Rev 2 (2023-02); M/MC/PC manuals (quick command guide). Requests
`<id><command>[argument]` CR, replies end with CR; a foreign id is answered by silence. The columns of a data frame
depend on the model and are read from the instrument (`??D*`) at connect. A set-point out of range is clamped, not
refused, hence compared. An id followed by a digit is the legacy integer set-point and is never sent.
Unconfirmed: the PCD's exact column set; the column table of firmware before 6v is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Conversation, Link, until
from devices.readings import Identity, PressureControl, Quality, Reading, bad
from devices.strict import about, ascii_text, check_role, fixed, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply
from vesiflow.quantities import factor

REPLY_LIMIT = 0.5  # s, project default
TABLE_QUIET = 0.25  # s of silence after the last line of a table
LONGEST_TABLE = 60  # lines; more is a unit in streaming mode
COMMANDS = {
    "poll": "", "set": "S", "set-point": "LS", "hold": "HP", "hold closed": "HC", "cancel hold": "C", "tare": "P",
    "tare absolute": "PC", "columns": "??D*", "manufacture": "??M*", "firmware": "VE", "source": "LSS",
    "full scale": "FPF", "lock display": "L", "unlock display": "U",
}  # fmt: skip
STATUS_WORDS = frozenset(
    ["ADC", "COM", "EXH", "GTA", "HLD", "LCK", "MOV", "OPL", "OVR", "P2O", "POV", "TMF", "TOV", "VOV"]
)
GAUGE, DIFFERENTIAL, ABSOLUTE = 6, 7, 2  # statistics of measured pressure
SETPOINTS = {34: "pressure", 38: "gauge pressure", 39: "differential pressure"}
_UNITS = {
    "PSI": "psi", "BAR": "bar", "MBAR": "mbar", "PA": "Pa", "HPA": "hPa", "KPA": "kPa", "MPA": "MPa", "ATM": "atm",
    "TORR": "torr", "MMHG": "mmHg",
}  # fmt: skip
_COLUMN = re.compile(
    r"[A-Z] +D(\d\d) +(\d{3})\*? *\*?(.*?) +((?:[su] )?(?:decimal|integer|signed|unsigned|string|text))"
    r" +(\d{1,2})(?:/(\d{1,2}))?(?: +(.*))?",
    re.ASCII,
)
_LABELS = re.compile(r"(?:Model Number|Model|Serial Number|Software Revision|Firmware)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the data frame: statistic number, name, decimals (None: text), unit, whether a status word."""

    statistic: int
    name: str
    decimals: int | None
    unit: str
    status: bool


@dataclass(frozen=True, slots=True)
class DataFrame:
    """One data frame: its fields by statistic, as sent, and its status words."""

    fields: Mapping[int, str]
    status: frozenset[str]


@dataclass(frozen=True, slots=True)
class SetPoint:
    """Set-point (Pa) and the step of its last digit (Pa)."""

    pressure: float
    step: float


def encode(unit: str, name: str, argument: str = "") -> bytes:
    """The request `name`, a key of COMMANDS, with a plain argument; never the legacy integer set-point."""
    body = COMMANDS[name] + argument
    if not re.fullmatch("[A-Z]", unit) or not re.fullmatch(r"(?:[A-Z?][A-Z?*]*(?: ?-?[\d.]+)?)?", body, re.ASCII):
        raise ConfigError("not an Alicat command", value=repr(unit + body), remedy="unit id A-Z, plain number")
    return f"{unit}{body}\r".encode("ascii")


def encode_setpoint(unit: str, value: float, decimals: int) -> bytes:
    """`AS8.50`: the set-point in the instrument's own unit with fixed decimals."""
    return encode(unit, "set", fixed(value, decimals, -9999.0, 99999.0))


def decode_columns(lines: Sequence[str]) -> list[Column]:
    """The table `??D*` in the order of the data frame, without the unit id; BadReply when it is none."""
    columns = []
    for line in lines:
        match = _COLUMN.fullmatch(line.strip())
        if match is None or match[2] == "700":
            continue
        notes = (match[7] or "").split()
        unit = notes[-1] if notes else ""
        is_text = match[4] in ("string", "text")
        columns.append(
            Column(int(match[2]), match[3], None if is_text else int(match[6] or 0), unit, unit in STATUS_WORDS)
        )
    if not any(column.decimals is not None for column in columns):
        raise BadReply("no table of columns", value=shown(" / ".join(lines)), remedy="firmware 6v or later is needed")
    return columns


def decode_frame(line: str, unit: str, columns: Sequence[Column]) -> DataFrame:
    """A data frame by its columns; BadReply when a field is missing or an unknown word follows."""
    words = line.split()
    wanted = [column for column in columns if not column.status]
    if not words or words[0] != unit or len(words) < len(wanted) + 1:
        raise BadReply("not a data frame", value=shown(line), remedy="check unit id and driver")
    status = frozenset(words[len(wanted) + 1 :])
    if not status <= STATUS_WORDS:
        raise BadReply("unknown words in a data frame", value=shown(line), remedy="read the columns again: reconnect")
    return DataFrame({column.statistic: word for column, word in zip(wanted, words[1:], strict=False)}, status)


def decode_manufacture(lines: Sequence[str]) -> Identity:
    """The table `??M*`: model M04, serial number M05, firmware M09."""
    rows = {}
    for line in lines:
        match = re.fullmatch(r"[A-Z] +M(\d\d) +(.*)", line.strip(), re.ASCII)
        if match:
            rows[match[1]] = _LABELS.sub("", match[2], count=1).strip()
    if "04" not in rows:
        raise BadReply("no manufacturing data", value=shown(" / ".join(lines)), remedy="check unit id and driver")
    return Identity("Alicat", rows["04"], rows.get("05", ""), rows.get("09", ""))


def decode_loop(line: str, unit: str) -> tuple[float, float, str]:
    """`A +008.50 +008.50 10 PSIG`, the answer to `LS`: set-point in force, set-point asked for, unit."""
    words = _words(line, unit, 5)
    return number(words[0]), number(words[1]), words[3]


def decode_full_scale(line: str, unit: str) -> tuple[float, str]:
    """`A +030.00 010 PSIG`, the answer to `FPF n`: full scale and unit."""
    words = _words(line, unit, 4)
    return number(words[0]), words[2]


def decode_firmware(line: str, unit: str) -> str:
    """`A   10v20.0-R24 Jan  9 2025,15:04:07`, the answer to `VE`: the firmware."""
    firmware = _words(line, unit, 2)[0]
    if not re.match(r"\d+v\d+", firmware, re.ASCII):
        raise BadReply("not a firmware version", value=shown(line), remedy="check unit id and driver")
    return firmware


def decode_source(line: str, unit: str) -> str:
    """`A S`, the answer to `LSS`: who gives the set-point, S serial, U user or A analog."""
    words = _words(line, unit, 2)
    if len(words) != 1 or words[0] not in tuple("SUA"):
        raise BadReply("not a set-point source", value=shown(line), bounds="S, U, A", remedy="check the driver")
    return words[0]


def _words(line: str, unit: str, least: int) -> list[str]:
    """The words behind the unit id."""
    words = line.split()
    if len(words) < least or words[0] != unit:
        raise BadReply("not an answer to this command", value=shown(line), remedy="check unit id and driver")
    return words[1:]


def pressure_unit(unit: str) -> tuple[str, str]:
    """`PSIG` as ("psi", "G"): our name of the unit and G gauge, A absolute, D differential or nothing."""
    match = re.fullmatch(r"(.+?)([GAD]?)", unit.upper())
    for base, reference in ((unit.upper(), ""), (match[1], match[2]) if match else ("", "")):
        if base in _UNITS:
            return _UNITS[base], reference
    raise ConfigError("unknown pressure unit", value=unit, bounds=", ".join(_UNITS), remedy="set it at the instrument")


class AlicatPcdOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the unit id."""

    address: str = Field(default="A", pattern="^[A-Z]$")


class AlicatPcd:
    """One controller. Setting is idempotent; closed-loop control on hold is a fault, not a set-point."""

    settings: ClassVar[SerialSettings] = SerialSettings(19200)
    options: ClassVar[type[BaseModel]] = AlicatPcdOptions
    provides: ClassVar[tuple[str, ...]] = ("pressure_controller",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Alicat", "PCD", "Serial Communications Primer Rev 2 (2023-02)")

    def __init__(self, link: Link, clock: Clock, options: AlicatPcdOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._unit = (options or AlicatPcdOptions()).address
        self._columns: list[Column] = []
        self._measured: Column | None = None
        self._target: Column | None = None

    async def connect(self) -> Identity:
        """Identify, read the columns, and make sure that it controls a gauge pressure from the serial port."""
        identity = await self._identify()
        with about(self._link.name, "connect"):
            self._columns = decode_columns(await self._table("columns", lambda line: not line))
            self._target = self._column(SETPOINTS, "set-point")
            self._measured = self._column((GAUGE, DIFFERENTIAL, ABSOLUTE), "measured pressure")
            for column in (self._target, self._measured):
                if pressure_unit(column.unit)[1] == "A":
                    raise ConfigError(
                        f"{column.name} is absolute", value=column.unit, remedy="set the instrument to gauge pressure"
                    )
            await self._check_source(identity.firmware)
        self._link.identity = identity
        self._link.identify = self._identify
        return identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> AlicatPcd:
        """The controller itself, as pressure controller."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(
        Kind.SETPOINT,
        evidence="read_setpoint",
        judge=reads_back(lambda post, pressure: abs(post.pressure - pressure) <= 0.51 * post.step),
    )
    async def set_pressure(self, pressure: float) -> None:
        """Set the pressure, Pa gauge; returns when a poll shows the set-point within its last digit."""
        with about(self._link.name, "set pressure"):
            column = self._known(self._target)
            value = pressure / _scale(column)
            request = encode_setpoint(self._unit, value, column.decimals or 0)
            _refuse_hold(await self._poll())
            echoed = decode_frame(await self._line(request, "set"), self._unit, self._columns)
            for frame in (echoed, await self._poll()):
                _refuse_hold(frame)
                found = number(frame.fields[column.statistic])
                if abs(found - value) > 0.51 * 10.0 ** -(column.decimals or 0):
                    raise LimitExceeded(
                        "the instrument took another set-point", value=f"{value:g} {column.unit}",
                        bounds=f"it took {found:g}", remedy="stay within the range of the instrument",
                    )  # fmt: skip

    @read
    async def read_pressure(self) -> PressureControl:
        """Measured and set pressure, Pa gauge; DeviceFault while control is on hold."""
        with about(self._link.name, "read pressure"):
            frame = await self._poll()
            _refuse_hold(frame)
            return PressureControl(self._reading(frame), self._pascal(frame, self._known(self._target)))

    @read
    async def read_setpoint(self) -> SetPoint:
        """The set-point in force, whatever else the instrument reports."""
        with about(self._link.name, "read set-point"):
            column = self._known(self._target)
            step = 10.0 ** -(column.decimals or 0) * _scale(column)
            return SetPoint(self._pascal(await self._poll(), column), step)

    def _reading(self, frame: DataFrame) -> Reading:
        at = self._clock.now()
        if frame.status & {"ADC", "COM"}:
            return bad(Quality.FAULT, at)
        if frame.status & {"POV", "OPL", "P2O"}:
            return bad(Quality.OVER, at)
        return Reading(self._pascal(frame, self._known(self._measured)), at)

    def _pascal(self, frame: DataFrame, column: Column) -> float:
        return number(frame.fields[column.statistic]) * _scale(column)

    def _column(self, statistics: Mapping[int, str] | Sequence[int], what: str) -> Column:
        for statistic in statistics:
            for column in self._columns:
                if column.statistic == statistic and column.decimals is not None:
                    return column
        raise ConfigError(
            f"has no {what}", value=", ".join(column.name for column in self._columns if not column.status),
            remedy="this driver needs a pressure controller",
        )  # fmt: skip

    def _known(self, column: Column | None) -> Column:
        if column is None:
            raise ConfigError("not connected", remedy="connect first: the columns are read then")
        return column

    async def _check_source(self, firmware: str) -> None:
        """From firmware 10v05 on the instrument tells who gives the set-point."""
        version = re.match(r"(\d+)v(\d+)", firmware)
        if not version or (int(version[1]), int(version[2])) < (10, 5):
            return
        if decode_source(await self._line(encode(self._unit, "source"), "source"), self._unit) == "A":
            raise DeviceFault("takes its set-point from the analog input", remedy="select serial at the instrument")

    async def _poll(self) -> DataFrame:
        line = await self._line(encode(self._unit, "poll"), "poll")
        return decode_frame(line, self._unit, self._columns)

    async def _line(self, request: bytes, action: str) -> str:
        reply = await self._link.query(request, until(b"\r"), accept=self._ours, timeout=REPLY_LIMIT, action=action)
        return self._understood(ascii_text(reply).strip())

    def _ours(self, line: bytes) -> bool:
        text = line.strip()
        return text == b"?" or text.split(b" ")[0] == self._unit.encode()

    def _understood(self, text: str) -> str:
        if text.split() in (["?"], [self._unit, "?"]):
            raise DeviceFault("does not understand or refuses", remedy="check model and firmware")
        return text

    async def _table(self, name: str, is_last: Callable[[str], bool]) -> list[str]:
        """All lines of a table: to its last line, or until the instrument falls silent."""
        request, lines = encode(self._unit, name), list[str]()

        async def talk(turn: Conversation) -> bytes:
            await turn.write(request)
            while not lines or not is_last(lines[-1]):
                try:
                    line = await turn.read(until(b"\r"), TABLE_QUIET if lines else REPLY_LIMIT, name)
                except NoReply:
                    if not lines:
                        raise
                    break
                text = ascii_text(line).strip()
                if text or lines:
                    lines.append(self._understood(text))
                if len(lines) > LONGEST_TABLE:
                    turn.spoil()
                    raise BadReply(
                        "streams instead of answering", value=shown(text), remedy="end its streaming mode at the panel"
                    )
            return b""

        await self._link.converse(talk)
        return lines

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            return decode_manufacture(
                await self._table("manufacture", lambda line: not line or bool(re.match(r"[A-Z] +M09", line)))
            )


def _scale(column: Column) -> float:
    """Pa in one of the column's unit."""
    return factor(pressure_unit(column.unit)[0], "Pa")[0]


def _refuse_hold(frame: DataFrame) -> None:
    if "HLD" in frame.status:
        raise DeviceFault("is on hold: nothing controls the pressure", remedy="cancel the hold at the instrument")
