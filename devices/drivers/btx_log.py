"""Run logs of the BTX Gemini X2: `Key: value` lines, parsed by key; unknown lines are ignored.

Source: PyLabRobot pull request 1063. The measured voltage, time constant and load of each pulse are the proof that a
sample was pulsed; "Complete" alone is none. A `/` or `N/A` stands for a value that does not apply.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from devices.readings import PulseLog, PulseProgram
from devices.strict import integer, number, shown
from vesiflow.errors import BadReply

LOG_PATH = r"\\BTXDATA\\\d{4}-\d{2}\\\d{6}\\\d{6}[0-9A-Za-z]{0,2}\.TXT"
NOTHING = ("", "-", "/", "n/a", "na", "none", "inf", "infinite", "off")
WIDTH_KEYS = ("pulse width", "pulse length", "pulse duration")  # unconfirmed
SCALES = {"us": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3, "s": 1.0, "sec": 1.0, "mm": 1e-3, "uf": 1e-6,
          "v": 1.0, "kv": 1e3, "ohm": 1.0, "ohms": 1.0}  # fmt: skip


def decode_log(path: str, lines: Sequence[str]) -> PulseLog:
    """A run log in SI units; BadReply when it names no protocol or no result, or when a number is unreadable."""
    values = fields(lines)
    for needed in ("protocol name", "protocol result"):
        if needed not in values:
            raise BadReply(f"log without {needed}", value=shown(path), remedy="fetch it again when the run has ended")
    status = re.fullmatch(r"0x([0-9A-F]{1,8})\.([0-9A-F]{1,8})\b.*", values.get("status", ("", ""))[0], re.IGNORECASE)
    return PulseLog(
        path=path,
        program=_program(values),
        voltages=_pulses(values, "voltage"),
        time_constants=_pulses(values, "time constant", "us"),
        loads=_pulses(values, "total load"),
        result=values["protocol result"][0],
        status_ok=bool(status) and int(status[1], 16) == int(status[2], 16) == 0 if status else False,
    )


def fields(lines: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Key in lower case without its unit -> (value, unit of the key)."""
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        match = re.fullmatch(r"\s*(.+?)\s*(?:\(([^)]*)\))?\s*", key)
        if colon and match:
            found.setdefault(" ".join(match[1].lower().split()), (value.strip(), (match[2] or "").lower()))
    return found


def _program(values: Mapping[str, tuple[str, str]]) -> PulseProgram:
    shape = values.get("protocol type", ("", ""))[0].lower()
    width = next((_value(values, key, "us") for key in WIDTH_KEYS if key in values), 0.0)
    pulses = values.get("number of pulses", ("0", ""))[0]
    return PulseProgram(
        name=values["protocol name"][0],
        shape="square" if "square" in shape else "exponential" if "exp" in shape else shape,
        voltage=_value(values, "pulse amplitude", "v"),
        pulses=integer(pulses),
        interval=_value(values, "pulse interval", "sec"),
        gap=_value(values, "electrode gap", "mm"),
        width=width,
        capacitance=_value(values, "capacitance", "uf"),
        resistance=_value(values, "resistance", "ohms"),
    )


def _pulses(values: Mapping[str, tuple[str, str]], what: str, unit: str = "") -> tuple[float, ...]:
    out = []
    for k in range(1, 1000):
        if f"pulse {k} {what}" not in values:
            break
        out.append(_value(values, f"pulse {k} {what}", unit))
    return tuple(out)


def _value(values: Mapping[str, tuple[str, str]], key: str, unit: str) -> float:
    """A value in SI: its own unit counts before the key's, the key's before `unit`. 0 where it does not apply."""
    text, key_unit = values.get(key, ("", ""))
    if text.lower() in NOTHING:
        return 0.0
    match = re.fullmatch(r"([-+.\deE]+?)\s*([A-Za-z]*)", text, re.ASCII)
    if not match:
        raise BadReply(f"unreadable {key}", value=shown(text), remedy="fetch the log again")
    scale = SCALES.get(match[2].lower() or key_unit or unit) if (match[2] or key_unit or unit) else 1.0
    if scale is None:
        raise BadReply(f"unknown unit of {key}", value=shown(text), remedy="check the firmware")
    return number(match[1]) * scale
