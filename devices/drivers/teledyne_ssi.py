"""Teledyne SSI / LabAlliance HPLC pumps (Series I-IV, Next Generation MX): SEC eluent.

Source: SSI 90-2581 Rev B, appendix A; for MX also pct-code/py-hplc 1.0.4; the bytes are in `ssi_codec`. After
`Er/` the pump's input is cleared with `#`, or the next command would be glued to the old one.
The digits of a flow depend on the head: `CS` is read first and the decimals of its flow are counted.
A fault stops the pump while it keeps answering `OK/`, so `RF` is asked with every reading. Unconfirmed: clearing a
fault on Series I-IV, the limits' unit in `CS` when the pump is not set to psi.
"""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.drivers.ssi_codec import (
    LIMIT_SPAN,
    PRESSURE_UNITS,
    PSI,
    READS,
    PressureLimits,
    PumpReport,
    RunState,
    decode,
    decode_faults,
    decode_identification,
    decode_pressure_flow,
    decode_report,
    encode_action,
    encode_flow,
    encode_limit,
    encode_read,
)
from devices.link import Link, until
from devices.readings import Identity, PumpState, Reading
from devices.strict import about, check_role, finite
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import DeviceFault
from vesiflow.quantities import Pressure, inside

RESET = b"#"  # clears the pump's input, no reply
GAP = 0.03  # s: 15 ms before and 15 ms after a command
REPLY_LIMIT = 1.0  # s, project default
ML_MIN = 1e-6 / 60.0  # m^3/s


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
