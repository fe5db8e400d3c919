"""Teledyne SSI / LabAlliance HPLC pumps (Series I-IV, Next Generation MX): SEC eluent.

Source: SSI 90-2581 Rev B, appendix A; for MX also pct-code/py-hplc 1.0.4. Two letters, fixed digits, CR; replies end
with `/`. After `Er/` the pump's input is cleared with `#`, or the next command would be glued to the old one.
The digits of a flow depend on the head: `CS` is read first and the decimals of its flow are counted.
A fault stops the pump while it keeps answering `OK/`, so `RF` is asked with every reading. Unconfirmed: clearing a
fault on Series I-IV, the limits' unit in `CS` when the pump is not set to psi.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.link import Link, until
from devices.readings import Identity, PumpState, Reading
from devices.strict import about, ascii_text, check_role, finite, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded
from vesiflow.quantities import Pressure, inside

RESET = b"#"  # clears the pump's input, no reply
GAP = 0.03  # s: 15 ms before and 15 ms after a command
REPLY_LIMIT = 1.0  # s, project default
ML_MIN = 1e-6 / 60.0  # m^3/s
PSI = 6894.757293168  # Pa
PRESSURE_UNITS = {"PSI": PSI, "ATM": 101325.0, "MPA": 1e6, "BAR": 1e5, "KGC": 98066.5}  # Pa
LIMIT_SPAN = 100  # psi between lower and upper limit
ACTIONS = {
    "run": "RU", "stop": "ST", "force fault": "SF", "keypad off": "KD", "keypad on": "KE",
    "clear faults": "CF", "zero strokes": "ZS",
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


class TeledyneSsiOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the highest limit the head allows (5000 psi plastic, 6000 psi steel)."""

    max_pressure: Pressure = Field(default="6000 psi", validate_default=True)


class TeledyneSsi:
    """One pump. A flow of zero stops it; it runs again with the next flow."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = TeledyneSsiOptions
    provides: ClassVar[tuple[str, ...]] = ("chromatography_pump", "pump")
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Teledyne SSI", "Series I-IV, MX", "SSI 90-2581 Rev B, app. A")

    def __init__(self, link: Link, clock: Clock, options: TeledyneSsiOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._max_psi = inside((options or TeledyneSsiOptions()).max_pressure, "Pa") / PSI
        self._unit: str | None = None  # of pressures; can only be changed at the pump
        self._zero = False
        self._wanted = False
        link.gap = max(link.gap, GAP)
        link.reset = RESET

    async def connect(self) -> Identity:
        """Clear its input, identify, read the head's digits and the pressure unit; nothing moves."""
        await self._link.send(RESET)
        identity = await self._identify()
        with about(self._link.name, "connect"):
            await self._report()
        self._link.identity = identity
        self._link.identify = self._identify
        return identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> TeledyneSsi:
        """The pump itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(Kind.SETPOINT, evidence="read_run", judge=reads_back(lambda post, flow: bool(post.is_at(flow))))
    async def set_flow(self, flow: float) -> None:
        """Set the flow, m^3/s, to the head's last digit; returns when `CS` shows it."""
        with about(self._link.name, "set flow"):
            wanted = finite(flow, 0.0, 1e-3, unit="m^3/s", what="flow") / ML_MIN
            report = await self._report()
            step = 10.0**-report.decimals
            if wanted < 0.5 * step:
                self._wanted = self._wanted or report.running
                self._zero = True
                await self._halt()
                return
            await self._do(encode_flow(wanted, report.decimals), "set flow")
            found = (await self._report()).flow
            if abs(found - wanted) > 0.501 * step:
                raise DeviceFault("flow was not taken over", value=f"{found:g}", bounds=f"{wanted:g} mL/min")
            resume, self._zero = self._zero and self._wanted, False
            if resume:
                await self._run()

    @command(Kind.SETPOINT, evidence="read_run", judge=reads_back(lambda post: bool(post.running or post.flow == 0.0)))
    async def start(self) -> None:
        """Run unless it runs; refused by a fault. With a flow of zero, as soon as there is a flow."""
        with about(self._link.name, "start"):
            if not self._zero:
                await self._run()
            self._wanted = True

    @command(Kind.SETPOINT, evidence="read_run", judge=reads_back(lambda post: not post.running), safe=True)
    async def stop(self) -> None:
        """Stop; returns when `CS` says so."""
        with about(self._link.name, "stop"):
            self._wanted = False
            await self._halt()

    @command(
        Kind.SETPOINT, evidence="read_limits", judge=reads_back(lambda post, pressure: bool(post.trips_at(pressure)))
    )
    async def set_pressure_limit(self, pressure: float) -> None:
        """Set the upper trip limit, Pa, cut to whole psi.

        The pump keeps 100 psi (6.9 bar) between its limits: below that its own trip stands at lower limit + 100 psi,
        and only the line controller's limit protects a softer column. `read_limits` tells where it trips.
        """
        with about(self._link.name, "set pressure limit"):
            asked = finite(pressure / PSI, 1.0, self._max_psi, unit="psi", what="pressure limit")
            before = await self._report()
            lowest = before.lower * PRESSURE_UNITS[before.unit] / PSI + LIMIT_SPAN
            psi = int(max(asked, math.ceil(lowest - 1e-3)) + 1e-6)
            await self._do(encode_limit("upper", psi), "set pressure limit")
            after = await self._report()
            if not _is_limit(after, psi):
                raise DeviceFault(
                    "limit was not taken over", value=f"{after.upper:g} {after.unit}", bounds=f"{psi} psi"
                )

    @read
    async def read_pump(self) -> PumpState:
        """Flow (m^3/s) and whether it runs; DeviceFault while the pump reports one."""
        with about(self._link.name, "read pump"):
            await self._refuse_faults()
        state = await self.read_run()
        return PumpState(state.flow, state.running)

    @read
    async def read_run(self) -> RunState:
        """Flow and run flag as `CS` tells them, whatever faults there are."""
        with about(self._link.name, "read status"):
            report = await self._report()
            flow = 0.0 if self._zero and not report.running else report.flow * ML_MIN
            return RunState(flow, 10.0**-report.decimals * ML_MIN, report.running)

    @read
    async def read_pressure(self) -> Reading:
        """Outlet pressure, Pa; DeviceFault while the pump reports one."""
        with about(self._link.name, "read pressure"):
            await self._refuse_faults()
            unit = self._unit or (await self._report()).unit
            pressure, _ = decode_pressure_flow(await self._ask("pressure and flow"))
            return Reading(pressure * PRESSURE_UNITS[unit], self._clock.now())

    @read
    async def read_limits(self) -> PressureLimits:
        """The trip limits."""
        with about(self._link.name, "read limits"):
            report = await self._report()
            scale = PRESSURE_UNITS[report.unit]
            return PressureLimits(report.lower * scale, report.upper * scale)

    async def _run(self) -> None:
        if (await self._report()).running:
            return
        await self._refuse_faults()
        await self._do(encode_action("run"), "run")
        if not (await self._report()).running:
            await self._refuse_faults()
            raise DeviceFault("does not run after RU", remedy="look at the pump's panel")

    async def _halt(self) -> None:
        await self._do(encode_action("stop"), "stop")
        if (await self._report()).running:
            raise DeviceFault("still runs after ST", remedy="stop it at the panel")

    async def _refuse_faults(self) -> None:
        faults = decode_faults(await self._ask("faults"))
        if faults.text:
            raise DeviceFault(f"stopped by a fault: {faults.text}", remedy="find the cause, then clear it at the pump")

    async def _report(self) -> PumpReport:
        report = decode_report(await self._ask("status"))
        self._unit = report.unit
        return report

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            return decode_identification(await self._ask("identification"))

    async def _do(self, request: bytes, action: str) -> None:
        decode(await self._query(request, 0, action))

    async def _ask(self, name: str) -> bytes:
        return await self._query(encode_read(name), READS[name][1], name)

    async def _query(self, request: bytes, fields: int, action: str) -> bytes:
        def ours(reply: bytes) -> bool:
            return reply.strip().lower() == b"er/" or (reply.strip()[:2] == b"OK" and reply.count(b",") == fields)

        reply = await self._link.query(request, until(b"/"), accept=ours, timeout=REPLY_LIMIT, action=action)
        if reply.strip().lower() == b"er/":
            await self._link.send(RESET)
        return reply


def _is_limit(report: PumpReport, psi: int) -> bool:
    """The limit is set in psi; whether a pump set to another unit shows it in psi too is not documented."""
    if report.unit == "PSI":
        return abs(report.upper - psi) < 0.5
    shown_psi = report.upper * PRESSURE_UNITS[report.unit] / PSI
    return report.upper == psi or abs(shown_psi - psi) <= 0.005 * psi
