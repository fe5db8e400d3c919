"""The pump through the conformance kit, thousands of spoilt answers, and a line that uses it."""

import asyncio
import sys
from pathlib import Path

import pytest
from diy_pump_emulator import PumpEmulator

from devices.line_file import line_from_text
from devices.open_line import open_line
from devices.testing.barrage import barrage
from devices.testing.conformance import *  # noqa: F403
from devices.testing.plugin import counterparts
from sim.bench import Bench, using
from vesiflow.clock import VirtualClock

LINE = Path(__file__).parents[1] / "line.yaml"


def test_no_spoilt_answer_does_harm(pytestconfig: pytest.Config) -> None:
    outcome = barrage("diy_pump", counterparts(pytestconfig)["diy_pump"], frames=2000, seed=1)
    assert outcome.right > 0 and outcome.errors


def test_it_is_used_by_a_line() -> None:
    text = LINE.read_text(encoding="utf-8").replace("/dev/serial/by-id/usb-Arduino_Uno_0007-if00", "sim://buffer")

    async def run() -> None:
        clock = VirtualClock()
        emulator = PumpEmulator(clock.now)

        async def act() -> None:
            line = await open_line(line_from_text(text), clock)
            pump = line.roles["tff.buffer_pump"]
            await pump.set_flow(1e-7)
            await pump.start()
            assert (emulator.hundredths, emulator.running) == (600, True)
            assert line.instruments["buffer"].identity.serial_number == "0007"
            await line.close()

        with using(Bench({"buffer": emulator})):
            await clock.spawn(act(), "line")

    asyncio.run(run())


def test_it_imports_nothing_of_vesiflow() -> None:
    source = Path(sys.modules["diy_pump"].__file__ or "").read_text(encoding="utf-8")
    imports = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert not [line for line in imports if line.split()[1].split(".")[0] in ("devices", "vesiflow", "sim")]
