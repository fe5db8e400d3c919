"""A tiny line for controller tests: one pump and an operator, no bytes, real journal and telemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from devices.commands import Kind, command, counts, read, reads_back
from devices.readings import Answer, Identity, Prompt, PumpState
from line.controller import Controller
from line.phases import EquipmentPhase
from line.run import PhaseRun
from protocols.control import ControlRecipe, Operation, Phase, UnitProcedure
from protocols.phases import Approve
from records.journal import Journal
from records.telemetry import TelemetryWriter
from vesiflow.clock import VirtualClock
from vesiflow.errors import VesiflowError
from vesiflow.line_profile import LineProfile


class FakePump:
    """A pump that can lose replies: `lose` is raised after the act when `acts`, else instead of it."""

    def __init__(self) -> None:
        self.flow, self.running, self.starts, self.doses = 0.0, False, 0, 0
        self.lose: VesiflowError | None = None
        self.acts = True
        self.silent = False

    def _do(self, act: Callable[[], None]) -> None:
        if self.lose is None:
            act()
            return
        error, self.lose = self.lose, None
        if self.acts:
            act()
        raise error

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda state, flow: state.flow == flow))
    async def set_flow(self, flow: float) -> None:
        self._do(lambda: setattr(self, "flow", flow))

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda state: state.running))
    async def start(self) -> None:
        self.starts += 1
        self._do(lambda: setattr(self, "running", True))

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda state: not state.running), safe=True)
    async def stop(self) -> None:
        self._do(lambda: setattr(self, "running", False))

    @command(Kind.COUNTED, evidence="read_count", judge=counts(int))
    async def dose(self) -> None:
        self._do(lambda: setattr(self, "doses", self.doses + 1))

    @command(Kind.BLIND)
    async def splash(self) -> None:
        self._do(lambda: None)

    @read
    async def read_pump(self) -> PumpState:
        return PumpState(self.flow, self.running)

    @read
    async def read_count(self) -> int:
        if self.silent:
            raise VesiflowError("no answer")
        return self.doses

    async def undeclared(self) -> None:
        """Acts without saying how: must never be called."""


class FakeOperator:
    async def ask(self, prompt: Prompt) -> Answer:
        return Answer((("approved", "yes"),), "tester")


def recipe(kinds: list[str], line: str = "tiny") -> ControlRecipe:
    phases = tuple(Phase(f"1-tff/{n}-{kind}/1", kind, "tff", Approve("?"), 1.0) for n, kind in enumerate(kinds, 1))
    return ControlRecipe("test", "1", line, (UnitProcedure(1, "tff", "tff", (Operation("all", phases),)),))


class Bench:
    """A controller over the fakes."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.pump = FakePump()
        self.journal = Journal(folder / "journal.sqlite", self.clock, code_version="test", boot_id="boot")
        identity = Identity("fake", "pump", "7")
        spec = SimpleNamespace(driver_name="fake", at="sim://x", name="pump", simulated=True)
        instrument = SimpleNamespace(spec=spec, identity=identity)
        role = SimpleNamespace(instrument="pump", limits={"flow": (0.0, 1.0)}, options={})
        file = SimpleNamespace(
            name="tiny", digest="d", roles={"tff.feed_pump": role, "line.operator": role},
            safe_state={"tff": {"feed_pump": "stop"}}, profile=LineProfile("tiny", {}),
        )  # fmt: skip
        self.line: Any = SimpleNamespace(
            file=file, instruments={"pump": instrument}, clock=self.clock, close=_nothing,
            roles={"tff.feed_pump": self.pump, "line.operator": FakeOperator()},
        )  # fmt: skip
        self.controller = Controller(
            self.line, self.journal, self.clock, lambda batch: TelemetryWriter(folder / f"{batch}.sqlite", self.clock)
        )

    def events(self, kind: str) -> list[Mapping[str, Any]]:
        return [entry.data for entry in self.journal.events(None, [kind])]


async def _nothing() -> None:
    return None


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    made = Bench(folder)
    try:
        yield made
    finally:
        for batch in made.controller.batches.values():
            batch.telemetry.close()
        made.journal.close()


async def pumping(run: PhaseRun, params: Any) -> None:
    """Pump for 100 s."""
    pump = run.gateway.role("tff.feed_pump")

    async def on() -> None:
        await pump.set_flow(0.5)
        await pump.start()

    await on()
    async for elapsed in run.scans(5.0, on):
        run.log("tff.feed_flow", 0.5)
        if elapsed >= 100.0:
            break
    await pump.stop()
    run.result("pumped", 50.0, "m^3")
    run.fact("pumped", 50.0)


TEST_PHASES = {"pump": EquipmentPhase(pumping)}
