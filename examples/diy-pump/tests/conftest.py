"""What the conformance kit needs: the emulator, and what is true behind it."""

from typing import Any

from diy_pump_emulator import PumpEmulator

from devices.testing.counterpart import Counterpart, Make, Probe
from vesiflow.clock import Clock


def make(clock: Clock) -> Counterpart:
    emulator = PumpEmulator(clock.now)

    async def pumped(role: Any) -> float:
        state = await role.read_pump()
        return float(state.flow if state.running else 0.0)

    def truth() -> float:
        return emulator.hundredths / 100 * 1e-6 / 60 if emulator.running else 0.0

    return Counterpart(emulator, probes=(Probe("pump", pumped, truth),))


def pytest_vesiflow_counterparts() -> dict[str, Make]:
    return {"diy_pump": make}
