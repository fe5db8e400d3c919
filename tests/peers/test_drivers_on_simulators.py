"""Our drivers over TCP against simulators written by others from the same manuals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from devices import registry
from devices.link import Link
from devices.transports import open_transport
from tests.peers.conftest import Run, Serve
from vesiflow.clock import WallClock
from vesiflow.errors import BadReply, ConfigError, LimitExceeded

pytestmark = pytest.mark.peers
BRIDGE = str(Path(__file__).with_name("bridge.py"))
LEWIS = "from lewis.scripts.run import run_simulation; run_simulation()"
SINSTRUMENTS = """\
import sys, gevent.monkey
gevent.monkey.patch_all()
from sinstruments.simulator import create_server_from_config
create_server_from_config({"devices": [{"class": "JulaboCF", "package": "julabo.simulator", "name": "bath",
    "transports": [{"type": "tcp", "url": "127.0.0.1:" + sys.argv[1]}]}]}).serve_forever()
"""


@asynccontextmanager
async def driver(name: str, at: str, connect: bool = True, **options: Any) -> AsyncIterator[Any]:
    """The driver `name`, connected over a socket."""
    kind, clock = registry.load(name), WallClock()
    transport = await open_transport(at, kind.settings, clock)
    try:
        device = kind(Link(transport, clock, "peer"), clock, kind.options.model_validate(options))
        if connect:
            await device.connect()
        yield device
    finally:
        await transport.close()


@pytest.fixture
def labmcp(run: Run) -> Callable[..., str]:
    """The address of a LabMCP simulator (Apache-2.0)."""

    def serve(package: str, name: str, write_end: str, read_end: str, **keywords: Any) -> str:
        process = run(BRIDGE, f"{package}.simulator", name, *map(json.dumps, (write_end, read_end, keywords)))
        assert process.stdout is not None
        return f"socket://127.0.0.1:{int(process.stdout.readline())}"

    return serve


async def circulate(device: Any) -> None:
    """Set-point and switch, read back."""
    await device.set_temperature(24.5)
    await device.start()
    state = await device.read_circulator()
    assert state.setpoint == 24.5 and state.running and state.temperature.usable
    await device.stop()
    assert not (await device.read_circulator()).running


async def test_julabo_on_labmcp(labmcp: Callable[..., str]) -> None:
    async with driver("julabo", labmcp("labmcp_julabo", "JulaboSimulator", "\r", "\r\n")) as device:
        await circulate(device)
        with pytest.raises(LimitExceeded):
            await device.set_temperature(1000.0)


async def test_mettler_on_labmcp(labmcp: Callable[..., str]) -> None:
    at = labmcp("labmcp_mettler_toledo", "MTSICSSimulator", "\r\n", "\r\n", load_g=100.0)
    async with driver("mettler_sics", at) as device:
        assert (await device.read_mass()).value == pytest.approx(0.1, abs=1e-5)
        await device.tare()
        assert (await device.read_mass()).value == pytest.approx(0.0, abs=1e-5)
        assert (await device.read_tare()).tare == pytest.approx(0.1, abs=1e-5)


@pytest.mark.parametrize("characters", [16, 22])
async def test_sartorius_on_labmcp(labmcp: Callable[..., str], characters: int) -> None:
    at = labmcp("labmcp_sartorius", "SBISimulator", "\r\n", "\r\n", load_g=120.0, fmt=characters)
    async with driver("sartorius_sbi", at) as device:
        assert (await device.read_mass()).value == pytest.approx(0.12, abs=1e-4)
        await device.tare()
        assert (await device.read_mass()).value == pytest.approx(0.0, abs=1e-4)


async def test_pfeiffer_on_labmcp(labmcp: Callable[..., str]) -> None:
    async with driver("pfeiffer_tpg362", labmcp("labmcp_pfeiffer_tpg", "TPGSimulator", "\r", "\r\n")) as device:
        found = await device.read_pressures()
        assert set(found) == {"pirani", "capacitance"}
        assert any(reading.usable and 0.0 < reading.value < 2e5 for reading in found.values())


async def test_conductivity_on_labmcp(labmcp: Callable[..., str]) -> None:
    async with driver("atlas_ezo_ec", labmcp("labmcp_atlas_ezo", "EZOSimulator", "\r", "\r", sensor="EC")) as device:
        assert 0.0 < (await device.read_conductivity()).value < 50.0
        await device.set_compensation(4.0)
        assert await device.read_compensation() == 4.0


async def test_alicat_on_labmcp(labmcp: Callable[..., str]) -> None:
    """Theirs controls a mass flow: columns, frame and maker are read, and it is refused as a pressure controller."""
    at = labmcp("labmcp_alicat", "AlicatSimulator", "\r", "\r")
    async with driver("alicat_pcd", at, connect=False) as device:
        with pytest.raises(ConfigError, match="has no set-point"):
            await device.connect()
        identity = await device._identify()
        assert (identity.model, identity.serial_number, identity.firmware) == ("MC-500SCCM-D", "521641", "10v20.0-R24")
        frame = await device._poll()
        assert 14.0 < float(frame.fields[2]) < 15.0 and frame.fields[703] == "N2" and not frame.status


async def test_julabo_on_sinstruments(served: Serve) -> None:
    async with driver("julabo", await served("-c", SINSTRUMENTS, "{port}")) as device:
        await circulate(device)


async def test_a_status_that_no_manual_knows_is_refused(served: Serve) -> None:
    """lewis' JULABO greets instead of telling its state: numbers are read, the state is a typed error."""
    interface = "julabo-version-1: {bind_address: 127.0.0.1, port: {port}}"
    at = await served("-c", LEWIS, "julabo", "-p", interface)
    async with driver("julabo", at, connect=False) as device:
        with pytest.raises(BadReply, match="Hello from the simulated Julabo"):
            await device.connect()
        assert (await device.read_temperature()).value == 24.0
        with pytest.raises(BadReply):
            await device.set_temperature(25.0)
