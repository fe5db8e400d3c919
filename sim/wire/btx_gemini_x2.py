"""BTX Gemini X2 electroporator: its USB file-transfer shell (the only public driver and its recorded replies).

Text + CR LF -> lines, then the prompt `:`. There is no remote fire: a person presses GO (`press_go`), and when the
pulse train is over a log appears under `\\BTXDATA`. Programs and logs survive a power cycle; a train does not.
UNCONFIRMED and chosen here: LF line ends; uploading a name that exists is an error; what follows the published
first words of error lines; the result and status of an incomplete train.
"""

from __future__ import annotations

import fnmatch
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sim.wire.emulator import Now, Outbox, WireSettings
from sim.wire.framing import Lines, text

_METHOD = struct.Struct("<I28sIIIIIIIIIIf28x")
_PROMPT = b":"


@dataclass(frozen=True, slots=True)
class PulseSettings:
    """A program as GO runs it: V, s, F, ohm (0 none), m. `width` for square, `capacitance` for exponential."""

    name: str
    shape: str  # "exponential" | "square"
    voltage: float
    pulses: int
    interval: float
    gap: float
    width: float = 0.0
    capacitance: float = 0.0
    resistance: float = 0.0


Measured = tuple[float, float, float]
"""Volt, time constant in s, total load in ohm of one pulse."""
Fire = Callable[[PulseSettings], Sequence[Measured]]


def decode(payload: bytes) -> PulseSettings:
    """The 104-byte method block; ValueError("...") names what lies outside the instrument's limits."""
    version, name, square, _, volts, _, width, _, ohms, farads, pulses, interval, gap = _METHOD.unpack(payload)
    program = PulseSettings(
        name=name.split(b"\0")[0].decode("ascii"),
        shape="square" if square else "exponential",
        voltage=float(volts),
        pulses=pulses,
        interval=interval / 1000,
        gap=gap / 1000,
        width=width / 1e6,
        capacitance=farads / 1e6,
        resistance=float(ohms),
    )
    if version != 1 or square > 1 or not program.name or not math.isfinite(gap):
        raise ValueError("method")
    _check(program, volts, width)
    return program


def _check(program: PulseSettings, volts: int, width: int) -> None:
    low_voltage = volts <= 500
    if not (5 <= volts <= 500 or (505 <= volts <= 3000 and volts % 5 == 0)):
        raise ValueError("voltage")
    if not 1 <= program.pulses <= (10 if low_voltage else 3):
        raise ValueError("pulses")
    if program.pulses > 1 and not 0.1 <= program.interval <= 10:
        raise ValueError("interval")
    if program.shape == "exponential":
        return
    long_low = low_voltage and 1000 <= width <= 999_000 and width % 1000 == 0
    if not (10 <= width <= (999 if low_voltage else 600) or long_low):
        raise ValueError("pulse length")


class BtxGeminiX2:
    """`fire` runs a program in the plant and returns what was measured, pulse by pulse."""

    LATENCY = 0.05  # s
    CHARGE = 3.0  # s before the first pulse
    LOG = 1.0  # s from the last pulse to the log

    settings = WireSettings(baudrate=None)

    def __init__(
        self, now: Now, fire: Fire, utc: Callable[[], datetime], *, serial_number: str = "1135421", columns: int = 1
    ) -> None:
        self._now = now
        self._fire = fire
        self._utc = utc
        self._serial_number = serial_number
        self._columns = columns
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r\n")
        self._programs: dict[str, bytes] = {}
        self._upload: bytes | None = None
        self._pending: list[tuple[float, str, str]] = []  # when the log appears, path, content
        self._files: dict[str, str] = {}
        self.card_full = False
        self.withheld = 0  # pulses that a defect leaves out of every train
        self.lid_open = False  # the interlock lets nothing through
        self._sent = 0
        self._heard = 0
        self._commands: dict[str, Callable[[str], str]] = {
            "isprog": lambda a: "Y",
            "cat": self._catalogue,
            "meth": self._begin_upload,
            "mend": self._end_upload,
            "sendmtd": self._download,
            "delm": self._delete,
            "sddir": self._directory,
            "sdsend": self._file,
            "version": lambda a: f"BTX Gemini 4.0.4\nSerial number: {self._serial_number}",
            "sn": lambda a: self._serial_number,
            "time": lambda a: _stamp(self._utc()),
            "status": lambda a: f"\nSuccessful Tx: {self._sent}\nSuccessful Rx: {self._heard}\nFailed: 0\nRetries: 0",
        }

    # -- wire

    def receive(self, data: bytes) -> None:
        self.scan()
        for line in self._lines.feed(data):
            self._heard += 1
            answer = self._obey(text(line))
            self._sent += 1
            self._out.put((answer.encode("latin-1") + b"\n" if answer else b"") + _PROMPT)

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def scan(self) -> None:
        """File the logs of trains that are over."""
        while self._pending and self._pending[0][0] <= self._now() + 1e-9:
            _, path, content = self._pending.pop(0)
            self._files[path] = content

    def power_cycle(self) -> None:
        """Programs and logs are on the card; a train under way leaves no log."""
        self.scan()
        self._out.clear()
        self._lines.clear()
        self._upload = None
        self._pending.clear()

    # -- the front panel

    def press_go(self, name: str) -> float:
        """GO on the program `name`: pulses, returns the seconds until its log is there. KeyError: no such program."""
        self.scan()
        program = decode(self._programs[name])
        pulses = 0 if self.lid_open else max(program.pulses - self.withheld, 0)
        measured = list(self._fire(replace(program, pulses=pulses))) if pulses else []
        train = self.CHARGE + max(program.pulses - 1, 0) * program.interval
        begin = max(self._now(), self._pending[-1][0]) if self._pending else self._now()
        finished = begin + train + self.LOG
        if not self.card_full:
            self._pending.append((finished, self._new_path(), self._log(program, measured)))
        return finished - self._now()

    def _new_path(self) -> str:
        date = self._utc()
        folder = rf"\BTXDATA\{date:%Y-%m}\{date:%y%m%d}"
        taken = {*self._files, *(path for _, path, _ in self._pending)}
        second = int(f"{date:%H%M%S}")
        while (path := rf"{folder}\{second:06d}.TXT") in taken:
            second += 1
        return path

    # -- commands

    def _obey(self, line: str) -> str:
        name, _, argument = line.partition(" ")
        command = self._commands.get(name)
        return command(argument) if command else f"command error: {name}"

    def _catalogue(self, argument: str) -> str:
        pattern = _quoted(argument)
        if pattern is None:
            return "argument error"
        names = sorted(name for name in self._programs if fnmatch.fnmatchcase(f"{name}.BTX", pattern))
        rows = ["Method name      Size", "---------------  ----", *(f"{name:<16} 1" for name in names)]
        return "\n".join([*rows, "", f"{len(names)} file(s) using {len(names)} steps"])

    def _begin_upload(self, argument: str) -> str:
        self._upload = None
        if len(argument) != 2 * _METHOD.size or any(c not in "0123456789ABCDEF" for c in argument):
            return "argument error"
        self._upload = bytes.fromhex(argument)
        return ""

    def _end_upload(self, argument: str) -> str:
        payload, self._upload = self._upload, None
        if argument or payload is None:
            return "argument error"
        try:
            program = decode(payload)
        except (ValueError, UnicodeDecodeError) as error:
            return f"Error: {error}"
        if program.name in self._programs:
            return f"Error: method {program.name} exists"
        self._programs[program.name] = payload
        return ""

    def _download(self, argument: str) -> str:
        name = _quoted(argument)
        if name is None or name not in self._programs:
            return "get method failed"
        return f"meth {self._programs[name].hex().upper()}\nmend"

    def _delete(self, argument: str) -> str:
        name = _quoted(argument)
        if name is None or name not in self._programs:
            return "delete failed"
        del self._programs[name]
        return ""

    def _directory(self, argument: str) -> str:
        folder = argument.upper().rstrip("\\") + "\\"
        entries = sorted({path[len(folder) :].split("\\")[0] for path in self._files if path.startswith(folder)})
        if not entries and folder != "\\BTXDATA\\":
            return f"sddir {argument}\nError: no such directory"
        return "\n".join([f"sddir {argument}", *entries])

    def _file(self, argument: str) -> str:
        content = self._files.get(argument.upper())
        return f"sdsend {argument}\n" + ("Error: no such file" if content is None else content)

    def _log(self, program: PulseSettings, measured: Sequence[Measured]) -> str:
        complete = len(measured) == program.pulses
        load = measured[0][2] if measured else 0.0
        rows = [
            f"Date/Time: {_stamp(self._utc())}",
            "Model: BTX Gemini",
            "Mode: Electroporation",
            f"Serial Number: {self._serial_number}",
            "GUI Software Version: 4.0.4",
            "DC Pulse Generator Firmware Version: 4.0.4",
            "Auto-PrePulse: On",
            f"Protocol Name: {program.name}",
            f"Protocol Type: {'Square' if program.shape == 'square' else 'Exponential'}",
            f"Pulse Amplitude: {program.voltage:.0f} V",
            f"Number of Pulses: {program.pulses}",
            f"Pulse Interval: {program.interval:g} sec",
            f"Electrode Gap: {program.gap * 1000:.1f} mm",
            f"Plate Columns: {self._columns}",
        ]
        if program.shape == "square":
            rows.append(f"Pulse Duration: {program.width * 1e6:.0f} us")
        else:
            rows += [f"Resistance: {program.resistance:.0f} ohms", f"Capacitance: {program.capacitance * 1e6:.0f} uF"]
        rows += [f"PrePulse External Load: {load:.0f} ohms", "Droop: 0.0%"]
        for number, (volts, tau, ohms) in enumerate(measured, start=1):
            rows += [
                f"Pulse {number} Voltage: {volts:.2f} V",
                f"Pulse {number} Time Constant: {tau * 1e6:.0f} us",
                f"Pulse {number} Total Load: {ohms:.0f} ohms",
            ]
        status = "0x00000000.00000000 - No error." if complete else "0x00000010.00000000 - Pulse aborted."
        return "\n".join([*rows, f"Protocol Result: {'Complete' if complete else 'Aborted'}", f"Status: {status}"])


def _quoted(argument: str) -> str | None:
    inside = argument[1:-1]
    return inside if argument == f'"{inside}"' and inside and '"' not in inside else None


def _stamp(date: datetime) -> str:
    return f"{date:%m/%d/%Y} {date.hour % 12 or 12}:{date:%M:%S %p}"
