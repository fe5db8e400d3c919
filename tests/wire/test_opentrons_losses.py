"""Requests and answers between us and an Opentrons robot get lost: what the journal says is what the plant's ledger says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from devices.drivers.opentrons_http import OpentronsHttp, OpentronsOptions
from devices.line_file import InstrumentSpec, LineFile, line_from_text, load_line
from devices.open_line import OpenLine, open_instrument
from devices.readings import Transfer
from line.gateway import Gateway
from records.journal import Journal
from sim import bench, lines
from sim.opentrons.machine import Machine
from sim.plant import Plant
from vesiflow.clock import VirtualClock
from vesiflow.errors import NoReply, NotSent

ROLE = "electroporation.liquid_handler"
ORDER = [Transfer("sample:A1", f"plate:{row}1", 90e-9, "EV") for row in "ABCDEFGH"]
BOTH = pytest.mark.parametrize("kind", ["ot2", "flex"])


@dataclass
class Wire:
    """The cable: its exchange number `at` is lost, on the way there or on the way back; then it is good again."""

    app: Any
    at: int = 0
    back: bool = False
    until: float = 0.0
    told: list[str] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.told.append(f"{scope['method']} {scope['path']}")
        if self.now() < self.until:
            raise httpx.ConnectError("no route to host")
        lost = len(self.told) == self.at
        if lost and not self.back:
            raise httpx.ReadTimeout("no answer")
        await self.app(scope, receive, send)
        if lost:
            raise httpx.ReadTimeout("no answer")


@dataclass
class Rig:
    """One robot behind a journaled role, and its cable."""

    clock: VirtualClock
    plant: Plant
    machine: Machine
    wire: Wire
    journal: Journal
    role: Any

    def pipetted(self) -> Counter[str]:
        return Counter(str(event.details["place"]) for event in self.plant.ledger.of("dispense"))

    async def order(self) -> str:
        """Give the order; the journal's verdict. Nothing is meant yet when it cannot be read back beforehand."""
        before = len(self.journal.intents("b1"))
        with suppress(NoReply, NotSent):
            await self.role.transfer(ORDER)
        meant = self.journal.intents("b1")[before:]
        outcome = meant[0].outcome if meant else None
        assert not meant or outcome is not None
        return str(outcome.state) if outcome else "NOT_DONE"


def packaged(kind: str) -> LineFile:
    text = load_line("sim").text
    robot = 'robot:         {driver: plr, at: "sim://bench/robot"}'
    assert robot in text
    return line_from_text(
        text.replace(robot, f"robot: {{driver: opentrons_http, at: 'sim://bench/{kind}', deck: {kind}}}")
    )


def on(kind: str, folder: Path, talk: Callable[[Rig], Awaitable[Any]], **options: Any) -> Any:
    async def inside() -> Any:
        clock = VirtualClock()
        simulated = lines.build({}, clock.now)
        wire = Wire(simulated.bench.apps[f"bench/{kind}"](), now=clock.now)
        here = bench.Bench(simulated.bench.endpoints, {f"bench/{kind}": lambda: wire})
        plant = simulated.plant
        plant.people.act("place on deck", {"bottle": "exchange", "position": "sample"}, {})
        plant.people.act("place plate", {"plate": "P1"}, {})
        journal = Journal(folder / "journal.sqlite", clock, code_version="test", boot_id="boot")

        async def act() -> Any:
            with bench.using(here):
                chosen = OpentronsOptions.model_validate({"deck": kind, "poll": "100 s", **options})
                spec = InstrumentSpec("robot", "opentrons_http", OpentronsHttp, f"sim://bench/{kind}", chosen, None)
                instrument = await open_instrument(spec, clock)
                line = OpenLine(packaged(kind), clock, {"robot": instrument}, {ROLE: instrument.driver})
                wire.told.clear()
                try:
                    role = Gateway(line, journal, "b1", "p1", 1).role(ROLE)
                    return await talk(Rig(clock, plant, simulated.robots[f"bench/{kind}"], wire, journal, role))
                finally:
                    await instrument.close()

        try:
            return await clock.spawn(act(), "robot")
        finally:
            journal.close()

    return asyncio.run(inside())


@BOTH
def test_a_lost_request_or_answer_never_makes_a_second_transfer(kind: str, tmp_path: Path) -> None:
    once = Counter({f"plate:{row}1": 1 for row in "ABCDEFGH"})

    async def whole(rig: Rig) -> list[str]:
        assert await rig.order() == "DONE" and rig.pipetted() == once
        return rig.wire.told

    exchanges = on(kind, tmp_path / "whole", whole)
    assert {one.split("/")[1] for one in exchanges} >= {"runs", "protocols"} and len(exchanges) > 12

    async def lossy(rig: Rig) -> str:
        verdict = await rig.order()
        done = rig.pipetted() == once
        assert done if verdict == "DONE" else not rig.pipetted(), rig.pipetted()
        if verdict != "DONE":
            assert await rig.order() == "DONE" and rig.pipetted() == once
        assert len([run for run in rig.machine.runs if run.actions]) == 1  # played
        return verdict

    for number in range(1, len(exchanges) + 1):
        for back in (False, True):

            async def talk(rig: Rig, number: int = number, back: bool = back) -> str:
                rig.wire.at, rig.wire.back = number, back
                return await lossy(rig)

            verdict = on(kind, tmp_path / f"{number}-{back}", talk)
            assert verdict in ("DONE", "NOT_DONE"), f"{exchanges[number - 1]} {back}: {verdict}"


def test_two_robots_in_one_process_know_nothing_of_each_other() -> None:
    """While one of them hangs for ten minutes the other ends to the second as it does alone."""
    ends: dict[tuple[str, bool], float] = {}
    for kinds in (("flex",), ("ot2", "flex")):

        async def inside(kinds: tuple[str, ...] = kinds) -> None:
            clock = VirtualClock()
            simulated = lines.build({}, clock.now)
            plant = simulated.plant
            plant.people.act("place on deck", {"bottle": "exchange", "position": "sample"}, {})
            plant.people.act("place plate", {"plate": "P1"}, {})
            apps = dict(simulated.bench.apps)
            slow = Hanging(simulated.bench.apps["bench/ot2"](), clock)
            apps["bench/ot2"] = lambda: slow

            async def order(kind: str) -> None:
                options = OpentronsOptions.model_validate({"deck": kind})
                spec = InstrumentSpec(kind, "opentrons_http", OpentronsHttp, f"sim://bench/{kind}", options, None)
                with bench.using(bench.Bench(simulated.bench.endpoints, apps)):
                    instrument = await open_instrument(spec, clock)
                wells = [
                    Transfer("sample:A1", f"plate:{row}{1 if kind == 'ot2' else 2}", 90e-9, "EV") for row in "ABCDEFGH"
                ]
                report = await instrument.driver.transfer(wells)
                ends[kind, len(kinds) > 1] = clock.now()
                (run,) = simulated.robots[f"bench/{kind}"].runs
                assert report.run == run.id and report.done == 8
                await instrument.close()

            tasks = [clock.spawn(order(kind), kind) for kind in kinds]
            await clock.spawn(joined(clock, tasks), "both")
            given = Counter(str(event.details["place"]) for event in plant.ledger.of("dispense"))
            assert set(given.values()) == {1} and len(given) == 8 * len(kinds)

        asyncio.run(inside())
    assert ends["flex", True] == ends["flex", False]
    assert ends["ot2", True] > ends["flex", True] + HANGS


HANGS = 600.0  # s


@dataclass
class Hanging:
    """A robot that takes ten minutes over one answer."""

    app: Any
    clock: VirtualClock
    number: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.number += 1
        if self.number == 9:
            await self.clock.sleep(HANGS)
        await self.app(scope, receive, send)


async def joined(clock: VirtualClock, tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        await clock.join(task)
