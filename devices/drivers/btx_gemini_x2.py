"""BTX Gemini X2: electroporation programs up, logs down. Nothing in here fires.

Source: the file-transfer shell as documented by PyLabRobot pull request 1063 (the only public description). Text and
CR LF; a reply ends with the prompt `:` at the start of a line; `sd..` replies echo the command first. A program is 104
bytes, sent as upper-case hex. There is no remote start: a person presses GO, and the instrument's log is the proof.
Unconfirmed: line ends, length of names on the display, result words other than "Complete", status codes, the width's
key in logs, and steps of capacitance and resistance.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from pydantic import BaseModel

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.drivers.btx_log import LOG_PATH, decode_log
from devices.link import Link
from devices.readings import Identity, PulseLog, PulseProgram
from devices.registry import NoOptions
from devices.strict import about, ascii_text, check_role, finite, parses, shown, wire_text
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded

T = TypeVar("T")

LAYOUT = struct.Struct("<I28sIIIIIIIIIIf28x")  # 104 bytes
SHAPES = ("exponential", "square")  # type 0 and 1
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
NAME_LIMIT = 27  # 28 bytes with a closing zero
LOG_ROOT = r"\BTXDATA"
REPLY_LIMIT, LOG_LIMIT = 5.0, 30.0  # s
ERRORS = ("command error:", "error:", "argument error", "delete failed", "get method failed")
LOW_VOLTAGE = 500  # V, the highest of the low range (step 1); the high range is 505-3000 V, step 5


def encode_command(text: str) -> bytes:
    """One line of the shell; the callers have checked every name and path in it."""
    return f"{wire_text(text, what='command', pattern=r'[ -~]+', limit=240)}\r\n".encode("ascii")


def encode_name(verb: str, name: str) -> bytes:
    """`sendmtd "NAME"` or `delm "NAME"`."""
    return encode_command(f'{verb} "{wire_text(name, what="program name", pattern=NAME, limit=NAME_LIMIT)}"')


def encode_path(verb: str, path: str) -> bytes:
    """`sddir <folder>` or `sdsend <file>`, below the log folder only."""
    pattern = r"\\BTXDATA(\\\d{4}-\d{2}(\\\d{6})?)?" if verb == "sddir" else LOG_PATH
    return encode_command(f"{verb} {wire_text(path, what='path', pattern=pattern, limit=60)}")


def prompt(data: bytes) -> int | None:
    """Framer: up to the prompt `:` at the start of a line."""
    found = re.search(rb"(?:^|[\r\n]):", data)
    return found.end() if found else None


def decode_reply(reply: bytes, echo: str = "") -> list[str]:
    """The lines before the prompt, without blank ones and the echo; DeviceFault for an error line."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", ascii_text(reply)[:-1]) if line.strip()]
    for line in lines:
        if line.lower().startswith(ERRORS):
            raise DeviceFault(f"answers {shown(line)}", remedy="check the program and the instrument's display")
    if echo:
        if not lines or lines[0] != echo:
            raise BadReply("no echo of the command", value=shown(lines[0] if lines else ""), bounds=echo)
        del lines[0]
    return lines


def check_program(program: PulseProgram) -> None:
    """LimitExceeded or ConfigError for a program that the instrument's ranges forbid."""
    wire_text(program.name, what="program name", pattern=NAME, limit=NAME_LIMIT)
    if program.shape not in SHAPES:
        raise ConfigError("unknown pulse shape", value=program.shape, bounds=", ".join(SHAPES), remedy="choose one")
    low = program.voltage <= LOW_VOLTAGE
    _whole(program.voltage, 1.0, 5, 3000, "V", "voltage", step=1 if low else 5)
    _whole(program.pulses, 1.0, 1, 10 if low else 3, "", "number of pulses")
    finite(program.gap, 1e-4, 1e-2, unit="m", what="electrode gap")
    if program.pulses > 1 or program.interval:
        _whole(program.interval, 1e3, 100, 10_000, "ms", "interval")
    if program.shape == "square":
        _check_square(program, low)
    else:
        _check_exponential(program)


def _check_square(program: PulseProgram, low: bool) -> None:
    if program.capacitance or program.resistance:
        raise ConfigError("a square pulse has no capacitance or resistance", remedy="leave them out")
    width = _whole(program.width, 1e6, 10, 999_000 if low else 600, "us", "pulse width")
    if width > 999 and width % 1000:
        raise LimitExceeded(
            "pulse width has no such step", value=f"{width} us", bounds="10-999 us or 1-999 ms", remedy="whole ms"
        )


def _check_exponential(program: PulseProgram) -> None:
    if program.width:
        raise ConfigError("an exponential pulse has no width", remedy="leave it out")
    if program.pulses != 1:
        raise LimitExceeded("exponential pulses go one by one", value=program.pulses, bounds="1", remedy="use 1 pulse")
    _whole(program.capacitance, 1e6, 1, 10_000, "uF", "capacitance")
    _whole(program.resistance, 1.0, 0, 10_000, "ohm", "resistance")


def _whole(value: float, factor: float, low: int, high: int, unit: str, what: str, step: int = 1) -> int:
    number = finite(value, what=what) * factor
    finite(round(number, 6), low, high, unit=unit, what=what)
    if abs(number - round(number)) > 1e-6 * max(1.0, abs(number)) or round(number) % step:
        raise LimitExceeded(
            f"{what} has no such step", value=f"{number:g} {unit}", bounds=f"step {step} {unit}", remedy="round it"
        )
    return round(number)


def encode_program(program: PulseProgram) -> bytes:
    """The 104 bytes of a checked program."""
    check_program(program)
    return LAYOUT.pack(
        1,
        program.name.encode("ascii"),
        SHAPES.index(program.shape),
        0,
        round(program.voltage),
        0,
        round(program.width * 1e6),
        0,
        round(program.resistance),
        round(program.capacitance * 1e6),
        program.pulses,
        round(program.interval * 1e3),
        program.gap * 1e3,
    )


def decode_program(payload: bytes) -> PulseProgram:
    """A program from its 104 bytes; BadReply when they are no program."""
    if len(payload) != LAYOUT.size:
        raise BadReply("not a program", value=f"{len(payload)} bytes", bounds=f"{LAYOUT.size}", remedy="read again")
    version, name, shape, _, volts, _, width, _, ohms, farads, pulses, interval, gap = LAYOUT.unpack(payload)
    text = name.rstrip(b"\0")
    if version != 1 or shape >= len(SHAPES) or not math.isfinite(gap) or not re.fullmatch(rb"[ -~]+", text):
        raise BadReply("not a program of version 1", value=shown(repr(payload[:36])), remedy="check the firmware")
    return PulseProgram(
        name=text.decode("ascii"),
        shape=SHAPES[shape],
        voltage=float(volts),
        pulses=pulses,
        interval=interval / 1e3,
        gap=round(gap, 6) / 1e3,
        width=width / 1e6,
        capacitance=farads / 1e6,
        resistance=float(ohms),
    )


def decode_payload(lines: Sequence[str]) -> bytes:
    """The bytes of a read-back: `meth <hex>`, `mend`."""
    match = re.fullmatch(r"meth\s+([0-9A-Fa-f]{208})", lines[0]) if lines else None
    if len(lines) != 2 or not match or lines[1] != "mend":
        raise BadReply("not a program listing", value=shown(" ".join(lines)), remedy="read again")
    return bytes.fromhex(match[1])


def decode_catalogue(lines: Sequence[str]) -> list[str]:
    """Program names of `cat "*.BTX"`: two header lines, rows, a summary whose count must be right."""
    match = re.fullmatch(r"(\d+) file\(s\) using (\d+) steps?", lines[-1]) if lines else None
    if not match:
        raise BadReply("not a program list", value=shown(" ".join(lines)), remedy="read again")
    rows = [re.fullmatch(r"(\S.*?)\s+(\d+)", line) for line in lines[2:-1]]
    if len(rows) != int(match[1]) or not all(rows):
        raise BadReply("program list is incomplete", value=len(rows), bounds=match[1], remedy="read again")
    return [row[1] for row in rows if row]


def decode_version(lines: Sequence[str]) -> Identity:
    """`BTX Gemini 4.0.4` and `Serial number: 1135421`."""
    head = re.fullmatch(r"(?:BTX\s+)?(Gemini.*?)\s+(\d[\w.]*)", lines[0]) if lines else None
    serial = next((line for line in lines if line.lower().startswith("serial number:")), "")
    if not head or not serial:
        raise BadReply("not a Gemini", value=shown(" ".join(lines)), remedy="check what is plugged in")
    return Identity("BTX", head[1], serial.partition(":")[2].strip(), head[2])


class BtxGeminiX2:
    """One electroporator. Upload and reads may be repeated; a pulse is never started from here."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = NoOptions
    provides: ClassVar[tuple[str, ...]] = ("electroporator",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("BTX", "Gemini X2", "PyLabRobot pull request 1063")

    def __init__(self, link: Link, clock: Clock, options: BaseModel | None = None) -> None:
        self._link = link
        self._clock = clock
        self._uploaded: str | None = None

    async def connect(self) -> Identity:
        """Ask who is there."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> BtxGeminiX2:
        """The electroporator itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(
        Kind.SETPOINT,
        evidence="read_uploaded",
        judge=reads_back(lambda post, program: post is not None and encode_program(post) == encode_program(program)),
    )
    async def upload(self, program: PulseProgram) -> None:
        """Store `program`, replacing one of the same name; returns when all 104 bytes were read back equal."""
        with about(self._link.name, f"upload {shown(program.name)}"):
            payload = encode_program(program)
            await self._ready()
            self._uploaded = program.name
            if program.name in await self._catalogue():
                if await self._payload(program.name) == payload:
                    return
                await self._do(encode_name("delm", program.name), "delete")
            await self._do(encode_command(f"meth {payload.hex().upper()}"), "upload")
            await self._do(encode_command("mend"), "upload")
            if (found := await self._payload(program.name)) != payload:
                raise DeviceFault("program differs after upload", value=found.hex(), remedy="check the display")

    @read
    async def read_program(self, name: str) -> PulseProgram:
        """The stored program `name`."""
        with about(self._link.name, f"read program {shown(name)}"):
            return decode_program(await self._payload(name))

    @read
    async def read_uploaded(self) -> PulseProgram | None:
        """The program uploaded last, as the instrument holds it now; None when it holds none of that name."""
        with about(self._link.name, "read uploaded program"):
            if self._uploaded is None or self._uploaded not in await self._catalogue():
                return None
            return decode_program(await self._payload(self._uploaded))

    @read
    async def read_program_names(self) -> Sequence[str]:
        """Names of all stored programs; the list is shared with people at the panel."""
        with about(self._link.name, "list programs"):
            return await self._catalogue()

    @read
    async def read_log_names(self) -> Sequence[str]:
        r"""Paths of all run logs, oldest first: `\BTXDATA\YYYY-MM\YYMMDD\HHMMSS[PP].TXT`."""
        with about(self._link.name, "list logs"):
            months = await self._folder(LOG_ROOT, r"\d{4}-\d{2}")
            days = [day for month in months for day in await self._folder(month, r"\d{6}")]
            return [log for day in days for log in await self._folder(day, r"\d{6}[0-9A-Za-z]{0,2}\.TXT")]

    @read
    async def read_log(self, path: str) -> PulseLog:
        """What the instrument measured in one run."""
        with about(self._link.name, f"read log {shown(path)}"):
            request = encode_path("sdsend", path)
            lines = await self._ask(request, lambda r: decode_reply(r, f"sdsend {path}"), "read log", LOG_LIMIT)
            return decode_log(path, lines)

    @read
    async def read_time(self) -> str:
        """The instrument's clock as it prints it; it may be wrong, logs are matched by path and name."""
        with about(self._link.name, "read time"):
            return " ".join(await self._ask(encode_command("time"), decode_reply, "time"))

    async def _ready(self) -> None:
        lines = await self._ask(encode_command("isprog"), decode_reply, "isprog")
        if lines != ["Y"]:
            raise DeviceFault("program store is not ready", value=shown(" ".join(lines)), remedy="leave the run screen")

    async def _catalogue(self) -> list[str]:
        return await self._ask(encode_command('cat "*.BTX"'), lambda r: decode_catalogue(decode_reply(r)), "cat")

    async def _payload(self, name: str) -> bytes:
        payload = await self._ask(
            encode_name("sendmtd", name), lambda r: decode_payload(decode_reply(r)), "read program"
        )
        if (found := decode_program(payload).name) != name:
            raise BadReply("another program came back", value=shown(found), bounds=name, remedy="read again")
        return payload

    async def _folder(self, path: str, pattern: str) -> list[str]:
        lines = await self._ask(encode_path("sddir", path), lambda r: decode_reply(r, f"sddir {path}"), "sddir")
        return [rf"{path}\{line}" for line in sorted(lines) if re.fullmatch(pattern, line, re.ASCII)]

    async def _do(self, request: bytes, action: str) -> None:
        lines = await self._ask(request, decode_reply, action)
        if lines:
            raise BadReply("unexpected answer", action=action, value=shown(" ".join(lines)), remedy="read back")

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            return await self._ask(encode_command("version"), lambda r: decode_version(decode_reply(r)), "version")

    async def _ask(self, request: bytes, decode: Callable[[bytes], T], action: str, timeout: float = REPLY_LIMIT) -> T:
        """One command of the shell. An error line is an answer; a reply that does not decode is foreign."""

        def known(reply: bytes) -> object:
            try:
                return decode(reply)
            except DeviceFault:
                return None

        return decode(await self._link.query(request, prompt, accept=parses(known), timeout=timeout, action=action))
