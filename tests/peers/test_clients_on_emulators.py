"""Our emulators, served over TCP and pseudo terminals, against clients written by others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pylabrobot.scales.mettler_toledo_backend import MettlerToledoError, MettlerToledoWXS205SDUBackend
from pymodbus.client import AsyncModbusTcpClient

from sim.bench import Bench
from sim.wire.emulator import Emulator
from sim.wire.mettler_sics import MettlerBalance
from sim.wire.mks_937b import Mks937b
from sim.wire.modbus_adc import ModbusAdc
from sim.wire.server import close, serve
from vesiflow.clock import WallClock

pytestmark = pytest.mark.peers
CLIENT_LIMIT = 60.0  # s
PYMEASURE = """\
import json, sys, serial
from pymeasure.adapters import SerialAdapter
from pymeasure.instruments.mksinst.mks937b import MKS937B
port = serial.serial_for_url(sys.argv[1], timeout=2)
gauges = MKS937B(SerialAdapter(port, read_termination=";", write_termination=";FF"), address=253)
print(json.dumps({"serial": gauges.serial, "unit": str(gauges.unit), "pressure": gauges.ch_3.pressure}))
port.close()
"""


@asynccontextmanager
async def at(emulator: Emulator, clock: WallClock, pty: bool = False) -> AsyncIterator[str]:
    """Where the emulator is served."""
    served = await serve(Bench({"one": emulator}), clock, tcp_base=None if pty else 0, pty=pty)
    try:
        yield served[0].where
    finally:
        await close(served)


async def test_mettler_balance_by_pylabrobot() -> None:
    clock, load = WallClock(), [0.1]
    balance = MettlerBalance(clock.now, lambda: load[0], lambda: True)
    async with at(balance, clock, pty=True) as where:
        backend = MettlerToledoWXS205SDUBackend(port=where)
        await backend.io.setup()
        with pytest.raises(MettlerToledoError, match="Syntax error"):
            await backend.send_command("M21 0 0")  # its set-up needs a command of level 2, our balance has 0 and 1
        assert await backend.request_serial_number() == "B123456789"
        assert await backend.read_stable_weight() == pytest.approx(100.0, abs=0.02)
        await backend.tare_stable()
        load[0] = 0.25
        assert await backend.read_weight_value_immediately() == pytest.approx(150.0, abs=0.02)
        await backend.stop()


async def test_uv_detector_by_pymodbus() -> None:
    clock = WallClock()
    async with at(ModbusAdc(clock.now, lambda: 0.0375, framing="tcp", unit_id=5), clock) as where:
        host, port = where.removeprefix("socket://").split(":")
        client = AsyncModbusTcpClient(host, port=int(port))
        assert await client.connect()
        answer = await client.read_holding_registers(0, count=2, device_id=5)
        value = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
        assert value == pytest.approx(37.5)
        assert (await client.read_holding_registers(100, count=1, device_id=5)).isError()
        client.close()


async def test_mks_gauges_by_pymeasure(peers: Path) -> None:
    clock = WallClock()
    emulator = Mks937b(clock.now, [lambda: 12.8, None, lambda: 8.0], piranis=(1,))
    async with at(emulator, clock) as where:
        process = await asyncio.create_subprocess_exec(
            str(peers), "-c", PYMEASURE, where, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, errors = await asyncio.wait_for(process.communicate(), CLIENT_LIMIT)
    assert process.returncode == 0, errors.decode()[-2000:]
    found = json.loads(out)
    assert found["serial"] == "937B-0042" and "torr" in found["unit"].lower()
    assert found["pressure"] == pytest.approx(8.0 * 760.0 / 101325.0, rel=0.02)
