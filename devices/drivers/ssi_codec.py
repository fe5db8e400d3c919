"""Wire language of Teledyne SSI / LabAlliance HPLC pumps: every command of the manual's table as bytes, no I/O.

Source: SSI 90-2581 Rev B, appendix A (Series I-IV); for MX also pct-code/py-hplc 1.0.4. Two letters, fixed digits, CR;
replies end with `/`. Flows are mL/min, pressures in the pump's own unit, limits in psi, run states in SI.
Unconfirmed: digits of the limits on MX pumps that are set to bar or MPa.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from devices.readings import Identity
from devices.strict import ascii_text, finite, number, shown
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded

PSI = 6894.757293168  # Pa
PRESSURE_UNITS = {"PSI": PSI, "ATM": 101325.0, "MPA": 1e6, "BAR": 1e5, "KGC": 98066.5}  # Pa
LIMIT_SPAN = 100  # psi between lower and upper limit
ACTIONS = {
    "run": "RU", "stop": "ST", "force fault": "SF", "keypad off": "KD", "keypad on": "KE",
    "clear faults": "CF", "zero strokes": "ZS", "factory reset": "RE",
}  # fmt: skip
READS = {  # command and number of fields behind OK
    "pressure": ("PR", 1), "pressure and flow": ("CC", 2), "status": ("CS", 7), "faults": ("RF", 3),
    "identification": ("ID", 1), "compensation": ("RC", 1), "information": ("PI", 17), "maximum flow": ("MF", 1),
    "maximum pressure": ("MP", 1), "upper limit": ("UP", 1), "lower limit": ("LP", 1),
    "flow compensation": ("UC", 1), "strokes": ("GS", 1), "leak": ("LS", 1), "pressure unit": ("PU", 1),
    "solvent": ("RS", 1),
}  # fmt: skip
_HEADS = {  # decimals of the flow in CS: (command, digits, highest number), small flows first
    1: (("FL", 3, 399), ("FO", 4, 400)),
    2: (("FL", 3, 999), ("FO", 4, 1000)),
    3: (("FM", 4, 9999),),
}
_FLOW = re.compile(r"\d{1,3}\.(\d{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class PumpReport:
    """`CS`: flow (mL/min) and its decimals, limits and their unit, head, run flag."""

    flow: float
    decimals: int
    upper: float
    lower: float
    unit: str
    head: str
    running: bool


@dataclass(frozen=True, slots=True)
class Faults:
    """`RF`: why the pump stopped."""

    stall: bool
    upper: bool
    lower: bool

    @property
    def text(self) -> str:
        """The faults in words, empty when there is none."""
        found = (
            ("motor stall", self.stall),
            ("upper pressure limit", self.upper),
            ("lower pressure limit", self.lower),
        )
        return ", ".join(name for name, is_set in found if is_set)


@dataclass(frozen=True, slots=True)
class RunState:
    """Flow (m^3/s, 0 when a flow of zero was asked for), the step of its last digit, whether the pump runs."""

    flow: float
    step: float
    running: bool

    def is_at(self, flow: float) -> bool:
        """Whether this is `flow` as far as the head's digits go."""
        if flow < 0.5 * self.step:
            return not self.running
        return abs(self.flow - flow) <= 0.501 * self.step


@dataclass(frozen=True, slots=True)
class PressureLimits:
    """Trip limits (Pa)."""

    lower: float
    upper: float

    def trips_at(self, pressure: float) -> bool:
        """Whether this is the trip that `set_pressure_limit(pressure)` leaves, as far as the pump's digits go."""
        wanted = max(pressure, self.lower + LIMIT_SPAN * PSI)
        return abs(self.upper - wanted) <= 1.1 * PSI + 0.005 * wanted


def encode_read(name: str) -> bytes:
    """The request for `name`, a key of READS."""
    return f"{READS[name][0]}\r".encode("ascii")


def encode_action(name: str) -> bytes:
    """The request for `name`, a key of ACTIONS."""
    return f"{ACTIONS[name]}\r".encode("ascii")


def encode_flow(flow: float, decimals: int) -> bytes:
    """A flow (mL/min) for a head whose flow has `decimals`: FL or FO with one or two, FM with three."""
    if decimals not in _HEADS:
        raise ConfigError("unknown pump head", value=f"{decimals} decimals", bounds="1..3", remedy="check the driver")
    top = _HEADS[decimals][-1][2] / 10**decimals
    digits = round(finite(flow, 0.0, top, unit="mL/min", what="flow") * 10**decimals)
    if digits < 1:
        raise LimitExceeded("flow is below the last digit", value=f"{flow:g} mL/min", bounds=f"{10.0**-decimals:g}")
    code, width, _ = next(form for form in _HEADS[decimals] if digits <= form[2])
    return f"{code}{digits:0{width}d}\r".encode("ascii")


def encode_flow_integer(flow: float, decimals: int) -> bytes:
    """`FIn` of MX pumps: uL/min with three decimals, 10 uL/min with two."""
    if decimals not in (2, 3):
        raise ConfigError("no FI for this head", value=f"{decimals} decimals", bounds="2, 3", remedy="use FL")
    return f"FI{round(finite(flow, 0.0, 99.0, unit='mL/min', what='flow') * 10**decimals):d}\r".encode("ascii")


def encode_limit(name: str, psi: float) -> bytes:
    """`UP0435` or `LP0000`: name "upper" or "lower", whole psi."""
    code = {"upper": "UP", "lower": "LP"}[name]
    return f"{code}{int(finite(psi, 0, 6000, unit='psi', what=f'{name} limit')):04d}\r".encode("ascii")


def encode_compensation(psi: float) -> bytes:
    """`PC10`: pressure compensation in hundreds of psi."""
    return f"PC{round(finite(psi, 0, 6000, unit='psi', what='compensation') / 100):02d}\r".encode("ascii")


def encode_head(head: int) -> bytes:
    """`HT2`: head type 1-6. The pump stops and forgets its compensation and limits: for the bench, never in a batch."""
    return _digits("HT", head, 1, 1, 6)


def encode_flow_compensation(percent: float) -> bytes:
    """`UC0985` of MX pumps: 85-115 % of the flow, in tenths of a percent."""
    return f"UC{round(finite(percent, 85.0, 115.0, unit='%', what='flow compensation') * 10):04d}\r".encode("ascii")


def encode_leak_mode(mode: int) -> bytes:
    """`LM1` of MX pumps: 0 off, 1 or 2."""
    return _digits("LM", mode, 1, 0, 2)


def encode_solvent(solvent: int) -> bytes:
    """`SS3` of MX pumps: which solvent's compressibility counts."""
    return _digits("SS", solvent, 1, 0, 99)


def _digits(code: str, value: int, width: int, low: int, high: int) -> bytes:
    if type(value) is not int or not low <= value <= high:
        raise LimitExceeded(f"{code} has no such number", value=value, bounds=f"{low}..{high}")
    return f"{code}{value:0{width}d}\r".encode("ascii")


def decode_done(reply: bytes) -> None:
    """`OK/`, on MX pumps also with the value taken (`OK,LM:1/`); DeviceFault for `Er/`."""
    text = ascii_text(reply).strip()
    decode(reply, min(text.count(","), 1))


def decode_flow_compensation(reply: bytes) -> float:
    """`OK,UC:10000/` of MX pumps: percent of the flow (hundredths on the wire)."""
    return decode_named(reply, "flow compensation") / 100.0


def decode(reply: bytes, fields: int = 0) -> list[str]:
    """The fields of `OK,a,b/`; DeviceFault for `Er/`, BadReply unless there are as many as expected."""
    text = ascii_text(reply).strip()
    if text.lower() == "er/":
        raise DeviceFault("refuses the command (Er/)", remedy="check value and pump model")
    words = text.removesuffix("/").split(",")
    if words[0] != "OK" or not text.endswith("/") or len(words) != fields + 1:
        raise BadReply("not an answer to this command", value=shown(text), remedy="check driver and settings")
    return words[1:]


def decode_report(reply: bytes) -> PumpReport:
    """`OK,1.00,5000,0,PSI,0,1,0/`."""
    flow, upper, lower, unit, head, running, _ = decode(reply, READS["status"][1])
    decimals = _FLOW.fullmatch(flow.strip())
    if not decimals or unit.strip().upper() not in PRESSURE_UNITS or running.strip() not in ("0", "1"):
        raise BadReply("not a status", value=shown(ascii_text(reply)), remedy="check driver and settings")
    limits = number(upper), number(lower)
    return PumpReport(
        number(flow), len(decimals[1]), *limits, unit.strip().upper(), head.strip(), running.strip() == "1"
    )


def decode_faults(reply: bytes) -> Faults:
    """`OK,0,1,0/`: stall, upper limit, lower limit."""
    return Faults(*_flags(decode(reply, READS["faults"][1]), reply))


def decode_information(reply: bytes) -> tuple[bool, Faults]:
    """`PI` of MX pumps: the run flag and the faults among its 17 fields."""
    words = decode(reply, READS["information"][1])
    running, upper, lower, stall = _flags([words[1], words[8], words[9], words[16]], reply)
    return running, Faults(stall, upper, lower)


def decode_pressure(reply: bytes) -> float:
    """`OK,100/`, in the pump's unit."""
    return number(decode(reply, 1)[0])


def decode_pressure_flow(reply: bytes) -> tuple[float, float]:
    """`OK,100,1.00/`: pressure in the pump's unit, flow in mL/min."""
    pressure, flow = decode(reply, 2)
    return number(pressure), number(flow)


def decode_named(reply: bytes, name: str) -> float:
    """`OK,MF:12.00/` of MX pumps; `name` is a key of READS."""
    code, _, value = decode(reply, 1)[0].partition(":")
    if code.strip().upper() != READS[name][0]:
        raise BadReply("another value", value=shown(ascii_text(reply)), bounds=READS[name][0], remedy="check driver")
    return number(value)


def decode_identification(reply: bytes) -> Identity:
    """`OK,v3.1 firmware/`, on MX pumps `OK,<id> Version <v>/`."""
    text = decode(reply, 1)[0].strip()
    mx = re.fullmatch(r"(.*?)\s*Version\s+(.+)", text)
    if mx:
        return Identity("Teledyne SSI", mx[1] or "Next Generation MX", "", mx[2])
    return Identity("Teledyne SSI", "Series I-IV", "", text)


def _flags(words: list[str], reply: bytes) -> list[bool]:
    if any(word.strip() not in ("0", "1") for word in words):
        raise BadReply("not flags", value=shown(ascii_text(reply)), remedy="check driver and settings")
    return [word.strip() == "1" for word in words]
