"""Wire language of the Ismatec Reglo ICC: every command of the manual's tables as bytes, no I/O.

Source: manual 14-036-E Rev C (2015), ch. 14-18. Requests end with CR. A status reply is **one byte without end mark**
(`*` done, `#` refused, `+`/`-` by context), data replies end with CR LF, events start with `^` and come unasked.
Volumes are mL, flows mL/min, times s, speeds rpm, tubing mm. Factory reset (`0`) and discarding the calibration
(`000000`) are left out on purpose. Unconfirmed: the text of `?` and `!`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from devices.strict import ascii_text, finite, number, shown
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded

TUBING = (
    0.13, 0.19, 0.25, 0.38, 0.44, 0.51, 0.57, 0.64, 0.76, 0.89, 0.95, 1.02, 1.09, 1.14, 1.22, 1.30, 1.42, 1.52, 1.65,
    1.75, 1.85, 2.06, 2.29, 2.54, 2.79, 3.17,
)  # fmt: skip
"""Inner diameters (mm) the pump knows; any other is refused or discards the calibration."""

MODES = {
    "rpm": "L", "flow": "M", "volume at rate": "O", "volume over time": "G", "volume and pause": "Q", "time": "N",
    "time and pause": "P",
}  # fmt: skip
ACTIONS = {
    "start": "H", "stop": "I", "pause": "xI", "clockwise": "J", "counter-clockwise": "K", "panel on": "A",
    "panel off": "B", "start calibration": "xY", "cancel calibration": "xZ", "save": "*", **MODES,
}  # fmt: skip
READS = {
    "channel addressing": ("~", "integer"), "events": ("xE", "integer"), "protocol": ("x!", "integer"),
    "run state": ("E", "state"), "direction": ("xD", "direction"), "failure": ("xe", "cause"), "mode": ("xM", "mode"),
    "rate source": ("xf", "integer"), "speed": ("S", "number"), "flow": ("f", "volume"), "volume": ("v", "volume"),
    "run time": ("xT", "time"), "pause time": ("xP", "time"), "cycles": ('"', "integer"),
    "max flow by default": ("?", "flow text"), "max flow": ("!", "flow text"), "tubing": ("+", "mm"),
    "back-steps": ("%", "integer"), "calibration direction": ("xR", "direction"),
    "calibration target": ("xU", "volume"), "calibration measured": ("xV", "volume"),
    "calibration time": ("xW", "time"), "time since calibration": ("xX", "time"), "version": ("#", "text"),
    "firmware": ("(", "text"), "serial number": ("xS", "text"), "channels": ("xA", "integer"),
    "rollers": ("xB", "integer"), "head code": (")", "text"), "total": (":", "amount"),
    "revolutions": ("xC", "counter"), "volume since reset": ("xG", "amount"), "foot switch": ("C", "state"),
}  # fmt: skip
SETS = {
    "channel addressing": ("~", "bool"), "events": ("xE", "bool"), "rate source": ("xf", "bool"),
    "speed": ("S", "rpm"), "flow": ("f", "volume"), "volume": ("v", "volume"), "run time": ("xT", "time"),
    "pause time": ("xP", "time"), "cycles": ('"', "count"), "tubing": ("+", "tubing"), "back-steps": ("%", "count"),
    "calibration direction": ("xR", "direction"), "calibration target": ("xU", "volume"),
    "calibration measured": ("xV", "volume"), "calibration time": ("xW", "time"),
}  # fmt: skip
CAUSES = {
    "C": "the cycle count is 0",
    "R": "the flow is 0 or above the maximum",
    "V": "the volume is above the maximum",
}
STOP_CAUSES = {
    "A": "complete", "B": "calibration complete", "1": "stop key", "2": "over-temperature", "3": "over-current",
}  # fmt: skip
PUMP_STATES = {"A": "pumping", "B": "paused", "C": "stopped", "D": "calibrating", "E": "awaiting measured value"}

_SHAPES = {
    "status": r"[*-]", "state": r"[+-]",
    "integer": r"\d{1,5}", "counter": r"\d{1,10}", "number": r"\d{1,4}(?:\.\d{1,2})?", "time": r"\d{1,8}",
    "volume": r"\d{4}E[+-]\d",
    "direction": "[JK]", "mode": f"[{''.join(MODES.values())}]", "cause": r"[CRV](?: +\d{4}E[+-]\d)?",
    "mm": r"\d{1,2}\.\d{2}(?: ?mm)?", "amount": r"\d+(?:\.\d+)?(?: ?[um]?[lL])?", "text": r"[ -~]*[0-9A-Za-z][ -~]*",
    "flow text": r"\d+(?:\.\d+)?(?: ?m[lL]/min)?|\d{4}E[+-]\d",
}  # fmt: skip
_LITRES = {"ul": 1e-3, "ml": 1.0, "l": 1e3}


@dataclass(frozen=True, slots=True)
class Event:
    """An unsolicited message: pumping ended (`cause`) or a state report (`state` with what is left and done)."""

    channel: int
    cause: str = ""
    state: str = ""
    seconds_left: float = 0.0
    volume_done: float = 0.0  # mL
    cycles_left: int = 0


def encode(address: int, code: str, *arguments: str) -> bytes:
    """`<address><code>[p1[|p2]]`; 0 addresses the pump, 1-4 a channel."""
    if address not in range(9):
        raise ConfigError("no such channel", value=address, bounds="0..8", remedy="mend the line file")
    return f"{address}{code}{'|'.join(arguments)}\r".encode("ascii")


def encode_read(address: int, name: str) -> bytes:
    """The request for `name`, a key of READS."""
    return encode(address, READS[name][0])


def encode_action(address: int, name: str) -> bytes:
    """The request for `name`, a key of ACTIONS (a mode's name selects the mode)."""
    return encode(address, ACTIONS[name])


def encode_set(address: int, name: str, value: float | str) -> bytes:
    """Set `name`, a key of SETS: mL, mL/min, s, rpm, mm, counts, 0/1, or "J"/"K" for a direction."""
    code, kind = SETS[name]
    return encode(address, code, _ARGUMENTS[kind](value))


def encode_address(pump: int) -> bytes:
    """`@2`: the pump that hears it is pump 1-8 from now on; for the bench, with one pump on the line."""
    if pump not in range(1, 9):
        raise ConfigError("no such pump address", value=pump, bounds="1..8", remedy="choose another")
    return f"@{pump}\r".encode("ascii")


def encode_predict(address: int, volume: float, *, flow: float | None = None, rpm: float | None = None) -> bytes:
    """Ask how long `volume` (mL) takes at a flow (mL/min) or a speed (rpm); the answer is a time."""
    if (flow is None) == (rpm is None):
        raise ConfigError("give either a flow or a speed", remedy="give one of them")
    if flow is not None:
        return encode(address, "xv", volume2(volume), volume2(flow))
    return encode(address, "xw", volume2(volume), _rpm(rpm or 0.0))


def volume2(value: float | str) -> str:
    """Volume Type 2, `mmmmse`: 2.75 mL/min is `2750+0`."""
    value = finite(float(value), 0.0, 9.999e9, unit="mL", what="volume or flow")
    if value == 0.0:
        return "0000+0"
    exponent = math.floor(math.log10(value))
    mantissa = round(value / 10.0**exponent * 1000)
    if mantissa > 9999:
        mantissa, exponent = 1000, exponent + 1
    if not -9 <= exponent <= 9:
        raise LimitExceeded("volume or flow cannot be written", value=value, bounds="1e-9..9.999e9 mL")
    return f"{mantissa:04d}{exponent:+d}"


def time2(seconds: float | str) -> str:
    """Time Type 2: tenths of a second in 8 digits, at most 999 h."""
    return f"{round(finite(float(seconds), 0.0, 3596400.0, unit='s', what='time') * 10):08d}"


def _rpm(value: float | str) -> str:
    return f"{round(finite(float(value), 0.0, 9999.99, unit='rpm', what='speed') * 100):06d}"


def _count(value: float | str) -> str:
    return f"{int(finite(float(value), 0, 9999, what='count')):04d}"


def _bool(value: float | str) -> str:
    return str(int(finite(float(value), 0, 1, what="switch")))


def _tubing(value: float | str) -> str:
    if not any(abs(float(value) - known) < 0.004 for known in TUBING):
        raise LimitExceeded("the pump knows no such tubing", value=f"{value} mm", bounds=", ".join(map(str, TUBING)))
    return f"{round(float(value) * 100):04d}"


def _direction(value: float | str) -> str:
    if value not in ("J", "K"):
        raise ConfigError("not a direction", value=value, bounds="J (clockwise), K (counter-clockwise)")
    return str(value)


_ARGUMENTS = {
    "bool": _bool, "rpm": _rpm, "volume": volume2, "time": time2, "count": _count, "tubing": _tubing,
    "direction": _direction,
}  # fmt: skip


def frame(data: bytes) -> int | None:
    """One status byte, or one line (data or event); line ends left over before it belong to it."""
    start = len(data) - len(data.lstrip(b"\r\n"))
    if data[start : start + 1] in (b"*", b"#", b"+", b"-"):
        return start + 1
    at = data.find(b"\n", start)
    return None if at < 0 or start == len(data) else at + 1


def fits(kind: str, reply: bytes) -> bool:
    """Whether `reply` can be an answer of this kind; `#` answers everything."""
    text = reply.decode("latin-1").strip()
    return text == "#" or bool(re.fullmatch(_SHAPES[kind], text, re.ASCII))


def decode(name: str, reply: bytes) -> float | int | str | bool:
    """The value of `name`, a key of READS: mL, mL/min, s, rpm, mm, counts, letters or text."""
    kind = READS[name][1]
    text = ascii_text(reply).strip()
    if text == "#":
        raise DeviceFault("refuses the command", action=name, remedy="check channel and mode")
    if not fits(kind, reply):
        raise BadReply(f"not a {kind}", action=name, value=shown(text), remedy="check driver and settings")
    return _decoded(kind, text)


def _decoded(kind: str, text: str) -> float | int | str | bool:
    if kind == "state":
        return text == "+"
    if kind in ("integer", "counter"):
        return int(text)
    if kind == "volume" or (kind == "flow text" and "E" in text):
        return decode_volume(text)
    if kind == "time":
        return int(text) / 10.0
    if kind == "amount":
        return _millilitres(text)
    if kind in ("number", "mm", "flow text"):
        return number(re.split(r"[ m]", text)[0])
    return text


def decode_volume(text: str) -> float:
    """Volume Type 1, `mmmmEse`: `3250E+1` is 32.5."""
    if not re.fullmatch(_SHAPES["volume"], text, re.ASCII):
        raise BadReply("not a volume", value=shown(text), remedy="check driver and settings")
    return number(text) / 1000.0


def _millilitres(text: str) -> float:
    match = re.fullmatch(r"([\d.]+) ?(\D*)", text)
    if not match or (match[2] or "ml").lower() not in _LITRES:
        raise BadReply("not a volume with a unit", value=shown(text), remedy="check the driver")
    return number(match[1]) * _LITRES[(match[2] or "ml").lower()]


def decode_event(reply: bytes) -> Event:
    """`^X<channel>|<cause>` or `^U<channel>|<state>|<s left>|<uL done>|<cycles left>`."""
    text = ascii_text(reply).strip()
    ended = re.fullmatch(r"\^X([1-4])\|([AB123])", text)
    if ended:
        return Event(int(ended[1]), cause=STOP_CAUSES[ended[2]])
    report = re.fullmatch(r"\^U([1-4])\|([A-E])\|(\d{10})\|(\d{10})\|(\d{4})", text, re.ASCII)
    if not report:
        raise BadReply("not an event", value=shown(text), remedy="check driver and settings")
    left, done = int(report[3]), int(report[4]) / 1000.0
    return Event(int(report[1]), "", PUMP_STATES[report[2]], float(left), done, int(report[5]))
