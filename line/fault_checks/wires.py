"""Control characters in a name, and a port that takes nothing."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from devices.link import Link, until
from devices.readings import PulseProgram
from devices.transports import WRITE_LIMIT, SerialSettings, open_transport
from line.gateway import Gateway
from line.host import hosted
from line.trial_line import trial
from line.trial_result import Result
from records.store import Store
from vesiflow.clock import WallClock
from vesiflow.errors import VesiflowError

ROLE = "electroporation.electroporator"
NAMES = (
    'S1\r\nsendmtd "A', "S1\rdelm", "S1\nmend", "S1\x1b[2J", "S1\0", 'S1"', "S1\u2028mend", "\uff33\uff11", "S\u00e9",
    "", "S" * 200,
)  # fmt: skip
_WAIT = 0.5  # s, for an answer that never comes


async def injection(result: Result, seed: int) -> Result:
    """Every name is refused before a byte leaves; the pulser stores nothing."""
    line, _, _ = trial("electroporation")
    with tempfile.TemporaryDirectory() as folder:
        async with hosted(line, Store(Path(folder)), seed=seed) as host:
            gateway = Gateway(host.controller.line, host.controller.journal, "", "injection", 1)
            role = gateway.role(ROLE)
            link = host.controller.line.instruments[line.roles[ROLE].instrument].link
            assert isinstance(link, Link)
            sent = link.counters.sent
            for name in NAMES:
                result.add(await host.clock.spawn(_taken(role, name), "upload"))
            result.add(f"{link.counters.sent - sent} commands left" if link.counters.sent != sent else "")
    return result.ended("Refused", by="encoder")


async def _taken(role: object, name: str) -> str:
    program = PulseProgram(name, "square", 200.0, 1, 1.0, 2e-3, width=2e-4, capacitance=0.0, resistance=0.0)
    try:
        await role.upload(program)  # type: ignore[attr-defined]
    except VesiflowError:
        return ""
    return f"the name {name!r} was taken"


async def blocked(result: Result, seed: int) -> Result:
    """A pty that nobody reads: the write ends with an error that says so, within twice its time."""
    master, slave = os.openpty()
    clock, began = WallClock(), time.perf_counter()
    try:
        transport = await open_transport(os.ttyname(slave), SerialSettings(), clock)
        link = Link(transport, clock, "blocked port")
        try:
            await link.query(b"x" * 262_144, until(b"\r"), timeout=_WAIT)
        except VesiflowError as error:
            result.note = str(error)
        else:
            result.add("a quarter of a megabyte was taken")
        await transport.close()
    finally:
        os.close(master)
        os.close(slave)
    return result.ended("Refused", by="write time-out", after=min(time.perf_counter() - began, 10.0 * WRITE_LIMIT))
